/** Repeats an operation of the store while the store is away: locked, restarting, out of reach. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type DurableError, isRetryable } from "../durableError.ts"

const LONGEST = Duration.seconds(5)

/** From 20 ms, doubled, to 5 s: a locked file is free again soon. */
const delays = Schedule.modifyDelay(
  Schedule.exponential("20 millis"),
  ({ duration }) => Effect.succeed(Duration.min(duration, LONGEST))
)

/** Repeats it as long as that may help. */
export const persist = <A, R>(operation: Effect.Effect<A, DurableError, R>): Effect.Effect<A, DurableError, R> =>
  Effect.retry(operation, { while: isRetryable, schedule: delays })

/** The longest wait for a store when it is opened or asked by a person. */
const PATIENCE = Duration.seconds(30)

/** Repeats it for at most 30 s. */
export const persistBriefly = <A, R>(operation: Effect.Effect<A, DurableError, R>): Effect.Effect<A, DurableError, R> =>
  Effect.retry(operation, { while: isRetryable, schedule: Schedule.upTo(delays, { duration: PATIENCE }) })
