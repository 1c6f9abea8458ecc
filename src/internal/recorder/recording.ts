/**
 * A recording: a recorder with its clock, and the frames for its viewers.
 *
 * Must stay true: all viewers share one frame, and none is made while there is no viewer. A recording that has ended can
 * still be read, and does not change.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Observable } from "../scheduler/observer.ts"
import type { Remedies } from "./advice.ts"
import type { Failure, Frame, Snapshot, Summary } from "./model.ts"
import { pack } from "./pack.ts"
import { Recorder } from "./recorder.ts"
import { frameOf, FrameState, snapshotOf, summaryOf } from "./summary.ts"

/**
 * A recording of a dispatcher. It ends with the scope in which it was made; its data can still be read.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  /** Totals, types, workers and the time budget. */
  readonly summary: Effect.Effect<Summary>
  /** All that a viewer needs to begin: the summary, series, and the latest segments, failures and events. */
  readonly snapshot: Effect.Effect<Snapshot>
  /**
   * The whole run by worker and type in columns, and the latest 65,536 segments, packed; at most 4 MB. The header of
   * `internal/recorder/pack.ts` describes the bytes.
   */
  readonly history: Effect.Effect<Uint8Array>
  /** The details of a failed attempt, by its `id`. `None` if they are not kept any more. */
  readonly failure: (id: number) => Effect.Effect<Option.Option<Failure>>
  /**
   * The changes, twice a second. The stream ends with the recording, after a frame with `ended`. All subscribers share
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
 * @since 0.1.0
 */
export interface RecordingOptions {
  /** `Summary.name`. Default: the executors of the dispatcher, such as `pool`. */
  readonly name?: string | undefined
  /**
   * How long the latest segments reach back. A longer time merges more tasks into one segment. Tasks of several types
   * that alternate are not merged, so that many short ones reach back less far. Default 2 minutes.
   */
  readonly window?: Duration.Input | undefined
  /** Keeps the payloads of failed tasks, up to 2 KiB of each as JSON. They can hold secrets. Default `false`. */
  readonly payloads?: boolean | undefined
}

/** A recording for its viewers: of this process, or of others, whose history is not here. */
export interface ViewedRecording extends Pick<Recording, "snapshot" | "frames" | "failure"> {
  readonly history: Effect.Effect<Option.Option<Uint8Array>>
}

export const viewed = (recording: Recording): ViewedRecording => ({
  ...recording,
  history: Effect.asSome(recording.history)
})

/** The time between two frames. */
const FRAME_EVERY = Duration.millis(500)

/** Frames that a slow subscriber has not taken. */
const FRAMES_AHEAD = 2

/** Records schedulers until the scope closes. */
export const record = (
  observables: ReadonlyArray<Observable>,
  options: RecordingOptions & { readonly remedies?: Remedies | undefined }
): Effect.Effect<Recording, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const recorder = new Recorder(observables, {
      name: options.name,
      window: Duration.toMillis(options.window ?? "2 minutes"),
      payloads: options.payloads === true,
      remedies: options.remedies
    }, clock.currentTimeMillisUnsafe())
    const state = new FrameState()
    let last: { readonly summary: Summary; readonly snapshot: Snapshot; readonly frame: Frame } | undefined
    const frames = yield* PubSub.sliding<Frame>(FRAMES_AHEAD)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        recorder.end()
        // The dispatcher goes on: its later counts are not of this recording.
        const snapshot = snapshotOf(recorder, state.sequence + 1)
        last = { summary: summaryOf(recorder), snapshot, frame: frameOf(recorder, state, true) }
        return PubSub.end(frames, last.frame)
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
    const following = Stream.takeUntil(Stream.fromPubSub(frames), ({ ended }) => ended)
    return {
      summary: Effect.sync(() => last?.summary ?? summaryOf(recorder)),
      snapshot: Effect.sync(() => last?.snapshot ?? snapshotOf(recorder, state.sequence)),
      history: Effect.sync(() => pack(recorder)),
      failure: (id) => Effect.sync(() => Option.fromUndefinedOr(recorder.failures.find(id))),
      frames: Stream.unwrap(Effect.suspend(() =>
        last === undefined ? Effect.as(whileSubscribed, following) : Effect.succeed(Stream.make(last.frame))
      ))
    }
  })

/** Runs an effect in the scope while at least one scope in which the result was run is open. */
const shared = (
  self: Effect.Effect<never>
): Effect.Effect<Effect.Effect<void, never, Scope.Scope>, never, Scope.Scope> =>
  Effect.map(RcRef.make({ acquire: Effect.forkScoped(self) }), (ref) => Effect.asVoid(RcRef.get(ref)))
