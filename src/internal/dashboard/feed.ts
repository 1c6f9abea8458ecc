/**
 * The event stream of a dashboard: a snapshot, then frames, and when the dashboard closes a last snapshot and `end`.
 *
 * Must stay true: every viewer learns of the end, and a connection is never silent for long.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Follow from "../recorder/follow.ts"
import type { ViewedRecording } from "../recorder/recording.ts"

export interface Feed {
  /** The events of one viewer. They end when the dashboard or the effect does. */
  readonly events: (ending: Effect.Effect<void>) => Stream.Stream<Uint8Array>
  /** Ends the event streams, after `end`. */
  readonly close: Effect.Effect<void>
}

/** Keeps proxies from ending a connection that has no traffic. */
const COMMENT_INTERVAL = "15 seconds"

const encoder = new TextEncoder()
const COMMENT = encoder.encode(":\n\n")

const event = (name: string, data: unknown): Uint8Array =>
  encoder.encode(Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data: JSON.stringify(data) }))

export const make = Effect.fnUntraced(
  function*(recording: ViewedRecording): Effect.fn.Return<Feed, never, Scope.Scope> {
    const closing = yield* Deferred.make<void>()
    const viewer = yield* Follow.make(recording, {
      snapshot: (snapshot) => event("snapshot", snapshot),
      frame: (frame) => event("frame", frame)
    })

    // For all viewers. The latest frame may be half a second old.
    const last = yield* Effect.cached(Effect.map(recording.snapshot, (snapshot) => event("snapshot", snapshot)))
    const comments = Stream.map(Stream.tick(COMMENT_INTERVAL), () => COMMENT)
    return {
      events: (ending) =>
        Stream.merge(viewer, comments, { haltStrategy: "left" }).pipe(
          Stream.interruptWhen(Effect.raceFirst(Deferred.await(closing), ending)),
          Stream.concat(Stream.fromEffect(last)),
          Stream.concat(Stream.sync(() => event("end", {})))
        ),
      close: Effect.asVoid(Deferred.succeed(closing, undefined))
    }
  }
)
