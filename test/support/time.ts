/**
 * The clock of a test, moved at the pace of the tasks. A dispatcher in this process yields to the event loop when
 * its slice of real time is over, on a busy machine after each task: a test must let it go on before time passes.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

/** One turn of the event loop. */
export const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

/** Turns the event loop until all that can go on without the clock has: none of it waits for the world outside. */
export const settle = Effect.repeat(turn, { times: 200 })

/** Lets so many milliseconds pass, each when all that can go on without it has. */
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

/** Runs to its end what needs time to pass. */
export const passing = <A, E, R>(run: Effect.Effect<A, E, R>, step?: Duration.Input): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Effect.forkChild(run),
    (fiber) => Effect.andThen(untilEnded(fiber, step), Fiber.join(fiber))
  )
