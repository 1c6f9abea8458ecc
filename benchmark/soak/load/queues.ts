/** Queues: pushed and popped side by side, in every way; ended, or closed with tasks in them. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Queue from "papyros/Queue"
import type { Dice } from "../../../src/testing/random.ts"
import { Inc, type SoakTask } from "../workload/tasks.ts"
import { count, plans, retry, show } from "./plans.ts"
import type { Load } from "./target.ts"

const options = (dice: Dice) => ({
  capacity: dice.pick(["unbounded", 1, 5, 100] as const),
  chunkSize: dice.pick(["auto", 1, 8] as const),
  retry
})

/** Takes all outcomes until the queue has ended, in one of the ways to do so. */
const drain = <T extends SoakTask>(
  dice: Dice,
  queue: Queue.TaskQueue<T>,
  take: (outcome: Dispatcher.TaskResult<T>) => void
): Effect.Effect<void, Dispatcher.DispatcherClosed> => {
  if (dice.chance(0.5)) return Stream.runForEach(queue.toStream, (outcome) => Effect.sync(() => take(outcome)))
  const max = dice.pick([undefined, 1, 10])
  return queue.popMany({ max, timeout: dice.pick([undefined, 0, 5]) }).pipe(
    Effect.flatMap((outcomes) => {
      outcomes.forEach(take)
      // Nothing is due within the timeout: others must have their turn.
      return outcomes.length === 0 ? Effect.sleep(1) : Effect.void
    }),
    Effect.forever,
    Effect.catchTag("QueueClosed", () => Effect.void)
  )
}

/** Every task that was pushed has the outcome that is expected of it, once. */
export const ended = Effect.fnUntraced(function*({ dice, done, mistake, target }: Load) {
  const queue = yield* Dispatcher.makeQueue<SoakTask>(options(dice))
  const due = new Map(plans(dice, target, count(dice)).map((plan) => [plan.task, plan]))
  const total = due.size
  const all = Array.from(due.keys())
  const pushers = dice.between(1, 3)
  const pushing = Effect.forEach(
    Array.from({ length: pushers }, (_, i) => all.filter((_, at) => at % pushers === i)),
    (tasks) => Effect.forEach(tasks, (task) => queue.push(task), { discard: true }),
    { concurrency: "unbounded", discard: true }
  )
  yield* Effect.all([
    Effect.andThen(pushing, queue.end),
    Effect.all(
      Array.from({ length: dice.between(1, 2) }, () =>
        drain(dice, queue, ({ result, task }) => {
          const plan = due.get(task)
          if (plan === undefined) mistake("a second outcome of a task, or one of no task")
          else if (!plan.check(result)) mistake(`${task._tag} ended with ${show(result)}`)
          due.delete(task)
        })),
      { concurrency: "unbounded" }
    )
  ], { concurrency: "unbounded" })
  if (due.size > 0) mistake(`${due.size} of ${total} tasks of a queue have no outcome`)
  done(total)
}, Effect.scoped)

/** One outcome is popped for each push. */
export const popped = Effect.fnUntraced(function*({ dice, done, mistake }: Load) {
  const queue = yield* Dispatcher.makeQueue<Inc>({ chunkSize: dice.pick(["auto", 1]) })
  const due = new Set<number>()
  const total = count(dice)
  for (let n = 0; n < total; n++) {
    yield* queue.push(new Inc({ n }))
    due.add(n + 1)
    if (dice.chance(0.5)) {
      const popped = yield* Effect.result(queue.pop({ timeout: dice.pick([0, 1]) }))
      if (Result.isSuccess(popped)) {
        if (!due.delete(popped.success)) mistake(`popped ${popped.success}, which was not due`)
      } else if (popped.failure._tag !== "DispatchTimeout") mistake(`pop failed with ${popped.failure.message}`)
    }
  }
  while (due.size > 0) {
    const result = yield* queue.pop()
    if (!due.delete(result)) return mistake(`popped ${result}, which was not due`)
  }
  done(total)
}, Effect.scoped)

/** A queue that is closed with tasks in it: then pushes and pops fail. */
export const closed = Effect.fnUntraced(function*({ dice, done, mistake, target }: Load) {
  const queue = yield* Dispatcher.makeQueue<SoakTask>(options(dice))
  const pushing = yield* Effect.forkChild(
    Effect.result(Effect.forEach(plans(dice, target, count(dice) + 1), ({ task }) => queue.push(task)))
  )
  const popping = yield* Effect.forkChild(Effect.flip(Effect.forever(queue.popMany())))
  yield* Effect.sleep(dice.below(20))
  yield* queue.close
  const pushed = yield* Fiber.join(pushing)
  if (Result.isFailure(pushed) && pushed.failure._tag !== "QueueClosed") mistake(`push failed with ${pushed.failure}`)
  const last = yield* Fiber.join(popping)
  if (last._tag !== "QueueClosed") mistake(`popMany failed with ${last}`)
  const { ready, running, waiting } = yield* queue.size
  if (ready + running + waiting > 0) mistake(`a closed queue has ${ready} + ${running} + ${waiting} tasks`)
  done(0)
}, Effect.scoped)
