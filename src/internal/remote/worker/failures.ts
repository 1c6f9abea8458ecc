/**
 * Failures of the worker's own scheduler, encoded for a client.
 *
 * Must stay true: a failure has at most the given number of bytes. One whose error is larger, or cannot be encoded, is
 * replaced by a failure that says so.
 */
import * as Duration from "effect/Duration"
import type { TaskFailure } from "../../../TaskFailure.ts"
import type * as Task from "../../task.ts"
import type { TaskValues } from "../protocol/catalog.ts"
import type { WireFailure } from "../protocol/messages.ts"
import { tooLarge } from "../protocol/payloads.ts"

type Wire = typeof WireFailure.Type

/** `values` are the codecs of the task. */
export const encodeFailure = (
  failure: TaskFailure<Task.Any>,
  values: TaskValues | undefined,
  limit: number
): Wire => {
  const part = failure.reason._tag === "Failed" ? "error" : "defect"
  try {
    const wire = toWire(failure, values)
    const bytes = bytesOf(wire)
    return bytes <= limit ? wire : { _tag: "Undecodable", part, message: tooLarge(bytes, limit) }
  } catch (error) {
    return { _tag: "Undecodable", part, message: cut(String(error)) }
  }
}

const toWire = ({ reason, trace }: TaskFailure<Task.Any>, values: TaskValues | undefined): Wire => {
  switch (reason._tag) {
    case "Failed":
      // Alone it has no limit but that of the failure.
      return { _tag: "Failed", error: values!.error.encode([reason.error], Infinity) as Uint8Array, trace: cut(trace) }
    case "Defect":
      return {
        _tag: "Defect",
        ...(reason.defect === undefined ? {} : { defect: JSON.stringify(reason.defect) }),
        trace: cut(trace)
      }
    case "Interrupted":
      return { _tag: "Interrupted", trace: cut(trace) }
    case "TimedOut":
      return { _tag: "TimedOut", millis: Duration.toMillis(reason.duration) }
    case "UnknownTask":
      return { _tag: "UnknownTask" }
    case "Undecodable":
      return { _tag: "Undecodable", part: reason.part, message: cut(reason.message) }
    case "WorkerLost": {
      const { exitCode, outOfMemory, signal } = reason
      return {
        _tag: "WorkerLost",
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(signal === undefined ? {} : { signal }),
        outOfMemory
      }
    }
    case "NoWorker":
      return { _tag: "NoWorker", millis: 0, cause: cut(reason.message) }
  }
}

/** About the bytes that a failure takes. */
export const bytesOf = (failure: Wire): number => {
  switch (failure._tag) {
    case "Failed":
      return failure.error.length
    case "Defect":
      return failure.defect === undefined ? 0 : Buffer.byteLength(failure.defect)
    default:
      return 0
  }
}

/** The longest text beside an error, in characters. A trace has at most as many. */
const MAX_TEXT = 16 * 1024

const cut = (text: string): string => text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
