import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { pool } from "../../support/pool/pool.ts"
import { Add, Fill, Hoard, Keep } from "../../support/pool/tasks.ts"

const fill = (by: number, millis = 0) => new Fill({ bytes: new Uint8Array(64), by, millis })

const numbers = (length: number) => Array.from({ length }, (_, i) => i)

describe("WorkerPoolDispatcher", () => {
  it.live("moves bytes where the task says so, and gives the caller others back", () =>
    Effect.gen(function*() {
      const tasks = numbers(50).map((by) => fill(by))
      const results = yield* Stream.runCollect(Dispatcher.execute(tasks, { ordered: true, chunkSize: 16 }))
      assert.deepStrictEqual(results, numbers(50).map((by) => new Uint8Array(64).fill(by)))
      for (const { bytes } of tasks) assert.isTrue(bytes.buffer instanceof ArrayBuffer && bytes.buffer.detached)

      // The second time, the buffer that the handler keeps is empty.
      assert.deepStrictEqual(yield* Dispatcher.run(new Keep({})), Uint8Array.of(1, 2, 3))
      const again = yield* Effect.flip(Dispatcher.run(new Keep({})))
      assert.strictEqual(again._tag === "TaskFailure" && again.reason._tag, "Undecodable")
    }).pipe(Effect.provide(pool({ size: 1 }))))

  it.live("copies what cannot be moved, and two views of one buffer stay together", () =>
    Effect.gen(function*() {
      // Node shares the memory of small ones between many.
      const shared = Buffer.from("small")
      const buffer = new ArrayBuffer(8)
      const halves = [new Uint8Array(buffer, 0, 4), new Uint8Array(buffer, 4)]
      const tasks = [shared, ...halves].map((bytes, by) => new Fill({ bytes, by, millis: 0 }))
      const results = yield* Stream.runCollect(Dispatcher.results(tasks, { ordered: true }))
      assert.strictEqual(shared.toString(), "small")
      const outcomes = results.map(({ result }) =>
        Result.match(result, { onSuccess: (bytes) => Array.from(bytes), onFailure: ({ reason }) => reason._tag })
      )
      assert.deepStrictEqual(outcomes[0], [0, 0, 0, 0, 0])
      // They were sent together, or the second had nothing left to send.
      assert.deepStrictEqual(outcomes[1], [1, 1, 1, 1])
      assert.isTrue(outcomes[2] === "Undecodable" || String(outcomes[2]) === "2,2,2,2")
    }).pipe(Effect.provide(pool({ size: 1 }))))

  it.live("takes large bytes from nobody, and of their memory no more than they show", () =>
    Effect.gen(function*() {
      const memory = Uint8Array.from({ length: 1 << 20 }, (_, i) => i % 100)
      const bytes = [memory.subarray(0, 1 << 16), memory.subarray(3 << 16, 5 << 16), memory.subarray(7, 9)]
      const before = bytes.map((part) => part.slice())
      const marked = before.map((part) => part.with(0, part[0] + 1))
      const task = new Hoard({ parts: { bytes } })
      // Sent and returned more than once: the first owner still has them.
      for (let times = 1; times <= 3; times++) {
        const { kept, sizes } = yield* Dispatcher.run(task)
        assert.deepStrictEqual(kept, Array.from({ length: times }, () => marked).flat())
        assert.deepStrictEqual(sizes, [1 << 16, 2 << 16, 2])
        assert.deepStrictEqual(task.parts.bytes, before)
      }
    }).pipe(Effect.provide(pool({ size: 1 }))))

  it.live("tries once what was moved, and holds up only that behind a long task", () =>
    Effect.gen(function*() {
      const failed = yield* Stream.runCollect(Dispatcher.results([fill(-3)], { retry: { times: 3 } }))
      const failure = Result.getFailure(failed[0].result)
      assert.strictEqual(failure._tag === "Some" && failure.value.attempt, 1)

      const tasks = numbers(300).flatMap((n) => [new Add({ n }), fill(n === 100 ? 300 : n % 256, n === 0 ? 100 : 0)])
      const results = yield* Stream.runCollect(Dispatcher.results(tasks, { ordered: true }))
      assert.strictEqual(results.length, tasks.length)
      for (const { index, result, task } of results) {
        const reason = Result.isFailure(result) ? result.failure.reason._tag : "none"
        if (task._tag === "Add") assert.strictEqual(reason, "none")
        else if (task.by === 300) assert.strictEqual(reason, "WorkerLost")
        // Buffers that had been moved to the thread that ended are gone with it.
        else assert.include(["none", "WorkerLost"], reason)
        if (reason === "WorkerLost") assert.isAtLeast(index, 100)
      }
      const lost = results.filter(({ result }) => Result.isFailure(result)).length
      assert.isAtMost(lost, 1 + 2 * 16)
    }).pipe(Effect.provide(pool({ size: 2 }))))
})
