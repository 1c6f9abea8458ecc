/** Waiting in the laws: for a condition, or for time to pass on a `TestClock` or on the real clock. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { nextTurn } from "./nextTurn.ts"
import type { Subject } from "./property.ts"

/** The step in which the time of a test moves, in milliseconds. It is shorter on the real clock. */
export const unitOf = (subject: Subject): number => subject.sharesClock ? 1000 : 400

/** Runs all work that needs no time to pass. */
export const settle = (turns = 20): Effect.Effect<void> =>
  turns === 0
    ? Effect.void
    : Effect.andThen(turn, Effect.suspend(() => settle(turns - 1)))

/** Waits for one turn of the event loop, after which all work that was ready has run. */
const turn = Effect.callback<void>((resume) => nextTurn(() => resume(Effect.void)))

/** Waits until a condition holds. The time limit of the property bounds the wait. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(turn, until(holds)))

/** Lets time pass while an effect runs: moves a `TestClock` step by step, or does nothing on the real clock. */
export const inTime = <A, E, R>(subject: Subject, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  subject.sharesClock
    ? Effect.raceFirst(effect, Effect.forever(Effect.andThen(settle(), TestClock.adjust(unitOf(subject)))))
    : effect
