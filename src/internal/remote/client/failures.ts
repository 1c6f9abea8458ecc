/**
 * Failures of tasks as a worker sends them, decoded for the scheduler of the client.
 *
 * Must stay true: an error or a defect that cannot be decoded makes its task fail, and nothing else.
 */
import type * as Executor from "../../../Executor.ts"
import { refusePrototype } from "../../encoding/wire/prototypeKeys.ts"
import type { TaskCodecs } from "../../encoding/wire/taskCodecs.ts"
import type { WireFailure } from "../protocol/messages.ts"

/** `values` are the codecs of the task. */
export const decodeFailure = (
  failure: typeof WireFailure.Type,
  values: TaskCodecs | undefined
): Executor.WireFailure => {
  switch (failure._tag) {
    case "Failed": {
      const { error, trace } = failure
      return decode("error", () => ({ _tag: "Failed", error: values!.error.decode(error, 1)[0], trace }))
    }
    case "Defect": {
      const { defect, trace } = failure
      if (defect === undefined) return { _tag: "Defect", defect: undefined, trace }
      return decode("defect", () => ({ _tag: "Defect", defect: fromJson(defect), trace }))
    }
    case "NoWorker":
      return { _tag: "NoWorker", millis: failure.millis, cause: failure.cause }
    default:
      return failure
  }
}

const decode = (part: "error" | "defect", f: () => Executor.WireFailure): Executor.WireFailure => {
  try {
    return f()
  } catch (error) {
    return { _tag: "Undecodable", part, message: String(error) }
  }
}

const fromJson = (text: string): unknown => {
  const value: unknown = JSON.parse(text)
  refusePrototype(value)
  return value
}
