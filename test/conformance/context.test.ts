/** Claims about the context that a handler runs in, and about buffers that are moved. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AsyncLocalStorage } from "node:async_hooks"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { Dummy, FiberWithCodecs, OneThread, only, topic, values } from "./support/suite.ts"
import { First, Move } from "./support/tasks.ts"

topic("context", (claim) => {
  // Piscina, post-task.ts: postTask() can transfer ArrayBuffer instances. test-is-buffer-transferred.ts: transferable objects must be transferred
  // workerpool, Pool.test.js: should support sending transferable object to worker, from worker
  claim("a payload that is moved is not the caller's any more", { on: only(OneThread) }, () =>
    Effect.gen(function*() {
      const bytes = Uint8Array.of(1, 2, 3)
      assert.deepStrictEqual(Array.from(yield* Dispatcher.run(new Move({ bytes }))), [1, 2, 3])
      assert.strictEqual(bytes.byteLength, 0)
    }))

  // Tinypool, move.test.ts: Moving works
  claim(
    "a payload that is not moved stays the caller's",
    { on: only(Dummy, FiberWithCodecs, OneThread) },
    () =>
      Effect.gen(function*() {
        const bytes = Uint8Array.of(7, 2, 3)
        assert.strictEqual(yield* Dispatcher.run(new First({ bytes })), 7)
        assert.deepStrictEqual(Array.from(bytes), [7, 2, 3])
      })
  )

  // Piscina, post-task.ts: postTask() validates transferList
  claim(
    "the same buffer in two tasks that move it fails the second one alone",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        const bytes = Uint8Array.of(1, 2, 3)
        const first = yield* Dispatcher.run(new Move({ bytes }))
        const second = yield* Effect.result(Dispatcher.run(new Move({ bytes })))
        assert.strictEqual(first.byteLength, 3)
        assert.include(["Success", "Failure"], second._tag)
        assert.deepStrictEqual(yield* values([new First({ bytes: Uint8Array.of(9) })]), [9])
      })
  )
})

describe("Conformance: context", () => {
  class Look extends Task.Class<Look>()("Look", { success: Schema.String }) {}
  const Group = TaskGroup.make(Look)
  const storage = new AsyncLocalStorage<string>()
  const parentSpan = Effect.match(Effect.currentSpan, {
    onFailure: () => "none",
    onSuccess: ({ parent }) => {
      const span = Option.getOrUndefined(parent)
      return span?._tag === "Span" ? span.name : "none"
    }
  })
  const layerOf = (look: () => Effect.Effect<string>) =>
    FiberDispatcher.layer(Group, { concurrency: 1 }).pipe(Layer.provide(Group.toLayer({ Look: look })))

  // Piscina, async-context.ts: postTask() calls the correct async hooks. Tinypool, async-context.test.ts: the same
  it.live("a handler does not see the asynchronous context of the caller that happened to start it (Fiber)", () =>
    Effect.promise(async () => {
      const layer = layerOf(() => Effect.andThen(Effect.sleep(1), Effect.sync(() => storage.getStore() ?? "none")))
      const runtime = ManagedRuntime.make(layer)
      await runtime.runPromise(Effect.void)
      const seen = await Promise.all(
        ["a", "b", "c"].map((name) => storage.run(name, () => runtime.runPromise(new Look())))
      )
      await runtime.dispose()
      assert.deepStrictEqual(seen, ["none", "none", "none"])
    }))

  // BullMQ, telemetry_interface.test.ts: should propagate context correctly between queue and worker using telemetry
  it.effect("a task that was pushed runs under the span of the push (Fiber)", () =>
    Effect.gen(function*() {
      const queue = yield* Effect.withSpan(Dispatcher.makeQueue<Look>(), "startup")
      yield* Effect.withSpan(queue.push(new Look()), "request")
      assert.strictEqual(yield* queue.pop(), "request")
    }).pipe(Effect.scoped, Effect.provide(layerOf(() => parentSpan))))

  // BullMQ, telemetry_interface.test.ts: should propagate context correctly between queue and worker using telemetry
  it.effect("a task that is run runs under the span of its caller (Fiber)", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Effect.withSpan(new Look(), "request"), "request")
    }).pipe(Effect.provide(layerOf(() => parentSpan))))
})
