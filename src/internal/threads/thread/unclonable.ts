/**
 * Repairs a message that cannot be posted: each value at fault becomes the failure of its item alone. Only messages
 * with outcomes can hold such values; all others are made of plain data.
 */
import type { WireFailure } from "../../../Executor.ts"
import { fromColumns, toColumns } from "../../encoding/columns.ts"
import type { FromThread, Results } from "../protocol/messages.ts"

/** The message without the values that cannot be cloned. */
export const withoutUnclonable = (message: FromThread): FromThread => {
  if (message[0] !== "done" || "bytes" in message[2]) return message
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

/** The message without any value, for values that can only be cloned one by one: together they are too large. */
export const withoutValues = (message: FromThread): FromThread => {
  if (message[0] !== "done" || "bytes" in message[2]) return message
  const [tag, id, results, failures, micros, last] = message
  const refuse = (at: number, part: "error" | "success"): readonly [number, WireFailure] => [
    at,
    { _tag: "Undecodable", part, message: "it cannot be sent together with the other outcomes of its chunk" }
  ]
  const refused = results.flatMap(({ at, values }) =>
    fromColumns(values).map((_, i) => refuse(typeof at === "number" ? at + i : at[i], "success"))
  )
  return [tag, id, [], [...refused, ...failures.map(([at]) => refuse(at, "error"))], micros, last]
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
