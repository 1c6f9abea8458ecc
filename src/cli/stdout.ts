/**
 * Writes to stdout, which carries the results of the command.
 *
 * Must stay true: a reader of stdout that goes away, as in `| head -1`, ends the command with 141 and no message. Text
 * that is still buffered when the process exits is lost, so a command flushes before it ends.
 */
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { Exited, PIPE_CLOSED, SOME_FAILED } from "./exit.ts"
import * as Stderr from "./stderr.ts"

/** Stdout could not be written. */
export class OutputError extends Schema.TaggedError<OutputError>("papyros/cli/OutputError")("OutputError", {
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `Cannot write to stdout: ${this.cause}`
  }

  /** The reader has gone. */
  get isClosed(): boolean {
    return Predicate.hasProperty(this.cause, "code") && this.cause.code === "EPIPE"
  }
}

const toOutputError = (error: PlatformError.PlatformError) => new OutputError({ cause: error.reason.cause ?? error })

export const write = (stdio: Stdio.Stdio, text: Stream.Stream<string>): Effect.Effect<void, OutputError> =>
  Effect.mapError(Stream.run(text, stdio.stdout()), toOutputError)

/** Waits until all that was written has left the process. Nothing can be written afterwards. */
export const flush = (stdio: Stdio.Stdio): Effect.Effect<void, OutputError> =>
  Effect.mapError(Stream.run(Stream.empty, stdio.stdout({ endOnDone: true })), toOutputError)

/** Reports an error of stdout, and ends the command. */
export const exitOf = (error: OutputError): Effect.Effect<never, Exited, Stdio.Stdio> =>
  error.isClosed
    ? Effect.fail(new Exited({ code: PIPE_CLOSED }))
    : Effect.andThen(Stderr.say(error.message), new Exited({ code: SOME_FAILED }))
