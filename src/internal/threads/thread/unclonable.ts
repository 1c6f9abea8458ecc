/**
 * Repairs a message that cannot be cloned: each value at fault becomes the failure of its item alone. Only messages
 * with outcomes can hold such values; all others are made of plain data.
 */
import type { WireFailure } from "../../../Executor.ts"
import { fromColumns, toColumns } from "../../encoding/columns.ts"
import type { FromThread, Results } from "../protocol/messages.ts"

export const withoutUnclonable = (message: FromThread): FromThread => {
  if (message[0] !== "done") return message
  const [tag, id, results, failures, micros, last] = message
  const failed = failures.map(([at, failure]) => [at, failureOf(failure, "error") ?? failure] as const)
  const cloned = results.map(({ at, values: encoded }): Results => {
    const indices: Array<number> = []
    const values: Array<unknown> = []
    fromColumns(encoded).forEach((value, i) => {
      const index = typeof at === "number" ? at + i : at[i]
      const failure = failureOf(value, "success")
      if (failure === undefined) {
        indices.push(index)
        values.push(value)
      } else {
        failed.push([index, failure])
      }
    })
    return { at: indices, values: toColumns(undefined, values) }
  })
  return [tag, id, cloned, failed, micros, last]
}

/** The failure of a value that cannot be cloned, else `undefined`. */
const failureOf = (value: unknown, part: "error" | "success"): WireFailure | undefined => {
  try {
    structuredClone(value)
    return undefined
  } catch (error) {
    return { _tag: "Undecodable", part, message: String(error) }
  }
}
