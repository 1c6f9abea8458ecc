/**
 * Bounds the spans of tasks: a sampled caller of a million tasks must not make a million spans. A token bucket, whose
 * capacity is the number of spans in a second.
 *
 * Must stay true: a task whose parent is not sampled costs nothing here. A task without a span has the ids of its parent
 * all the same, so that the spans which its handler makes are not sampled either.
 */
import * as Context from "effect/Context"
import * as Tracer from "effect/Tracer"
import { wireSpan } from "../encoding/span.ts"

/**
 * The largest number of spans of tasks that a dispatcher makes in a second, for callers that are sampled.
 *
 * **Details**
 *
 * A dispatcher reads it when its Layer is built. The default is 1,000; `Infinity` is no bound, and 0 is no spans. Tasks
 * beyond the bound run without a span, and the spans that their handlers make are not sampled. The span
 * `papyros.execute` of their execution counts them, and has an event for each of the first 100 that fail.
 *
 * **Example** (Making a span for every task)
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Dispatcher from "papyros/Dispatcher"
 *
 * const everyTask = Layer.succeed(Dispatcher.SpansPerSecond, Infinity)
 * ```
 *
 * @stability experimental
 * @category references
 * @since 0.1.0
 */
export const SpansPerSecond: Context.Reference<number> = Context.Reference("papyros/Dispatcher/SpansPerSecond", {
  defaultValue: () => 1000
})

export class SpanLimit {
  private readonly rate: number
  private readonly now: () => number
  private tokens: number
  /** When tokens were added. */
  private at: number
  /** The last parent that was left out, and the same without being sampled. */
  private last: readonly [sampled: Tracer.AnySpan, unsampled: Tracer.AnySpan] | undefined

  /** @param now milliseconds */
  constructor(rate: number, now: () => number) {
    if (!(rate >= 0)) throw new RangeError(`SpansPerSecond must be a number of at least 0, got ${rate}`)
    this.rate = rate
    this.now = now
    this.tokens = this.capacity
    this.at = now()
  }

  /** At least one, so that a rate below that gives spans as well. */
  private get capacity(): number {
    return this.rate === 0 ? 0 : Math.max(1, this.rate)
  }

  /** Leaves out the parents of entries that start now and for which no span is left. */
  limit(entries: ReadonlyArray<{ span: Tracer.AnySpan | undefined }>): void {
    let refilled = this.rate === Infinity
    for (const entry of entries) {
      const { span } = entry
      if (span === undefined || !span.sampled) continue
      if (!refilled) this.refill()
      refilled = true
      if (this.tokens >= 1) this.tokens--
      else entry.span = this.unsampled(span)
    }
  }

  /** A task that was to make a span makes none. */
  giveBack(): void {
    this.tokens++
  }

  /** Adds the tokens of the time that has passed. */
  private refill(): void {
    const now = this.now()
    this.tokens = Math.min(this.capacity, this.tokens + (now - this.at) / 1000 * this.rate)
    this.at = now
  }

  private unsampled(parent: Tracer.AnySpan): Tracer.AnySpan {
    if (this.last?.[0] !== parent) {
      this.last = [parent, Tracer.externalSpan({ ...wireSpan(parent), sampled: false })]
    }
    return this.last[1]
  }
}
