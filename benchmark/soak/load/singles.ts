/** Single tasks: run side by side, and interrupted. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Dispatcher from "papyros/Dispatcher"
import { Nap, type SoakTask } from "../workload/tasks.ts"
import { plans, retry, show } from "./plans.ts"
import type { Load } from "./target.ts"

/** Every task has the outcome that is expected of it. */
export const singles = Effect.fnUntraced(function*({ dice, done, mistake, target }: Load) {
  const planned = plans(dice, target, dice.below(100))
  const concurrency = dice.pick([1, 3, "unbounded" as const])
  yield* Effect.forEach(planned, ({ check, task }) =>
    Effect.map(
      Effect.result(Effect.retry(Dispatcher.run<SoakTask>(task), {
        times: retry.times,
        while: (error) => error._tag === "TaskFailure" && retry.while(error)
      })),
      (result) => {
        // Each run is an attempt of its own: a task that counts attempts never comes to its second.
        const checked = task._tag === "Persist" || check(result as never)
        if (!checked) mistake(`${task._tag} ended with ${show(result as never)}`)
      }
    ), { concurrency, discard: true })
  done(planned.length)
})

/** Runs that are interrupted at any moment. */
export const interruptedSingles = Effect.fnUntraced(function*({ dice, done }: Load) {
  const fibers = yield* Effect.forEach(
    Array.from({ length: dice.below(50) }, () => dice.pick([0, 1, 3_600_000])),
    (millis) => Effect.forkChild(Effect.exit(Dispatcher.run(new Nap({ millis }))))
  )
  for (const fiber of fibers) {
    if (dice.chance(0.3)) yield* Effect.sleep(dice.below(3))
    yield* Fiber.interrupt(fiber)
  }
  done(0)
})
