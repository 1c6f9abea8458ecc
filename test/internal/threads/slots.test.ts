import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { countThreads } from "../../support/pool/pool.ts"
import { Meet, Nap, Tasks } from "./slots/tasks.ts"

const poolWith = (options: WorkerPoolDispatcher.ThreadPoolSettings) =>
  WorkerPoolDispatcher.layer(Tasks, {
    handlers: new URL("./slots/handlers.ts", import.meta.url),
    gracePeriod: 100,
    ...options
  })

const pool = (concurrency: number) => poolWith({ size: 1, concurrency })

const untilRunning = (running: number): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.flatMap(
    Dispatcher.status,
    (status) => status.running >= running ? Effect.void : Effect.andThen(Effect.sleep(10), untilRunning(running))
  )

describe("WorkerPoolDispatcher", () => {
  it.live("fills the slots of a thread whose tasks compute before they wait", () =>
    Effect.gen(function*() {
      for (const [count, chunkSize, millis] of [[4, 4, 8], [4, 1, 8], [2, "auto", 25], [4, "auto", 0]] as const) {
        const tasks = Array.from(
          { length: count },
          () => new Meet({ meeting: `${count} of ${chunkSize}`, count, millis })
        )
        // They would wait for each other for ever.
        yield* Stream.runDrain(Dispatcher.execute(tasks, { chunkSize }))
      }
    }).pipe(Effect.provide(pool(4))))

  it.live("gives a free slot the task that comes while another one computes", () =>
    Effect.gen(function*() {
      const meet = new Meet({ meeting: "late", count: 2, millis: 50 })
      yield* Effect.all([meet, Effect.andThen(Effect.sleep(10), meet)], { concurrency: 2 })
    }).pipe(Effect.provide(pool(2))))

  it.live("runs as many tasks at once as it has slots, more than it has requests by default", () =>
    Effect.gen(function*() {
      const count = 150
      // The first ones end one by one, so that each of the others comes in a request of its own.
      const naps = Array.from({ length: count }, (_, i) => new Nap({ millis: 2 * i }))
      const tasks = Array.from({ length: count }, () => new Meet({ meeting: "many", count, millis: 0 }))
      yield* Stream.runDrain(Dispatcher.execute([...naps, ...tasks]))
    }).pipe(Effect.provide(pool(150))))

  it.live("runs tasks that wait side by side", () =>
    Effect.gen(function*() {
      const before = performance.now()
      yield* Stream.runDrain(Dispatcher.execute(Array.from({ length: 64 }, () => new Nap({ millis: 100 }))))
      // 0.8 s if all slots are full; 3.2 s with two of them.
      assert.isBelow(performance.now() - before, 2400)
    }).pipe(Effect.provide(pool(8))))

  it.live.each([[2, 1], [4, 1], [4, 3]])(
    "starts as many threads as %d tasks need, each of which runs %d at once",
    ([tasks, concurrency]) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        yield* Effect.gen(function*() {
          assert.strictEqual(threads.started, 1)
          const naps = Array.from({ length: tasks }, () => new Nap({ millis: 60_000 }))
          const running = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute(naps, { chunkSize: 1 })))
          yield* untilRunning(tasks)
          assert.strictEqual(threads.started, Math.ceil(tasks / concurrency))
          yield* Fiber.interrupt(running)
        }).pipe(Effect.provide(poolWith({ size: { min: 1, max: 8 }, concurrency })))
      })
  )
})
