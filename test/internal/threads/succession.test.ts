import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Worker } from "node:worker_threads"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { countThreads, pool, until } from "../../support/pool/pool.ts"
import { Spin, Work } from "../../support/pool/tasks.ts"
import { Nap, Tasks } from "./slots/tasks.ts"

/** The starts and exits of threads, as they follow each other. */
const record = Effect.gen(function*() {
  const events: Array<string> = []
  const add = (worker: Worker & { readonly threadName?: string | null }) => {
    const name = worker.threadName!.replace("papyros thread-", "")
    events.push(`${name} starts`)
    worker.once("exit", () => events.push(`${name} exits`))
  }
  process.on("worker", add)
  yield* Effect.addFinalizer(() => Effect.sync(() => process.off("worker", add)))
  return events
})

describe("WorkerPoolDispatcher", () => {
  it.live("starts the successor of a thread that has run its tasks before the thread ends", () =>
    Effect.gen(function*() {
      const events = yield* record
      const tasks = Array.from({ length: 30 }, (_, id) => new Work({ id, millis: 1 }))
      yield* Stream.runDrain(Dispatcher.execute(tasks, { chunkSize: 1 })).pipe(
        Effect.provide(pool({ size: 1, maxTasksPerWorker: 10 }))
      )
      assert.isBelow(events.indexOf("2 starts"), events.indexOf("1 exits"))
    }))

  it.live("starts the successor of a thread that must be terminated before the thread ends", () =>
    Effect.gen(function*() {
      const events = yield* record
      yield* Effect.gen(function*() {
        const failure = yield* Effect.flip(Dispatcher.run(new Spin({})))
        assert.strictEqual(failure._tag === "TaskFailure" && failure.reason._tag, "TimedOut")
        yield* until(() => events.includes("1 exits"))
      }).pipe(Effect.provide(pool({ size: 1 })))
      assert.deepStrictEqual(events.slice(0, 3), ["1 starts", "2 starts", "1 exits"])
    }))

  it.live("waits for threads that end because they were idle when it is closed", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      yield* Effect.gen(function*() {
        const naps = Array.from({ length: 2 }, () => new Nap({ millis: 60_000 }))
        const running = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute(naps, { chunkSize: 1 })))
        const workers = Effect.map(Dispatcher.status, (status) => status.workers.length)
        while ((yield* workers) < 2) yield* Effect.sleep(5)
        yield* Fiber.interrupt(running)
        // One thread is told to end, and releases its resource for a while.
        yield* Effect.sleep(50)
        assert.strictEqual(threads.started, 2)
      }).pipe(Effect.provide(WorkerPoolDispatcher.layer(Tasks, {
        handlers: new URL("./slots/slowToEnd.ts", import.meta.url),
        size: { min: 1, max: 2, idleTimeToLive: 1 },
        gracePeriod: 5000
      })))
      assert.strictEqual(yield* threads.left, 0)
    }))
})
