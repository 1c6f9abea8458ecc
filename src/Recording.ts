/**
 * Records the work of a dispatcher: totals, run times, the time of workers, failures, and the latest tasks. Dashboards,
 * reports and the end of `papyros run` are made from it.
 *
 * Use it where the program itself reads where the time of a run went. Memory is bounded for a run of any length: about
 * 4 MB, and up to 12 MB with 256 workers. A recording costs the main thread less than a microsecond for each chunk and
 * nothing for each task. A dispatcher without a recording costs nothing.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Dispatcher, ObservablesKey } from "./Dispatcher.ts"
import { record, type Recording, type RecordingOptions } from "./internal/recorder/recording.ts"

export type {
  Advice,
  Attempt,
  Failure,
  FailureGroup,
  FailureSummary,
  Frame,
  Histogram,
  Segments,
  Series,
  Snapshot,
  Summary,
  TimeBudget,
  Totals,
  TypeSummary,
  WorkerEvent,
  WorkerSummary
} from "./internal/recorder/model.ts"

export type { Recording, RecordingOptions } from "./internal/recorder/recording.ts"

/**
 * Records the dispatcher of the context until the scope closes. With `RoutedDispatcher`, all of its dispatchers are
 * recorded together. Several recordings of one dispatcher do not disturb each other.
 *
 * **Details**
 *
 * Totals and times of workers are exact. The reasons for which slots were free are sampled 10 times a second.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RecordingOptions = {}): Effect.Effect<Recording, never, Dispatcher | Scope.Scope> =>
  Effect.flatMap(Dispatcher, (dispatcher) => record(dispatcher[ObservablesKey], options))
