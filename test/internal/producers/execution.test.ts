import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Try extends Task.Class<Try>()("Try", { payload: { n: Schema.Int }, success: Schema.Int, error: Schema.String }) {}

const Tries = TaskGroup.make(Try)

describe("Execution", () => {
  it.effect("pulls nothing after something that is not a task, whose error follows the outcomes before it", () =>
    Effect.gen(function*() {
      const started: Array<string> = []
      const pulled: Array<unknown> = []
      const source = function*() {
        for (const item of [new Try({ n: 1 }), "not a task", new Try({ n: 2 }), new Try({ n: 3 })]) {
          pulled.push(item)
          yield item as Try
        }
      }
      const layer = FiberDispatcher.layer(Tries, { concurrency: 4 }).pipe(
        Layer.provide(Tries.toLayer({
          Try: ({ n }) =>
            Effect.gen(function*() {
              const attempt = yield* Task.CurrentAttempt
              started.push(`${n}#${attempt}`)
              yield* Effect.yieldNow
              return attempt < 3 ? yield* Effect.fail("again") : n
            })
        }))
      )
      const got: Array<number> = []
      const exit = yield* Dispatcher.results(source(), { retry: { times: 5 } }).pipe(
        Stream.runForEach(({ index }) => Effect.sync(() => got.push(index))),
        Effect.exit,
        Effect.provide(layer)
      )
      // The failure of the task before it is its outcome: it is not retried.
      assert.deepStrictEqual(started, ["1#1"])
      assert.deepStrictEqual(got, [0])
      assert.lengthOf(pulled, 2)
      assert.isTrue(exit._tag === "Failure" && Cause.hasDies(exit.cause))
    }))

  it.effect("ends with the defect of a finalizer of its source, after the outcomes of all tasks", () =>
    Effect.gen(function*() {
      const layer = FiberDispatcher.layer(Tries).pipe(
        Layer.provide(Tries.toLayer({ Try: ({ n }) => Effect.succeed(n) }))
      )
      const source = Stream.make(new Try({ n: 1 }), new Try({ n: 2 })).pipe(Stream.ensuring(Effect.die("on purpose")))
      const got: Array<number> = []
      const exit = yield* Dispatcher.execute(source, { ordered: true }).pipe(
        Stream.runForEach((n) => Effect.sync(() => got.push(n))),
        Effect.exit,
        Effect.provide(layer)
      )
      assert.deepStrictEqual(got, [1, 2])
      assert.deepStrictEqual(exit, Exit.die("on purpose"))
    }))

  it.effect("goes on when its source resumes its consumer while it is pulled", () =>
    Effect.gen(function*() {
      const gate = Deferred.makeUnsafe<void>()
      const source = function*() {
        for (let n = 1; n <= 8; n++) {
          if (n === 3) Deferred.doneUnsafe(gate, Effect.void)
          yield new Try({ n })
        }
      }
      const layer = FiberDispatcher.layer(Tries, { concurrency: 1 }).pipe(
        Layer.provide(Tries.toLayer({ Try: ({ n }) => Effect.as(Effect.yieldNow, n) }))
      )
      const got = yield* Dispatcher.execute(source(), { bufferSize: 2, chunkSize: 1 }).pipe(
        Stream.mapEffect((n) => Effect.as(Deferred.await(gate), n)),
        Stream.runCollect,
        Effect.provide(layer)
      )
      assert.deepStrictEqual(got, [1, 2, 3, 4, 5, 6, 7, 8])
    }))
})
