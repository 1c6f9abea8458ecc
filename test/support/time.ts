/**
 * Moves the clock of a test at the pace of the tasks. A dispatcher in this process yields to the event loop at the end
 * of its slice of real time, on a busy machine after each task, so a test must let the dispatcher continue before the
 * clock moves.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

/** One turn of the event loop. */
export const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

/** Runs the event loop until all work that needs neither time nor I/O is done. */
export const settle = Effect.repeat(turn, { times: 200 })

/** Lets `millis` milliseconds pass, each after all work that does not need the clock is done. */
export const pass = (millis: number): Effect.Effect<void> =>
  Effect.andThen(
    settle,
    Effect.repeat(Effect.andThen(TestClock.adjust(1), settle), { times: millis - 1 })
  )

/** Moves the clock, step by step, until a fiber has ended. */
export const untilEnded = Effect.fnUntraced(
  function*<A, E>(fiber: Fiber.Fiber<A, E>, step: Duration.Input = "1 second") {
    yield* settle
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust(step)
      yield* settle
    }
  }
)

/** Runs an effect that needs time to pass to its end. */
export const passing = <A, E, R>(run: Effect.Effect<A, E, R>, step?: Duration.Input): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Effect.forkChild(run),
    (fiber) => Effect.andThen(untilEnded(fiber, step), Fiber.join(fiber))
  )
