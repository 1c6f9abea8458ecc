/**
 * Pauses between attempts to connect. They are random, so that the processes that lost one peer at the same moment do not
 * come back to it at the same moment.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** The first pause, in milliseconds. It doubles with each attempt. */
const FIRST_DELAY = 100

/** Pauses that double up to `max` milliseconds, each by a random factor from 0.5 to 1. */
export const backoff = (max: number) =>
  Schedule.min([Schedule.exponential(FIRST_DELAY), Schedule.spaced(max)]).pipe(
    Schedule.modifyDelay(({ duration }) =>
      Effect.map(Random.nextBetween(0.5, 1), (factor) => Duration.times(duration, factor))
    )
  )

/** Waits for a random time of at most `max` milliseconds. */
export const spread = (max: number): Effect.Effect<void> => Effect.flatMap(Random.nextBetween(0, max), Effect.sleep)
