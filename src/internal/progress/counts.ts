/**
 * The counts of one stream: `track` writes them, displays read them.
 *
 * Must stay true: counting costs one addition for an array of elements that are not objects, and a few nanoseconds for
 * each object.
 */
import * as Result from "effect/Result"

/**
 * The counts of one stream, which change while it runs.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  readonly label: string
  /** The number of elements that the stream will have, if it is known. */
  readonly total: number | undefined
  /** The number of elements until now, with those that have failed. */
  readonly done: number
  readonly failed: number
}

export class Counts implements Progress {
  readonly label: string
  total: number | undefined
  done = 0
  failed = 0
  private readonly isFailed: ((element: never) => boolean) | undefined

  constructor(label: string, isFailed: ((element: never) => boolean) | undefined) {
    this.label = label
    this.isFailed = isFailed
  }

  /** Counts the elements of one array of the stream. */
  add(elements: ReadonlyArray<unknown>): void {
    const isFailed = this.isFailed ?? (typeof elements[0] === "object" ? hasFailed : undefined)
    if (isFailed !== undefined) {
      let failed = 0
      for (let i = 0; i < elements.length; i++) if (isFailed(elements[i] as never)) failed++
      this.failed += failed
    }
    this.done += elements.length
  }
}

/** Whether the element is an outcome, as of `Dispatcher.results`, and its task has failed. */
const hasFailed = (element: { readonly result?: { readonly _tag?: unknown } | null } | null): boolean => {
  const result = element?.result
  // The tag costs less than the check of its type, and most tasks succeed.
  return result?._tag === "Failure" && Result.isResult(result)
}
