import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Wait extends Task.Class<Wait>()("Wait", { payload: { n: Schema.Int } }) {}
const Tasks = TaskGroup.make(Wait)

describe("FiberDispatcher", () => {
  // 1.5 s, and about a minute if the rest of a chunk that goes back costs time for all that wait.
  it.live("starts 100,000 tasks side by side", () =>
    Effect.gen(function*() {
      const many = 100_000
      const seen = { started: 0 }
      const handlers = Tasks.toLayer({ Wait: () => Effect.callback<void>(() => void seen.started++) })
      yield* Effect.gen(function*() {
        const tasks = Array.from({ length: many }, (_, n) => new Wait({ n }))
        const fiber = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute(tasks)))
        while (seen.started < many) yield* Effect.sleep(1)
        assert.strictEqual((yield* Dispatcher.status).running, many)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(FiberDispatcher.layer(Tasks, { concurrency: many }).pipe(Layer.provide(handlers))))
    }), 30_000)
})
