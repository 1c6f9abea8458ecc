/** The parts that actors of all kinds have in common: retry policies, options, and moments of virtual time. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Dispatcher from "../../Dispatcher.ts"
import type * as TaskFailure from "../../TaskFailure.ts"
import type { QueuePlan, RetryPlan } from "./program.ts"
import type { Stage } from "./stage.ts"
import type { SimulatedTask } from "./tasks.ts"

/** The defect of a retry policy. */
export const predicateDefect = new Error("of the retry predicate")

type Failure = TaskFailure.TaskFailure<SimulatedTask>

const toRetry = (stage: Stage, { kind, millis, times }: RetryPlan): Dispatcher.RetryPolicy<SimulatedTask> => {
  const is = (tag: string) => ({ reason }: Failure) => {
    stage.oracle.asked(reason._tag)
    return reason._tag === tag
  }
  switch (kind) {
    case "times":
      return { times }
    case "spaced":
      return { times, schedule: Schedule.spaced(Duration.millis(millis)) }
    case "exponential":
      return Schedule.max([Schedule.exponential(Duration.millis(millis)), Schedule.recurs(times)])
    case "while":
      return { times, while: is("Failed") }
    case "whileEffect":
      return { times, while: (failure) => Effect.as(Effect.yieldNow, is("Failed")(failure)) }
    case "until":
      return { times, until: is("Defect") }
    case "defect":
      return {
        while: () => {
          throw predicateDefect
        }
      }
  }
}

export const producerOptions = (
  stage: Stage,
  { chunkSize, retry, taskTimeout }: Pick<QueuePlan, "chunkSize" | "retry" | "taskTimeout">
) => ({
  chunkSize,
  ...(retry === undefined ? {} : { retry: toRetry(stage, retry) }),
  ...(taskTimeout === undefined ? {} : { taskTimeout: Duration.millis(taskTimeout) })
})

export const until = (at: number): Effect.Effect<void> =>
  Effect.flatMap(Effect.clockWith((clock) => clock.currentTimeMillis), (now) => Effect.sleep(Duration.millis(at - now)))

/** Runs an effect, interrupts it at the given time, if any, and waits until it has stopped. */
export const interruptedAt = <A, E, R>(
  at: number | undefined,
  effect: Effect.Effect<A, E, R>,
  stopping: () => void = () => {}
): Effect.Effect<void, never, R> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    const killer = at === undefined ? undefined : yield* Effect.forkChild(
      Effect.andThen(
        until(at),
        Effect.suspend(() => {
          stopping()
          return Fiber.interrupt(fiber)
        })
      )
    )
    yield* Fiber.await(fiber)
    if (killer !== undefined) yield* Fiber.interrupt(killer)
  })
