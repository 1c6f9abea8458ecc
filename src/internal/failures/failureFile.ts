/**
 * A file of failures, to which one stream adds lines.
 *
 * Must stay true: a file that exists is never opened, since it may be needed still. Only its owner can read the file.
 * Lines are written whole: an interruption waits for a write that has begun, and the part that a failed write has left
 * is removed.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { TaskFailure } from "../../TaskFailure.ts"
import { describe } from "../describe.ts"
import type * as Task from "../task.ts"
import { LineWriter } from "./failureLine.ts"

/** There is a file of that name, which is never replaced. */
export class FileExists extends Schema.TaggedError<FileExists>("papyros/FileExists")("FileExists", {}) {}

/** The file could not be created or written: a directory is missing, the disk is full. */
export class CannotWrite extends Schema.TaggedError<CannotWrite>("papyros/CannotWrite")("CannotWrite", {
  operation: Schema.Literals(["create", "write"]),
  cause: Schema.Defect({ includeStack: true })
}) {}

/** Failures cannot be kept. The tagged `reason` says why, for `Effect.catchReason`. */
export class FailureFileError
  extends Schema.TaggedError<FailureFileError>("papyros/FailureFileError")("FailureFileError", {
    file: Schema.String,
    reason: Schema.Union([FileExists, CannotWrite])
  })
{
  override get message(): string {
    const { file, reason } = this
    if (reason._tag === "FileExists") {
      return `The failure file ${file} exists, and may be needed still: name another file, or remove it.`
    }
    const why = describe(reason.cause)
    return reason.operation === "create"
      ? `The failure file ${file} cannot be created: ${why}`
      : `The failure file ${file} cannot be written: ${why}. It has the failures until then.`
  }

  override readonly cause = this.reason
}

/** One failure, as a stream of outcomes has it. */
export interface Failed {
  readonly index: number
  readonly failure: TaskFailure<Task.Any>
}

export interface FailureFile {
  /** Adds a line for each failure. It is not interrupted. */
  readonly add: (failures: ReadonlyArray<Failed>) => Effect.Effect<void, FailureFileError>
  /** Waits until the disk has all lines. */
  readonly sync: Effect.Effect<void, FailureFileError>
}

/** Characters that are made before they are written, so that other work goes on in between. */
const BLOCK = 64 * 1024

/** Creates the file. It is closed with the scope. */
export const create = Effect.fnUntraced(function*(file: string): Effect.fn.Return<
  FailureFile,
  FailureFileError,
  FileSystem.FileSystem | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const clock = yield* Clock.Clock
  const errorOf = (operation: "create" | "write") => (cause: PlatformError) =>
    new FailureFileError({
      file,
      reason: operation === "create" && cause.reason._tag === "AlreadyExists"
        ? new FileExists()
        : new CannotWrite({ operation, cause: cause.reason.cause ?? cause })
    })
  const handle = yield* Effect.mapError(fs.open(file, { flag: "wx", mode: 0o600 }), errorOf("create"))
  const lines = new LineWriter()
  /** Bytes of whole lines. */
  let written = 0

  const write = (text: string) => {
    const bytes = new TextEncoder().encode(text)
    return handle.writeAll(bytes).pipe(
      Effect.tapError(() => Effect.ignore(handle.truncate(written))),
      Effect.mapError(errorOf("write")),
      Effect.tap(() => Effect.sync(() => written += bytes.length))
    )
  }

  const add = Effect.fnUntraced(function*(failures: ReadonlyArray<Failed>) {
    let text = ""
    for (const [at, { failure, index }] of failures.entries()) {
      text += lines.write(index, failure, clock.currentTimeMillisUnsafe())
      if (text.length < BLOCK && at < failures.length - 1) continue
      yield* write(text)
      text = ""
    }
  }, Effect.uninterruptible)

  return {
    add,
    sync: Effect.suspend(() => written === 0 ? Effect.void : Effect.mapError(handle.sync, errorOf("write")))
  }
})
