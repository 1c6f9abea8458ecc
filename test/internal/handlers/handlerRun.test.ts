import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Work extends Task.Class<Work>()("Work", { success: Schema.String, error: Schema.String }) {}
const Tasks = TaskGroup.make(Work)

const layer = (handler: (log: Array<string>) => Effect.Effect<string, string, Scope.Scope>, log: Array<string> = []) =>
  FiberDispatcher.layer(Tasks).pipe(Layer.provide(Tasks.toLayer({ Work: () => handler(log) })))

const logs = (log: Array<string>, text: string) => Effect.sync(() => void log.push(text))

const closes = (log: Array<string>) =>
  Effect.acquireRelease(
    logs(log, "acquired"),
    (_, exit) => Effect.andThen(Effect.yieldNow, logs(log, `released after ${exit._tag}`))
  )

/** The reason of the one task, or its result. */
const outcome = Effect.match(Dispatcher.run(new Work()), {
  onSuccess: (value) => value,
  onFailure: (failure) => failure._tag === "TaskFailure" ? failure.reason : failure
})

const dies = Effect.addFinalizer(() => Effect.die(new RangeError("finalizer")))

describe("The scope of a handler", () => {
  it.effect("is closed with the exit of the handler before its outcome is seen", () =>
    Effect.gen(function*() {
      for (const fails of [false, true]) {
        const log: Array<string> = []
        const handler = () =>
          Effect.andThen(
            closes(log),
            fails ? Effect.fail("no") : Effect.andThen(Effect.yieldNow, Effect.succeed("yes"))
          )
        yield* Effect.andThen(outcome, logs(log, "outcome")).pipe(Effect.provide(layer(handler)))
        assert.deepStrictEqual(log, ["acquired", `released after ${fails ? "Failure" : "Success"}`, "outcome"])
      }
    }))

  it.effect("is closed before the caller that was interrupted goes on", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const started = Latch.makeUnsafe()
      const handler = () => Effect.andThen(closes(log), Effect.andThen(started.open, Effect.never))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(outcome)
        yield* started.await
        yield* Fiber.interrupt(fiber)
        log.push("interrupted")
      }).pipe(Effect.provide(layer(handler)))
      assert.deepStrictEqual(log, ["acquired", "released after Failure", "interrupted"])
    }))

  it.effect("is closed before a timeout is reported", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const started = Latch.makeUnsafe()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runCollect(Dispatcher.results([new Work()], { taskTimeout: 100 }))
        )
        yield* started.await
        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)
        log.push("outcome")
      }).pipe(Effect.provide(layer(() => Effect.andThen(closes(log), Effect.andThen(started.open, Effect.never)))))
      assert.deepStrictEqual(log, ["acquired", "released after Failure", "outcome"])
    }))

  it.effect("makes a finalizer that dies a defect of the task, whether it has succeeded or failed", () =>
    Effect.gen(function*() {
      for (const end of [Effect.succeed("yes"), Effect.fail("no")]) {
        const reason = yield* outcome.pipe(Effect.provide(layer(() => Effect.andThen(dies, end))))
        assert.isTrue(typeof reason !== "string" && reason._tag === "Defect")
        assert.strictEqual(String((reason as { readonly defect: unknown }).defect), "RangeError: finalizer")
      }
    }))

  it.effect("is closed even if nothing was added to it, so that what is added later is released at once", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let kept: Scope.Scope | undefined
      const handler = () =>
        Effect.map(Effect.scope, (scope) => {
          kept = scope
          return "yes"
        })
      assert.strictEqual(yield* outcome.pipe(Effect.provide(layer(handler))), "yes")
      yield* Scope.addFinalizer(kept!, logs(log, "released"))
      assert.deepStrictEqual(log, ["released"])
    }))

  it.effect("is closed within the span of the task", () =>
    Effect.gen(function*() {
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const { end } = span
          span.end = (...args) => {
            spans.push(span.name)
            end.apply(span, args)
          }
          return span
        }
      })
      const handler = () => Effect.as(Effect.addFinalizer(() => Effect.withSpan(Effect.void, "finalizer")), "yes")
      yield* outcome.pipe(
        Effect.withSpan("caller"),
        Effect.provide(layer(handler)),
        Effect.provideService(Tracer.Tracer, tracer)
      )
      assert.deepStrictEqual(spans, ["finalizer", "papyros.Work", "caller"])
    }))
})
