/** Repeats an operation of the store while the store is away: locked, restarting, out of reach. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type DurableError, isRetryable, problemOf } from "../durableError.ts"
import { sanitizeForLog } from "../sanitize.ts"

const LONGEST = Duration.seconds(5)

/** From 20 ms, doubled, to 5 s: a locked file is free again soon. */
const delays = Schedule.modifyDelay(
  Schedule.exponential("20 millis"),
  ({ duration }) => Effect.succeed(Duration.min(duration, LONGEST))
)

/** Repeats it as long as that may help. */
export const persist = <A, R>(operation: Effect.Effect<A, DurableError, R>): Effect.Effect<A, DurableError, R> =>
  Effect.retry(operation, { while: isRetryable, schedule: delays })

/** How long a store is away before a warning is logged, in milliseconds. */
const WARN_AFTER = 10_000

/** Repeats the operation as long as that may help. Logs once that the store is away, and once that it answers again. */
export const persistWithWarning = <A, R>(
  run: string,
  operation: Effect.Effect<A, DurableError, R>
): Effect.Effect<A, DurableError, R> =>
  Effect.suspend(() => {
    const store = `The store of the run ${sanitizeForLog(JSON.stringify(run))}`
    let since: number | undefined
    let warned = false
    const watched = Effect.tapError(operation, ({ reason }) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        since ??= now
        if (warned || reason._tag !== "StoreFailed" || !reason.retryable || now - since < WARN_AFTER) return Effect.void
        warned = true
        return Effect.logWarning(`${store} ${sanitizeForLog(problemOf(reason))}. Trying again until it succeeds.`)
      }))
    return Effect.tap(persist(watched), () => warned ? Effect.logInfo(`${store} answers again.`) : Effect.void)
  })

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
