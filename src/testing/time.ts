/** Waiting in the laws: for something to happen, or for time that may be the test's own. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Subject } from "./property.ts"

/** The step in which the time of a test moves, in milliseconds: shorter where it is real. */
export const unitOf = (subject: Subject): number => subject.sharesClock ? 1000 : 400

/** Lets everything run that can run without time passing. */
export const settle = (turns = 20): Effect.Effect<void> =>
  turns === 0
    ? Effect.void
    : Effect.andThen(turn, Effect.suspend(() => settle(turns - 1)))

/** One turn of the event loop: whatever was ready has run. */
const turn = Effect.callback<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** Waits until something holds; the patience of the property bounds it. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(turn, until(holds)))

/** Lets time pass while an effect runs: moves the test's clock step by step, or leaves the real one alone. */
export const inTime = <A, E, R>(subject: Subject, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  subject.sharesClock
    ? Effect.raceFirst(effect, Effect.forever(Effect.andThen(settle(), TestClock.adjust(unitOf(subject)))))
    : effect
