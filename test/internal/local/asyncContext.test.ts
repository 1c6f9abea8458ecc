import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import { AsyncLocalStorage } from "node:async_hooks"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Look
  extends Task.Class<Look>()("Look", { payload: { waits: Schema.Boolean }, success: Schema.Array(Schema.String) })
{}
const Tasks = TaskGroup.make(Look)

const store = new AsyncLocalStorage<string>()
const look = Effect.sync(() => store.getStore() ?? "none")
const handlers = Tasks.toLayer({
  Look: ({ waits }) => waits ? Effect.all([look, Effect.andThen(Effect.sleep(1), look)]) : Effect.all([look, look])
})

const dispatchers = {
  Dummy: DummyDispatcher.layer(Tasks),
  Fiber: FiberDispatcher.layer(Tasks, { concurrency: 2 })
}

for (const [name, layer] of Object.entries(dispatchers)) {
  describe(`Handlers on ${name}`, () => {
    it.live("run in the async context in which their dispatcher was opened, and callers go on in their own", () =>
      Effect.promise(async () => {
        const runtime = ManagedRuntime.make(layer.pipe(Layer.provide(handlers)))
        await store.run("dispatcher", () => runtime.runPromise(Effect.void))
        const call = (caller: string, waits: boolean) =>
          store.run(caller, () => runtime.runPromise(Effect.all([new Look({ waits }), look])))
        const callers = ["A", "B", "C", "D", "E", "F"]
        const seen = await Promise.all(callers.map((caller, i) => call(caller, i % 3 !== 0)))
        assert.deepStrictEqual(seen, callers.map((caller) => [["dispatcher", "dispatcher"], caller]))
        await runtime.dispose()
      }))
  })
}
