import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { pool } from "../../support/pool/pool.ts"
import { Add, Mirror, tree } from "../../support/pool/tasks.ts"

const Trees = Schema.Array(Schema.Struct(tree)).check(Schema.isMaxLength(30))

describe("WorkerPoolDispatcher", () => {
  layer(pool({}), { excludeTestServices: true })((it) => {
    it.effect.prop(
      "carries objects of every shape there and back, whatever is sent with them",
      { trees: Trees, chunkSize: Schema.Literals([1, 3, 64, "auto"]) },
      ({ chunkSize, trees }) =>
        Effect.gen(function*() {
          const tasks = trees.flatMap((fields, n) =>
            n % 5 === 0 ? [new Add({ n }), new Mirror(fields)] : [new Mirror(fields)]
          )
          const outcomes = yield* Stream.runCollect(Dispatcher.results(tasks, { ordered: true, chunkSize }))
          assert.strictEqual(outcomes.length, tasks.length)
          for (const [i, { result }] of outcomes.entries()) {
            const task = tasks[i]
            if (task._tag === "Add") {
              assert.deepStrictEqual(result, Result.succeed(task.n + 1))
              continue
            }
            const { _tag, ...fields } = { ...task }
            if (Result.isSuccess(result)) assert.deepStrictEqual(result.success, fields)
            else {
              assert.strictEqual(task.id % 7, 0)
              const { reason } = result.failure
              assert.deepStrictEqual(reason._tag === "Failed" && reason.error, task.leaves)
            }
          }
        }),
      { arbitrary: { runs: 60 } }
    )
  })
})
