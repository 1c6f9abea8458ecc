import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/** Exit codes of the command; 0 means that every task succeeded. */
export const SOME_FAILED = 1
export const UNUSABLE = 2
export const INTERRUPTED = 130
/** What the shell reports for a program that a closed pipe has ended: 128 + SIGPIPE. */
export const PIPE_CLOSED = 141

/** Arguments, or a handlers module, that nothing can be run with. */
export class Unusable extends Schema.TaggedError<Unusable>("papyros/cli/Unusable")("Unusable", {
  message: Schema.String
}) {}

/** Ends the process with a code. All that there is to say has been said. */
export class Exited extends Schema.TaggedError<Exited>("papyros/cli/Exited")("Exited", { code: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

/** The exit code for how the command ended. */
export const codeOf = (cause: Cause.Cause<unknown>): number => {
  if (Cause.hasInterruptsOnly(cause)) return INTERRUPTED
  const error = Cause.squash(cause)
  // effect/cli ends unusable arguments with 1, which here means that tasks have failed.
  if (CliError.isCliError(error)) return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : UNUSABLE
  return Runtime.getErrorExitCode(error)
}

/** Whether the command has already said what ended it. */
export const isReported = (cause: Cause.Cause<unknown>): boolean =>
  Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))
