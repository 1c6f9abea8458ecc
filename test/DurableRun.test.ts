import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Durable from "papyros/Durable"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as MemoryStore from "../src/internal/durable/memoryStore.ts"
import { settle } from "./support/time.ts"

/** Must not start twice. */
class Charge extends Task.Class<Charge>()("Charge", {
  payload: { n: Schema.Int },
  success: Schema.Int,
  idempotent: false
}) {}
class Double extends Task.Class<Double>()("Double", { payload: { n: Schema.Int }, success: Schema.Int }) {}
class Handle {}
class NoForm extends Task.Class<NoForm>()("NoForm", {
  payload: { handle: Schema.optionalKey(Schema.instanceOf(Handle)) }
}) {}
const Tasks = TaskGroup.make(Charge, Double, NoForm)

/** A dispatcher that records the tasks that start, which wait until the latch is open, and a store in memory. */
const world = Effect.gen(function*() {
  const starts: Array<number> = []
  const latch = yield* Latch.make(true)
  const started = (n: number) => Effect.andThen(Effect.sync(() => starts.push(n)), Effect.as(latch.await, 2 * n))
  const handlers = Tasks.toLayer({
    Charge: ({ n }) => started(n),
    Double: ({ n }) => started(n),
    NoForm: () => Effect.void
  })
  const store = MemoryStore.make()
  const layer = Layer.merge(
    FiberDispatcher.layer(Tasks, { concurrency: 8 }).pipe(Layer.provide(handlers)),
    Durable.layerStore(Effect.succeed(store))
  )
  return { starts, latch, store, layer }
})

const charge = (n: number) => Durable.run(new Charge({ n }), { run: "r" })
const double = (n: number) => Durable.run(new Double({ n }), { run: "r" })
const execute = Stream.runCollect(Durable.execute([new Double({ n: 7 })], { run: "r" }))

const reasonOf = (error: { readonly _tag: string }): string =>
  error._tag === "DurableError" ? (error as Durable.DurableError).reason._tag : error._tag

describe("Durable.run", () => {
  it.effect("starts one of equal tasks that come at the same time, and gives its outcome to all of them", () =>
    Effect.gen(function*() {
      const { latch, layer, starts } = yield* world
      yield* Effect.gen(function*() {
        yield* latch.close
        const all = yield* Effect.forkChild(
          Effect.all([charge(1), charge(1), charge(2), charge(1)], { concurrency: "unbounded" })
        )
        yield* settle
        yield* latch.open
        assert.deepStrictEqual(yield* Fiber.join(all), [2, 2, 4, 2])
        assert.sameMembers(starts, [1, 2])
      }).pipe(Effect.provide(layer))
    }))

  it.effect("lets an equal task start when the first one was interrupted", () =>
    Effect.gen(function*() {
      const { latch, layer, starts } = yield* world
      yield* Effect.gen(function*() {
        yield* latch.close
        const first = yield* Effect.forkChild(double(1))
        yield* settle
        const second = yield* Effect.forkChild(double(1))
        const third = yield* Effect.forkChild(double(1))
        yield* settle
        yield* Fiber.interrupt(second)
        yield* Fiber.interrupt(first)
        yield* latch.open
        assert.strictEqual(yield* Fiber.join(third), 2)
        assert.deepStrictEqual(starts, [1, 1])
      }).pipe(Effect.provide(layer))
    }))

  it.effect("keeps the run for the calls that use it when another one fails", () =>
    Effect.gen(function*() {
      const { latch, layer } = yield* world
      yield* Effect.gen(function*() {
        yield* latch.close
        const first = yield* Effect.forkChild(double(1))
        yield* settle
        const error = yield* Effect.flip(Durable.run(new NoForm({}), { run: "r" }))
        assert.strictEqual(reasonOf(error), "Unencodable")
        const second = yield* Effect.forkChild(double(2))
        yield* latch.open
        assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [2, 4])
      }).pipe(Effect.provide(layer))
    }))

  it.effect("frees the run for an execution, or a change, that comes after it", () =>
    Effect.gen(function*() {
      const { latch, layer } = yield* world
      yield* Effect.gen(function*() {
        yield* double(1)
        assert.deepStrictEqual(yield* execute, [14])
        yield* double(2)
        assert.strictEqual(yield* Durable.retry("r"), 0)
        yield* double(3)
        assert.strictEqual(yield* Durable.forget("r"), 4)
        yield* latch.close
        const running = yield* Effect.forkChild(double(4))
        yield* settle
        for (const other of [Effect.as(execute, 0), Durable.retry("r"), Durable.forget("r")]) {
          assert.strictEqual(reasonOf(yield* Effect.flip(other)), "RunBusy")
        }
        yield* latch.open
        assert.strictEqual(yield* Fiber.join(running), 8)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("gets the run as soon as it is free, however often it was refused before", () =>
    Effect.gen(function*() {
      const { latch, layer } = yield* world
      yield* Effect.gen(function*() {
        yield* latch.close
        const other = yield* Effect.forkChild(execute)
        yield* settle
        for (let i = 0; i < 3; i++) assert.strictEqual(reasonOf(yield* Effect.flip(double(1))), "RunBusy")
        yield* latch.open
        yield* Fiber.join(other)
        assert.strictEqual(yield* double(1), 2)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("acquires a run anew that another program took over and gave up", () =>
    Effect.gen(function*() {
      const { latch, layer, store } = yield* world
      yield* Effect.gen(function*() {
        yield* latch.close
        const calls = yield* Effect.forEach([1, 2], (n) => Effect.forkChild(Effect.flip(double(n))))
        yield* settle
        const [{ owner }] = yield* store.runs
        yield* store.acquire("r", "elsewhere 1 0 x", owner!)
        yield* store.release("r", "elsewhere 1 0 x", undefined)
        yield* latch.open
        for (const call of calls) assert.strictEqual(reasonOf(yield* Fiber.join(call)), "RunBusy")
        const all = Effect.all([double(1), double(2), double(3)], { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* all, [2, 4, 6])
        yield* TestClock.adjust("1 second")
        assert.isNull((yield* store.runs)[0].owner)
      }).pipe(Effect.provide(layer))
    }))
})
