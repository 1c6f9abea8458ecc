/**
 * Errors and hangs of a competitor as `CompetitorError`.
 *
 * Every run of a competitor must be bounded by one of these: a library that hangs then costs its own row, not the
 * benchmark.
 */
import * as Effect from "effect/Effect"
import { CompetitorError } from "./model.ts"

/** In seconds. The longest runs should take less than one. */
const RUN_TIMEOUT = 60

/** Keeps the first line of an error's message. */
export const toCompetitorError = (error: unknown) => new CompetitorError({ message: String(error).split("\n", 1)[0] })

/** Fails an effect that takes longer than `seconds`. */
export const withTimeout = <A, R>(
  run: Effect.Effect<A, CompetitorError, R>,
  seconds = RUN_TIMEOUT
): Effect.Effect<A, CompetitorError, R> =>
  Effect.timeoutOrElse(run, {
    duration: seconds * 1000,
    orElse: () => Effect.fail(new CompetitorError({ message: `hangs: did not end within ${seconds} s` }))
  })

/** Awaits a promise; fails if it rejects, or takes longer than `seconds`. */
export const fromPromise = <A>(
  run: (signal: AbortSignal) => Promise<A>,
  seconds = RUN_TIMEOUT
): Effect.Effect<A, CompetitorError> => withTimeout(Effect.tryPromise({ try: run, catch: toCompetitorError }), seconds)
