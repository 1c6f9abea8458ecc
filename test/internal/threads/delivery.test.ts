import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Worker } from "node:worker_threads"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Task from "papyros/Task"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { fragile } from "./delivery/fragile.ts"
import { Fragile, Lose, Plain, Take, Tasks } from "./delivery/tasks.ts"

const pool = WorkerPoolDispatcher.layer(Tasks, {
  handlers: new URL("./delivery/handlers.ts", import.meta.url),
  size: 1,
  gracePeriod: 200
})

/** The values of tasks, or the reasons of their failures. */
const outcomes = <T extends Task.Any>(tasks: ReadonlyArray<T>, chunkSize: number) =>
  Effect.map(
    Stream.runCollect(Dispatcher.results(tasks, { chunkSize, ordered: true })),
    (results) =>
      results.map(({ result }): unknown =>
        Result.isSuccess(result) ? result.success : result.failure.reason._tag === "Undecodable"
          ? [result.failure.reason.part, result.failure.reason.message]
          : result.failure.reason._tag
      )
  )

const plain = (n: number) => new Plain({ n })

describe("WorkerPoolDispatcher", () => {
  it.live("fails a task alone whose result throws while it is copied", () =>
    Effect.gen(function*() {
      const [first, second, third] = yield* outcomes([plain(1), new Fragile({ reads: 1 }), plain(3)], 3)
      assert.deepStrictEqual([first, third], [1, 3])
      assert.deepStrictEqual(second, ["success", "read too often"])
    }).pipe(Effect.provide(pool)))

  it.live("fails a task alone whose payload throws while it is copied", () =>
    Effect.gen(function*() {
      const take = new Take({ rows: [] })
      // The constructor would copy the rows.
      Object.defineProperty(take, "rows", { value: fragile(0), enumerable: true })
      const [first, second, third] = yield* outcomes([plain(1), take, plain(3)], 3)
      assert.deepStrictEqual([first, third], [1, 3])
      assert.deepStrictEqual(second, ["payload", "read too often"])
    }).pipe(Effect.provide(pool)))

  it.live("fails tasks whose outcomes are lost on their way, and runs on", () =>
    Effect.gen(function*() {
      const [first, lost, third] = yield* outcomes([plain(1), new Lose({}), plain(3)], 1)
      const failure = ["success", "its outcome did not arrive: the message was lost"]
      assert.deepStrictEqual(lost, failure)
      // They may have been in the same message.
      if (first !== 1) assert.deepStrictEqual(first, failure)
      if (third !== 3) assert.deepStrictEqual(third, failure)
      assert.strictEqual(yield* Dispatcher.run(plain(4)), 4)
      const { running, workers } = yield* Dispatcher.status
      assert.strictEqual(running, 0)
      assert.deepStrictEqual(workers.map(({ name }) => name), ["thread-1"])
    }).pipe(Effect.provide(pool)))

  it.live("fails tasks that are lost on their way to the thread, once the thread says that it cannot read", () =>
    Effect.gen(function*() {
      let worker: Worker | undefined
      const add = (started: Worker) => {
        worker = started
      }
      process.on("worker", add)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("worker", add)))
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* Dispatcher.run(plain(1)), 1)
        const post = worker!.postMessage
        worker!.postMessage = () => {
          worker!.postMessage = post
          worker!.emit("messageerror", new Error("it has no form"))
        }
        assert.deepStrictEqual(yield* outcomes([plain(2)], 1), [[
          "payload",
          "it did not arrive: Error: it has no form"
        ]])
        assert.strictEqual(yield* Dispatcher.run(plain(3)), 3)
      }).pipe(Effect.provide(pool))
    }))
})
