/** Times by the clock of this process: of one effect, of single tasks, and of everything up to a first result. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { CompetitorError, Measurement } from "./model.ts"
import type { Tally } from "./tally.ts"
import { withTimeout } from "./timeout.ts"

/** The value of an effect, and its duration in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const before = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - before] as const)
  })

/** The metrics of a case whose runs measure single tasks with `Durations`. */
export const LATENCIES = ["median, µs", "99th percentile, µs"]

/** Durations of single tasks. */
export class Durations {
  private readonly millis: Array<number> = []

  add(millis: number): void {
    this.millis.push(millis)
  }

  /** Median and 99th percentile, in microseconds. */
  percentiles(): ReadonlyArray<number> {
    const sorted = this.millis.toSorted((a, b) => a - b)
    return [0.5, 0.99].map((share) => 1000 * sorted[Math.ceil(share * sorted.length) - 1])
  }
}

/** The milliseconds until `first` completes. Its scope is closed after the clock has stopped. */
export const timeToResult = (
  first: Effect.Effect<Tally, CompetitorError, Scope.Scope>
): Effect.Effect<Measurement, CompetitorError> =>
  timed(first).pipe(
    Effect.map(([tally, millis]) => ({ tally, values: [millis] })),
    Effect.scoped,
    withTimeout
  )
