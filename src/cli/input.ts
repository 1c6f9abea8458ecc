/**
 * The input of a command: a file, or stdin.
 *
 * Must stay true: a file that cannot be read is reported before anything is executed.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import type * as Stream from "effect/Stream"
import { Unusable } from "./exit.ts"

/** The largest file that is read twice, to count its lines. */
const MAX_COUNTED = 4n * 1024n ** 3n

export interface Input {
  readonly name: string
  readonly bytes: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  /** The same bytes in large arrays, if they can be read a second time. */
  readonly again: Stream.Stream<Uint8Array, PlatformError.PlatformError> | undefined
}

/** Opens the file, or stdin if there is none. */
export const openInput = Effect.fnUntraced(function*(file: Option.Option<string>) {
  if (Option.isNone(file)) {
    const stdio = yield* Stdio.Stdio
    return { name: "stdin", bytes: stdio.stdin, again: undefined } satisfies Input
  }
  const name = file.value
  const fs = yield* FileSystem.FileSystem
  const unusable = (why: string) => new Unusable({ message: `Cannot read ${name}: ${why}` })
  const info = yield* Effect.mapError(
    fs.stat(name),
    (error) => unusable(error.reason._tag === "NotFound" ? "there is no such file." : error.message)
  )
  if (info.type === "Directory") return yield* unusable("it is a directory.")
  const isCounted = info.type === "File" && info.size <= MAX_COUNTED
  const again = isCounted ? fs.stream(name, { chunkSize: 1024 * 1024 }) : undefined
  return { name, bytes: fs.stream(name), again } satisfies Input
})
