/**
 * The event stream of a dashboard: a snapshot, then frames, and when the dashboard closes a last snapshot and `end`.
 *
 * Must stay true: a frame is encoded once for all viewers, and no frame is made while nobody looks. A viewer that reads
 * slowly holds back no other viewer: it misses frames, and gets a snapshot instead.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Recording } from "../../Recording.ts"

/** The recording that a dashboard shows: of this process, or of others. */
export type Source = Omit<Recording, "summary">

export interface Feed {
  readonly events: Stream.Stream<Uint8Array>
  /** Ends the event streams, after `end`. */
  readonly close: Effect.Effect<void>
}

/** Frames that a viewer may be behind. */
const BEHIND = 2

/** Keeps proxies from ending a connection that has no traffic. */
const COMMENT_INTERVAL = "15 seconds"

const encoder = new TextEncoder()
const COMMENT = encoder.encode(":\n\n")

const event = (name: string, data: unknown): Uint8Array =>
  encoder.encode(Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data: JSON.stringify(data) }))

export const make = Effect.fnUntraced(function*(source: Source): Effect.fn.Return<Feed, never, Scope.Scope> {
  const closing = yield* Deferred.make<void>()
  const frames = yield* source.frames.pipe(
    Stream.map((frame) => ({ sequence: frame.sequence, bytes: event("frame", frame) })),
    Stream.share({ capacity: BEHIND, strategy: "sliding" })
  )

  const viewer = Stream.suspend(() => {
    let next = 0
    const snapshot = Effect.map(source.snapshot, (snapshot) => {
      next = snapshot.sequence + 1
      return event("snapshot", snapshot)
    })
    return Stream.concat(
      Stream.fromEffect(snapshot),
      Stream.mapEffect(frames, (frame) => {
        if (frame.sequence !== next) return frame.sequence < next ? Effect.succeed(undefined) : snapshot
        next++
        return Effect.succeed(frame.bytes)
      }).pipe(Stream.filter((bytes) => bytes !== undefined))
    )
  })

  // For all viewers. The latest frame may be half a second old.
  const last = yield* Effect.cached(Effect.map(source.snapshot, (snapshot) => event("snapshot", snapshot)))
  const comments = Stream.map(Stream.tick(COMMENT_INTERVAL), () => COMMENT)
  return {
    events: Stream.merge(viewer, comments, { haltStrategy: "left" }).pipe(
      Stream.interruptWhen(Deferred.await(closing)),
      Stream.concat(Stream.fromEffect(last)),
      Stream.concat(Stream.sync(() => event("end", {})))
    ),
    close: Effect.asVoid(Deferred.succeed(closing, undefined))
  }
})
