/** The handlers module of the soak. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import { type Exit, type Family, Inc, Refused, Tasks } from "./tasks.ts"

const spin = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

/** The resources that runs of handlers in this process or thread hold. */
export const held = { count: 0 }

const hold = Effect.acquireRelease(
  Effect.sync(() => held.count++),
  () => Effect.sync(() => held.count--)
)

const family = Effect.fnUntraced(function*({ by, n, width }: Family) {
  const tasks = Array.from({ length: width }, (_, i) => new Inc({ n: n + i }))
  if (by === "run") {
    const results = yield* Effect.all(tasks, { concurrency: "unbounded" })
    return results.reduce((sum, result) => sum + result, 0)
  }
  if (by === "execute") {
    return yield* Stream.runFold(Dispatcher.execute(tasks), () => 0, (sum, result) => sum + result)
  }
  const queue = yield* Dispatcher.makeQueue<Inc>({ capacity: 4 })
  yield* Effect.forkChild(Effect.forEach(tasks, (task) => queue.push(task), { discard: true }))
  let sum = 0
  for (let i = 0; i < width; i++) sum += yield* queue.pop()
  return sum
})

const exit = Effect.fnUntraced(function*({ how, n, times }: Exit) {
  if ((yield* Task.CurrentAttempt) > times) return n
  if (how === "exit") return process.exit(7)
  const all: Array<unknown> = []
  for (;;) all.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
})

export default Tasks.toLayer({
  Inc: ({ n }) => Effect.succeed(n + 1),
  Rows: ({ rows }) => Effect.sync(() => rows.toReversed()),
  Bytes: ({ bytes }) => Effect.sync(() => bytes.toReversed()),
  Moved: ({ bytes }) => Effect.sync(() => bytes.toReversed()),
  Once: ({ n }) => Effect.succeed(n),
  Nap: ({ millis }) => Effect.andThen(hold, Effect.as(Effect.sleep(millis), millis)),
  Spin: ({ millis }) => Effect.sync(() => (spin(millis ?? Infinity), millis ?? 0)),
  Family: (task) => Effect.orDie(Effect.scoped(family(task))),
  Chat: ({ entries }) => Effect.as(Effect.replicateEffect(Effect.logInfo("entry"), entries), entries),
  Refuse: ({ n }) => Effect.fail(new Refused({ n })),
  Persist: ({ failures, n }) =>
    Effect.flatMap(
      Task.CurrentAttempt,
      (attempt) => attempt > failures ? Effect.succeed(n) : Effect.fail(new Refused({ n }))
    ),
  Throw: ({ n }) =>
    Effect.sync((): void => {
      throw new RangeError(`on purpose ${n}`)
    }),
  Misfit: () => Effect.succeed(0.5),
  Oversleep: () => Effect.andThen(hold, Effect.never),
  Stubborn: ({ millis }) => Effect.uninterruptible(Effect.andThen(hold, Effect.sleep(millis))),
  Loop: () => Effect.sync(() => spin(Infinity)),
  Exit: exit,
  Heap: () =>
    Effect.sync(() => {
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    })
})
