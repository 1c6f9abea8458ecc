/** The program of this example, for any dispatcher. `main.ts` provides the dispatcher. */
import * as Arr from "effect/Array"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Order from "effect/Order"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Progress from "papyros/Progress"
import { Checksum } from "./tasks.ts"

/** The paths of all files below a directory; links are not followed. */
export const filesBelow = Effect.fnUntraced(function*(
  directory: string
): Effect.fn.Return<Array<string>, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files: Array<string> = []
  for (const entry of yield* fs.readDirectoryEntries(directory)) {
    const at = path.join(directory, entry.name)
    if (entry.type === "Directory") files.push(...yield* filesBelow(at))
    else if (entry.type === "File") files.push(at)
  }
  return files
})

/** The outcome for each file, as they complete. A file that cannot be read fails its own task only. */
export const checksums = (files: Iterable<string>) =>
  Stream.fromIterable(files).pipe(
    Stream.map((path) => new Checksum({ path })),
    Dispatcher.results()
  )

/** Some files could not be read. The program has already listed them on stderr. */
export class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", {}) {
  override readonly [Runtime.errorReported] = false
}

/** Prints the ten largest files below a directory and the totals. Fails if a file could not be read. */
export const report = Effect.fnUntraced(function*(directory: string) {
  const path = yield* Path.Path
  const files = yield* filesBelow(directory)
  const [elapsed, outcomes] = yield* checksums(files).pipe(
    Progress.track({ label: "Checksums", total: files.length }),
    Stream.runCollect,
    Effect.timed
  )

  const [rows, failures] = Arr.partition(
    outcomes,
    ({ result, task }) =>
      Result.map(result, (sum) => ({ ...sum, file: printable(path.relative(directory, task.path)) }))
  )
  for (const failure of failures) {
    const why = failure.reason._tag === "Failed" ? failure.reason.error.message : failure.message
    yield* Console.error(printable(`${failure.task.path}: ${why}`))
  }

  const bytes = rows.reduce((total, row) => total + row.bytes, 0)
  const lines = rows.reduce((total, row) => total + row.lines, 0)
  const largest = Arr.sort(
    rows,
    Order.mapInput(Order.flip(Order.Number), (row: { readonly bytes: number }) => row.bytes)
  )
  yield* Console.log(table([
    ["bytes", "lines", "sha256", "file"],
    ...largest.slice(0, 10).map((row) => [count(row.bytes), count(row.lines), `${row.sha256.slice(0, 12)}…`, row.file])
  ]))
  const seconds = Duration.toSeconds(elapsed)
  yield* Console.log(
    `\n${count(rows.length)} files, ${count(lines)} lines, ${count(bytes)} bytes` +
      ` in ${seconds.toFixed(3)} s (${count(Math.round(rows.length / seconds))} files/s)`
  )
  if (failures.length > 0) return yield* new Incomplete()
})

// ----------------------------------------------------------------------------
// Printing
// ----------------------------------------------------------------------------

const count = (n: number): string => n.toLocaleString("en-US")

/** Replaces control characters, because a file name could contain commands for the terminal. */
const printable = (name: string): string => name.replace(/\p{Cc}/gu, "?")

/** Aligns columns: figures to the right, the last two to the left. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row.map((cell, column) =>
      column === row.length - 1 ? cell : column < 2 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])
    ).join("  ")
  ).join("\n")
}
