/**
 * Writes a report of a run as one HTML file, to look at later or to send to a colleague: the page of `Dashboard` with the
 * recorded data inside. The file opens without a network, and has at most 2 MB for a run of any length.
 *
 * The messages of errors are in the file, and can hold data. Payloads are not, unless `payloads` is set.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "./Dispatcher.ts"
import { reportOf } from "./internal/dashboard/report.ts"
import { writeReport } from "./internal/dashboard/reportFile.ts"
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
 * Records the dispatcher while a stream runs, and writes a report when the stream ends, fails or is interrupted. The
 * report has all tasks that the dispatcher runs in this time, also those of other streams.
 *
 * **Details**
 *
 * The report is written to a temporary file in the same directory, which is then renamed, so that no reader sees half of
 * it. Only its owner can read the file, and a file of the same name is replaced. If the report cannot be written, the log
 * has a warning, and the stream ends as it would without a report.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const track =
  (file: string, options?: ReportOptions) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R | Dispatcher | FileSystem.FileSystem> =>
    Stream.unwrap(Effect.gen(function*() {
      const recording = viewed(yield* Recording.make(options))
      const fs = yield* FileSystem.FileSystem
      yield* Effect.addFinalizer(() => Effect.provideService(writeReport(file, recording), FileSystem.FileSystem, fs))
      return self
    }))

/**
 * The report of a recording so far, as HTML.
 *
 * @stability experimental
 * @category converting
 * @since 0.1.0
 */
export const toHtml = (recording: Recording.Recording): Effect.Effect<string> => reportOf(viewed(recording))

/**
 * The latest tasks of a snapshot in the Trace Event Format of Chrome, as JSON. https://ui.perfetto.dev opens it. It has
 * no spans of OpenTelemetry.
 *
 * @stability experimental
 * @category converting
 * @since 0.1.0
 */
export const toTrace = (snapshot: Recording.Snapshot): string => traceOf(snapshot)
