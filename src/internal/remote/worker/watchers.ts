/**
 * The recording of a worker process, for the operators who watch it or ask for its state.
 *
 * Must stay true: nothing is recorded before somebody looks. A recording goes on for a while after the last watcher has
 * gone, so that a watcher who comes back sees the time between. Payloads are never recorded.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Follow from "../../recorder/follow.ts"
import type { Summary } from "../../recorder/model.ts"
import { record, type Recording } from "../../recorder/recording.ts"
import type { Observable } from "../../scheduler/observer.ts"
import { Refused } from "../protocol/messages.ts"

const MAX_WATCHERS = 4

/** How long a recording goes on after the last watcher, and after the last query of the state of the worker. */
const KEPT = "5 minutes"

export interface Watchers {
  /** Totals, workers and the time budget since the recording began. */
  readonly summary: Effect.Effect<Summary>
  /** JSON texts: `{"snapshot":…}`, then `{"frame":…}`. */
  readonly watch: Stream.Stream<string, Refused>
  /** The details of a failure as JSON, or `null`. */
  readonly failure: (id: number) => Effect.Effect<string>
}

export const make = Effect.fnUntraced(function*(
  scheduler: Observable,
  name: string
): Effect.fn.Return<Watchers, never, Scope.Scope> {
  const recordings = yield* RcRef.make({
    idleTimeToLive: KEPT,
    acquire: Effect.gen(function*() {
      const recording = yield* record([scheduler], { name })
      const followed = yield* Follow.make(recording, {
        snapshot: (snapshot) => JSON.stringify({ snapshot }),
        frame: (frame) => JSON.stringify({ frame })
      })
      return { recording, followed }
    })
  })
  let watchers = 0
  const enter = Effect.suspend(() => {
    if (watchers === MAX_WATCHERS) return Effect.fail(new Refused())
    watchers++
    return Effect.addFinalizer(() => Effect.sync(() => watchers--))
  })
  const recorded = <A>(f: (recording: Recording) => Effect.Effect<A>): Effect.Effect<A> =>
    Effect.scoped(Effect.flatMap(RcRef.get(recordings), ({ recording }) => f(recording)))
  return {
    summary: recorded(({ summary }) => summary),
    watch: Stream.unwrap(
      Effect.andThen(enter, Effect.map(RcRef.get(recordings), ({ followed }) => followed))
    ),
    failure: (id) =>
      recorded((recording) => Effect.map(recording.failure(id), (failure) => JSON.stringify(Option.getOrNull(failure))))
  }
})
