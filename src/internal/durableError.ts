/** The error of durable runs: of their store, or of the use of a run. */
import * as Schema from "effect/Schema"
import { describe } from "./describe.ts"

/** The store could not be opened, read or written. */
export class StoreFailed extends Schema.TaggedError<StoreFailed>("papyros/StoreFailed")("StoreFailed", {
  operation: Schema.Literals(["open", "read", "write"]),
  /** The same operation may succeed later: the database is locked, restarts, or cannot be reached. */
  retryable: Schema.Boolean,
  cause: Schema.Defect({ includeStack: true })
}) {
  override get message(): string {
    return `The store of durable runs ${problemOf(this)}. ` +
      "Every result that was delivered is stored: mend the database, and run the program again."
  }
}

/** The operation that failed and its cause, in words. */
export const problemOf = ({ cause, operation }: StoreFailed): string =>
  `could not be ${PAST[operation]}: ${reasonOf(cause)}`

const PAST = { open: "opened", read: "read", write: "written" }

/** The messages of an error and of its causes, without repetition: a client wraps the message of its driver. */
const reasonOf = (error: unknown): string => {
  const messages: Array<string> = []
  for (let cause = error; cause instanceof Error && messages.length < 4; cause = cause.cause) {
    const message = describe(cause)
    if (!messages.some((known) => known.includes(message))) messages.push(message)
  }
  return messages.length === 0 ? describe(error) : messages.join(": ")
}

/** The tables have another version than this version of papyros needs. */
export class Incompatible extends Schema.TaggedError<Incompatible>("papyros/Incompatible")("Incompatible", {
  found: Schema.Int,
  wanted: Schema.Int
}) {
  override get message(): string {
    return this.found < this.wanted
      ? `The tables of durable runs have version ${this.found}, and this version of papyros needs ${this.wanted}: ` +
        "open the database once without `migrate: false`, with an account that may create tables."
      : `The tables of durable runs have version ${this.found}, and this version of papyros knows ${this.wanted}: ` +
        "update papyros, or use another prefix."
  }
}

/** Another program, or another execution of this program, has the run. */
export class RunBusy extends Schema.TaggedError<RunBusy>("papyros/RunBusy")("RunBusy", {
  run: Schema.String,
  by: Schema.String
}) {
  override get message(): string {
    return `The run ${JSON.stringify(this.run)} is in use by ${this.by}: wait until that has ended, or use another run.`
  }
}

/** A task has no JSON form, which its key and its stored outcome need. */
export class Unencodable extends Schema.TaggedError<Unencodable>("papyros/Unencodable")("Unencodable", {
  task: Schema.String,
  part: Schema.Literals(["payload", "success", "error"]),
  message: Schema.String
}) {}

/** A durable run cannot be opened or cannot go on. The tagged `reason` says why, for `Effect.catchReason`. */
export class DurableError extends Schema.TaggedError<DurableError>("papyros/DurableError")("DurableError", {
  reason: Schema.Union([StoreFailed, Incompatible, RunBusy, Unencodable])
}) {
  override get message(): string {
    return this.reason._tag === "Unencodable"
      ? `Task ${this.reason.task} cannot be in a durable run: ${this.reason.message}`
      : this.reason.message
  }

  override readonly cause = this.reason
}

/** Whether the same operation of the store may succeed later. */
export const isRetryable = ({ reason }: DurableError): boolean => reason._tag === "StoreFailed" && reason.retryable
