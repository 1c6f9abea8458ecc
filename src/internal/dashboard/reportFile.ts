/**
 * Writes the report of a recording to a file.
 *
 * Must stay true: no reader sees half of a report, only its owner can read it, and a report that cannot be written fails
 * nothing.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { ViewedRecording } from "../recorder/recording.ts"
import { reportOf } from "./report.ts"

export const writeReport = (
  file: string,
  recording: ViewedRecording
): Effect.Effect<void, never, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const html = yield* reportOf(recording)
    // Several streams may write to one file, and others may write in its directory: the name is new, or writing fails.
    const temporary = `${file}.${crypto.randomUUID()}.tmp`
    yield* fs.writeFileString(temporary, html, { mode: 0o600, flag: "wx" }).pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
  }).pipe(
    Effect.catchCause((cause) => Effect.logWarning(`The report ${file} could not be written.`, cause))
  )
