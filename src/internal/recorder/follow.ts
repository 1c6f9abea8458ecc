/**
 * Follows a recording: a snapshot, then its frames.
 *
 * Must stay true: a frame is encoded once for all followers, and no frame is made while there is none. A slow follower
 * holds back no other: it misses frames, and gets a snapshot instead.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Frame, Snapshot } from "./model.ts"
import type { Recording } from "./recording.ts"

/** Frames that a follower may be behind. */
const BEHIND = 2

export interface Encoder<A> {
  readonly snapshot: (snapshot: Snapshot) => A
  readonly frame: (frame: Frame) => A
}

/** The stream of one follower; it may be run by several at a time, until the scope closes. */
export const make = Effect.fnUntraced(function*<A extends {}>(
  recording: Pick<Recording, "snapshot" | "frames">,
  encoder: Encoder<A>
): Effect.fn.Return<Stream.Stream<A>, never, Scope.Scope> {
  const frames = yield* recording.frames.pipe(
    Stream.map((frame) => ({ sequence: frame.sequence, encoded: encoder.frame(frame) })),
    Stream.share({ capacity: BEHIND, strategy: "sliding" })
  )
  return Stream.suspend(() => {
    let next = 0
    const snapshot = Effect.map(recording.snapshot, (snapshot) => {
      next = snapshot.sequence + 1
      return encoder.snapshot(snapshot)
    })
    const following = Stream.mapEffect(frames, ({ encoded, sequence }) => {
      if (sequence !== next) return sequence < next ? Effect.succeed(undefined) : snapshot
      next++
      return Effect.succeed(encoded)
    })
    return Stream.concat(Stream.fromEffect(snapshot), Stream.filter(following, (encoded) => encoded !== undefined))
  })
})
