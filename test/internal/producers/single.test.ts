import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { settle } from "../../support/time.ts"

class Linger extends Task.Class<Linger>()("Linger", { payload: { id: Schema.Int } }) {}

const Lingers = TaskGroup.make(Linger)

describe("A single task whose dispatcher closes", () => {
  it.effect("ends when its work has stopped, or at once if it has not started", () =>
    Effect.gen(function*() {
      const cleanup = yield* Latch.make()
      const stopped: Array<number> = []
      const layer = FiberDispatcher.layer(Lingers, { concurrency: 2 }).pipe(
        Layer.provide(Lingers.toLayer({
          Linger: ({ id }) =>
            Effect.onInterrupt(
              Effect.never,
              () => Effect.andThen(cleanup.await, Effect.sync(() => stopped.push(id)))
            )
        }))
      )
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer, scope)
      const [running, interrupted, waiting] = yield* Effect.forEach([0, 1, 2], (id) =>
        Effect.forkChild(Effect.provideContext(Dispatcher.run(new Linger({ id })), context)))
      yield* settle
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* settle
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(interrupted))
      yield* settle
      const ended = [running, interrupted, interrupting, closing].filter((fiber) =>
        fiber.pollUnsafe() !== undefined
      )
      assert.lengthOf(ended, 0)
      assert.strictEqual((yield* Effect.flip(Fiber.join(waiting)))._tag, "DispatcherClosed")
      assert.deepStrictEqual(stopped, [])
      yield* cleanup.open
      assert.strictEqual((yield* Effect.flip(Fiber.join(running)))._tag, "DispatcherClosed")
      yield* Fiber.join(interrupting)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(interrupted)))
      yield* Fiber.join(closing)
      assert.deepStrictEqual(stopped.toSorted(), [0, 1])
    }))
})
