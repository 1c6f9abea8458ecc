/**
 * Writes down what a run did as one HTML file, to look at later or to send to a colleague: the page of `Dashboard`, with
 * its data inside. It opens offline, loads nothing, and is at most 2 MB for a run of any length.
 *
 * The messages of errors are in it, and can hold data. Payloads are not, unless `payloads` is set.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "./Dispatcher.ts"
import { reportOf } from "./internal/dashboard/report.ts"
import { viewed } from "./internal/recorder/recording.ts"
import { traceOf } from "./internal/recorder/trace.ts"
import * as Recording from "./Recording.ts"

/**
 * The options of `track`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ReportOptions {
  /** The title. Default: the names of the executors. */
  readonly name?: string | undefined
  /** Includes the payloads of failed tasks, at most 2 KiB of each. They can hold secrets. Default `false`. */
  readonly payloads?: boolean | undefined
}

/**
 * Records the dispatcher while a stream runs, and writes a report when the stream ends, fails or is interrupted.
 *
 * **Details**
 *
 * The file is written beside its place and then renamed, so that no reader sees half of it. Only its owner can read it,
 * and a file of that name is replaced. A report that cannot be written is a warning in the log: no result is lost for it.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const track =
  (file: string, options?: ReportOptions) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R | Dispatcher | FileSystem.FileSystem> =>
    Stream.unwrap(Effect.gen(function*() {
      const recording = yield* Recording.make(options)
      const fs = yield* FileSystem.FileSystem
      yield* Effect.addFinalizer(() =>
        Effect.flatMap(toHtml(recording), (html) => write(fs, file, html)).pipe(
          Effect.catchCause((cause) => Effect.logWarning(`The report ${file} could not be written.`, cause))
        )
      )
      return self
    }))

const write = (fs: FileSystem.FileSystem, file: string, html: string) =>
  Effect.suspend(() => {
    // Several streams may write to one file, and others may write in its directory: the name is new, or writing fails.
    const temporary = `${file}.${crypto.randomUUID()}.tmp`
    return fs.writeFileString(temporary, html, { mode: 0o600, flag: "wx" }).pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
  })

/**
 * The report of a recording so far, as HTML.
 *
 * @stability experimental
 * @category converting
 * @since 0.1.0
 */
export const toHtml = (recording: Recording.Recording): Effect.Effect<string> => reportOf(viewed(recording))

/**
 * The latest tasks of a snapshot as a trace, in the Trace Event Format of Chrome. https://ui.perfetto.dev opens it.
 *
 * @stability experimental
 * @category converting
 * @since 0.1.0
 */
export const toTrace = (snapshot: Recording.Snapshot): string => traceOf(snapshot)
