/**
 * Records what a dispatcher does: totals, run times, the time of workers, failures, and the latest tasks. Dashboards,
 * reports and the end of `papyros run` are made from it.
 *
 * Use it to see where the time of a run goes. Memory is bounded for a run of any length: about 8 MB, and up to 45 MB
 * with 256 workers. It costs the main thread a part of a microsecond for each chunk and nothing for each task; a
 * dispatcher without a recording costs nothing.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Dispatcher, ObservablesKey } from "./Dispatcher.ts"
import type { Failure, Frame, Snapshot, Summary } from "./internal/recorder/model.ts"
import { pack } from "./internal/recorder/pack.ts"
import { Recorder } from "./internal/recorder/recorder.ts"
import { frameOf, FrameState, snapshotOf, summaryOf } from "./internal/recorder/summary.ts"

export type {
  Advice,
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

/**
 * A recording of a dispatcher. It ends with the scope in which it was made; what was recorded can still be read.
 *
 * @stability experimental
 * @category models
 * @since 0.2.0
 */
export interface Recording {
  /** Totals, types, workers and the time budget. */
  readonly summary: Effect.Effect<Summary>
  /** What a viewer needs at first: the summary, series, and the latest segments, failures and events. */
  readonly snapshot: Effect.Effect<Snapshot>
  /**
   * The whole run by worker and type in columns, and the latest 65,536 segments, packed; at most 4 MB. The header of
   * `internal/recorder/pack.ts` describes the bytes.
   */
  readonly history: Effect.Effect<Uint8Array>
  /** The details of a failure. `None` if they are not kept any more. */
  readonly failure: (id: number) => Effect.Effect<Option.Option<Failure>>
  /**
   * What is new, twice a second. The stream ends with the recording, after a frame with `ended`. All subscribers share
   * one frame, and none is made while there is no subscriber. A subscriber that is slow misses frames: their `sequence`
   * then has a gap.
   */
  readonly frames: Stream.Stream<Frame>
}

/**
 * The options of `make`.
 *
 * @stability experimental
 * @category models
 * @since 0.2.0
 */
export interface RecordingOptions {
  /** `Summary.name`. Default: the executors of the dispatcher, such as `pool`. */
  readonly name?: string | undefined
  /** How long the latest segments reach back. A longer time merges more tasks into one segment. Default 2 minutes. */
  readonly window?: Duration.Input | undefined
  /** Keeps the payloads of failed tasks, up to 2 KiB of each as JSON. They can hold secrets. Default `false`. */
  readonly payloads?: boolean | undefined
}

/** The time between two frames. */
const FRAME_EVERY = Duration.millis(500)

/** Frames that a slow subscriber has not taken. */
const FRAMES_AHEAD = 2

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
 * @since 0.2.0
 */
export const make = (options: RecordingOptions = {}): Effect.Effect<Recording, never, Dispatcher | Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Dispatcher
    const clock = yield* Clock.Clock
    const recorder = new Recorder(dispatcher[ObservablesKey], {
      name: options.name,
      window: Duration.toMillis(options.window ?? "2 minutes"),
      payloads: options.payloads === true
    }, clock.currentTimeMillisUnsafe())
    const state = new FrameState()
    let last: { readonly summary: Summary; readonly snapshot: Snapshot } | undefined
    const frames = yield* PubSub.sliding<Frame>(FRAMES_AHEAD)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        recorder.end()
        // The dispatcher goes on: what it counts from now on is not of this recording.
        last = { summary: summaryOf(recorder), snapshot: snapshotOf(recorder, state.sequence + 1) }
        return PubSub.end(frames, frameOf(recorder, state, true))
      })
    )
    const whileSubscribed = yield* shared(
      Effect.andThen(
        Effect.sleep(FRAME_EVERY),
        Effect.suspend(() => PubSub.publish(frames, frameOf(recorder, state, false)))
      ).pipe(Effect.forever)
    )
    yield* Effect.suspend(() => {
      recorder.sample()
      return Effect.sleep(recorder.sampleInterval)
    }).pipe(Effect.forever, Effect.forkScoped)
    return {
      summary: Effect.sync(() => last?.summary ?? summaryOf(recorder)),
      snapshot: Effect.sync(() => last?.snapshot ?? snapshotOf(recorder, state.sequence)),
      history: Effect.sync(() => pack(recorder)),
      failure: (id) => Effect.sync(() => Option.fromUndefinedOr(recorder.failures.find(id))),
      frames: Stream.fromPubSub(frames).pipe(
        Stream.takeUntil(({ ended }) => ended),
        (stream) => Stream.unwrap(Effect.as(whileSubscribed, stream))
      )
    }
  })

/** Runs an effect in the scope while at least one scope in which the result was run is open. */
const shared = (
  self: Effect.Effect<never>
): Effect.Effect<Effect.Effect<void, never, Scope.Scope>, never, Scope.Scope> =>
  Effect.map(RcRef.make({ acquire: Effect.forkScoped(self) }), (ref) => Effect.asVoid(RcRef.get(ref)))
