/**
 * Encodes the failures of tasks that the scheduler of the worker process reports, for a client.
 *
 * Must stay true: an encoded error or defect has at most the given number of bytes. If it would be larger, or cannot be
 * encoded, the failure is replaced by `Undecodable`, whose message gives the reason.
 */
import * as Duration from "effect/Duration"
import type { TaskFailure } from "../../../TaskFailure.ts"
import type { TaskCodecs } from "../../encoding/wire/taskCodecs.ts"
import type * as Task from "../../task.ts"
import type { WireFailure } from "../protocol/messages.ts"
import { tooLarge } from "../protocol/payloads.ts"

type Wire = typeof WireFailure.Type

/** `values` are the codecs of the task. */
export const encodeFailure = (
  failure: TaskFailure<Task.Any>,
  values: TaskCodecs | undefined,
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

const toWire = ({ reason, trace }: TaskFailure<Task.Any>, values: TaskCodecs | undefined): Wire => {
  switch (reason._tag) {
    case "Failed":
      // `encode` gets no limit, because the caller checks the size of the failure.
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

/** The size of the error or the defect of a failure, in bytes. */
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

/** The largest length of a message or a trace, in characters. */
const MAX_TEXT = 16 * 1024

const cut = (text: string): string => text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
