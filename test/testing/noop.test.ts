import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { noop, type NoopOptions } from "papyros/testing"

class Number extends Task.Class<Number>()("Number", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const Numbers = TaskGroup.make(Number)

class Echo extends Task.Class<Echo>()("Echo", {
  payload: { bytes: Schema.Uint8Array },
  success: Schema.Struct({ bytes: Schema.Uint8Array })
}) {}

const answer: NoopOptions["answer"] = ({ payload }) => 2 * (payload as { readonly n: number }).n

describe("noop", () => {
  for (const when of ["sync", "microtask", "immediate"] as const) {
    for (const boundary of ["codec", "none"] as const) {
      it.effect.prop(`answers every task with a function of its payload (${when}, ${boundary})`, {
        tasks: Schema.Array(Number),
        chunkSize: Schema.Literals([1, 2, 256]),
        workers: Schema.Literals([1, 3])
      }, ({ chunkSize, workers, tasks }) =>
        Dispatcher.execute(tasks, { ordered: true }).pipe(
          Stream.runCollect,
          Effect.map((results) => assert.deepStrictEqual(results, tasks.map(({ n }) => 2 * n))),
          Effect.provide(noop(Numbers, { answer, boundary, chunkSize, workers, when }))
        ), { arbitrary: { runs: 100 } })
    }
  }

  it.effect("answers with the bytes of a payload, which stay as they are while others run", () =>
    Effect.gen(function*() {
      const sizes = [1, 64 * 1024, 64 * 1024, 64 * 1024]
      const tasks = sizes.map((size, i) => new Echo({ bytes: new Uint8Array(size).fill(i) }))
      const results: Array<Uint8Array> = []
      for (const task of tasks) results.push((yield* Dispatcher.run(task)).bytes)
      assert.deepStrictEqual(results, tasks.map(({ bytes }) => bytes))
    }).pipe(Effect.provide(noop(TaskGroup.make(Echo), { boundary: "codec" }))))

  it.effect("stops when its consumer stops", () =>
    Effect.gen(function*() {
      let made = 0
      const forever = function*() {
        for (;;) yield new Number({ n: made++ })
      }
      const taken = yield* Dispatcher.execute(forever(), { ordered: true, bufferSize: 10 }).pipe(
        Stream.take(100),
        Stream.runCollect
      )
      assert.lengthOf(taken, 100)
      assert.isAtMost(made, 100 + 10 + 1)
      assert.strictEqual((yield* Dispatcher.status).running, 0)
    }).pipe(Effect.provide(noop(Numbers, { answer, when: "immediate", chunkSize: 4 }))))
})
