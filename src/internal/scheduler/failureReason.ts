/**
 * Builds the reason of a `TaskFailure` from a reported failure.
 *
 * Must stay true: a part that does not decode becomes `Undecodable`, never a throw.
 */
import * as Duration from "effect/Duration"
import * as TaskFailure from "../../TaskFailure.ts"
import { CodecError, defect, type TaskCodec } from "../encoding/codec.ts"
import type * as Contract from "./contract.ts"

/** The reason of a failure of a task. Without a codec, its parts are live values. */
export const reasonOf = (
  failure: Contract.WireFailure,
  name: string,
  codec: TaskCodec | undefined
): TaskFailure.Reason<unknown> => {
  switch (failure._tag) {
    case "Failed": {
      if (codec === undefined) return new TaskFailure.Failed({ error: failure.error })
      const error = codec.error.decode(failure.error)
      return error instanceof CodecError ? undecodable("error", error) : new TaskFailure.Failed({ error })
    }
    case "Defect": {
      if (codec === undefined) return new TaskFailure.Defect({ defect: failure.defect })
      const decoded = defect.decode(failure.defect)
      return decoded instanceof CodecError
        ? undecodable("defect", decoded)
        : new TaskFailure.Defect({ defect: decoded })
    }
    case "TimedOut":
      return new TaskFailure.TimedOut({ duration: Duration.millis(failure.millis) })
    case "Interrupted":
      return new TaskFailure.Interrupted()
    case "UnknownTask":
      return new TaskFailure.UnknownTask({ name })
    case "Undecodable":
      return new TaskFailure.Undecodable({ part: failure.part, message: failure.message })
    case "WorkerLost":
      return workerLost(failure)
    case "NoWorker":
      return new TaskFailure.NoWorker({
        waited: Duration.millis(failure.millis),
        ...(failure.cause === undefined ? {} : { cause: failure.cause })
      })
  }
}

export const workerLost = ({ exitCode, outOfMemory, signal }: Contract.WorkerExit): TaskFailure.WorkerLost =>
  new TaskFailure.WorkerLost({
    outOfMemory,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal })
  })

const undecodable = (part: "error" | "defect", { message }: CodecError): TaskFailure.Undecodable =>
  new TaskFailure.Undecodable({ part, message })
