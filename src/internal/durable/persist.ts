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

/** The longest wait of a program that ends. */
const PATIENCE_AT_END = Duration.seconds(5)

const persistFor = (duration: Duration.Duration) => {
  const schedule = Schedule.upTo(delays, { duration })
  return <A, R>(operation: Effect.Effect<A, DurableError, R>): Effect.Effect<A, DurableError, R> =>
    Effect.retry(operation, { while: isRetryable, schedule })
}

/** Repeats it for at most 30 s. */
export const persistBriefly = persistFor(PATIENCE)

/** Repeats it for at most 5 s. */
export const persistAtEnd = persistFor(PATIENCE_AT_END)
