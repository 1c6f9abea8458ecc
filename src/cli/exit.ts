/**
 * How the command ends: its exit codes, and the errors that lead to them.
 *
 * Must stay true: exit codes are part of the interface of the command. Every failure is reported once.
 */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/** Exit codes; 0 means that every task succeeded. */
export const SOME_FAILED = 1
export const UNUSABLE = 2
export const INTERRUPTED = 130
/** The code that a shell reports for a program that SIGPIPE has ended: 128 + 13. */
export const PIPE_CLOSED = 141

/** The arguments, the input or the handlers module cannot be used. */
export class Unusable extends Schema.TaggedError<Unusable>("papyros/cli/Unusable")("Unusable", {
  message: Schema.String
}) {}

/** Ends the process with a code. Its cause is reported already. */
export class Exited extends Schema.TaggedError<Exited>("papyros/cli/Exited")("Exited", { code: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

/** The exit code for how the command ended. */
export const codeOf = (cause: Cause.Cause<unknown>): number => {
  if (Cause.hasInterruptsOnly(cause)) return INTERRUPTED
  const error = Cause.squash(cause)
  // effect/cli uses code 1 for invalid arguments. Here 1 means that tasks have failed.
  if (CliError.isCliError(error)) return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : UNUSABLE
  return Runtime.getErrorExitCode(error)
}

/** Whether the command has reported the cause already. */
export const isReported = (cause: Cause.Cause<unknown>): boolean =>
  Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))
