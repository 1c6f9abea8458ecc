import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { hostname } from "node:os"
import * as Durable from "papyros/Durable"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as MemoryStore from "../../../src/internal/durable/memoryStore.ts"
import { succeeded } from "../../support/durable/rows.ts"
import { settle } from "../../support/time.ts"

class Double extends Task.Class<Double>()("Double", { payload: { n: Schema.Int }, success: Schema.Int }) {}
class Hold extends Task.Class<Hold>()("Hold", { payload: {} }) {}
const Tasks = TaskGroup.make(Double, Hold)

/** A store in memory, some of whose operations are changed, and a dispatcher. */
const world = (change: (store: Durable.Store) => Partial<Durable.Store> = () => ({})) => {
  const store = MemoryStore.make()
  const starts: Array<number> = []
  const handlers = Tasks.toLayer({
    Double: ({ n }) => Effect.sync(() => (starts.push(n), 2 * n)),
    Hold: () => Effect.never
  })
  const layer = Layer.merge(
    FiberDispatcher.layer(Tasks, { concurrency: 2 }).pipe(Layer.provide(handlers)),
    Durable.layerStore(Effect.succeed({ ...store, ...change(store) }))
  )
  return { store, starts, layer }
}

const run = (run: string, keep?: number) => Stream.runCollect(Durable.execute([new Double({ n: 1 })], { run, keep }))

const OTHER = "elsewhere 1 0 x"

const away = new Durable.DurableError({
  reason: new Durable.StoreFailed({ operation: "write", retryable: true, cause: new Error("locked") })
})
const refused = new Durable.DurableError({
  reason: new Durable.StoreFailed({ operation: "write", retryable: false, cause: new Error("full") })
})

const isBusy = (error: { readonly _tag: string }) =>
  error._tag === "DurableError" && (error as Durable.DurableError).reason._tag === "RunBusy"

describe("The owner of a durable run", () => {
  it.effect("is not taken for gone by a container with the same host name, where it has another id", () =>
    Effect.gen(function*() {
      const { layer, store } = world()
      // No process of this host has the first id, and this process is not the one with the second.
      for (const [index, pid] of [4_194_305, process.pid].entries()) {
        yield* store.acquire(`r${index}`, `${hostname()} ${pid} 1 x another-kernel/pid:[1] use`, undefined)
        const fiber = yield* Effect.forkChild(Effect.provide(run(`r${index}`), layer))
        yield* TestClock.adjust("7 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), [2])
      }
    }))

  it.effect("is gone after 9 seconds of silence, even if the clock of the store was set back", () =>
    Effect.gen(function*() {
      const { layer } = world((store) => ({
        acquire: (run, owner, instead) =>
          instead === undefined
            ? Effect.succeed({ acquired: false, owner: OTHER, seen: 1 })
            : store.acquire(run, owner, instead)
      }))
      const fiber = yield* Effect.forkChild(Effect.provide(run("r"), layer))
      yield* TestClock.adjust("8 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [2])
    }))

  // The program stands still between the acquisition and the removal, which another program uses.
  for (
    const [name, remove] of [
      ["clean", Durable.clean],
      ["forget", Durable.forget("r")],
      ["retry", Durable.retry("r")]
    ] as const
  ) {
    it.effect(`removes nothing by ${name} once another program has the run`, () =>
      Effect.gen(function*() {
        const begun = yield* Latch.make()
        const thaw = yield* Latch.make()
        const frozen = Effect.andThen(begun.open, thaw.await)
        const { layer, store } = world((store) => ({
          removeRun: (...args) => Effect.andThen(frozen, Effect.suspend(() => store.removeRun(...args))),
          removeFailures: (...args) => Effect.andThen(frozen, Effect.suspend(() => store.removeFailures(...args)))
        }))
        yield* Effect.gen(function*() {
          yield* run("r", name === "clean" ? 0 : undefined)
          const removing = yield* Effect.forkChild(Effect.exit(remove))
          yield* begun.await
          const [{ owner }] = yield* store.runs
          yield* store.acquire("r", OTHER, owner!)
          yield* store.append("r", OTHER, [succeeded("a"), { ...succeeded("b"), state: "failed" }])
          yield* thaw.open
          const exit = yield* Fiber.join(removing)
          assert.lengthOf(yield* store.list("r", 0, 10), 3)
          assert.strictEqual((yield* store.runs)[0].owner, OTHER)
          // The run is in use, which `clean` passes over.
          assert.strictEqual(exit._tag, name === "clean" ? "Success" : "Failure")
        }).pipe(Effect.provide(layer))
      }))
  }

  it.effect("waits while an expired run is removed, by this program or another one", () =>
    Effect.gen(function*() {
      const begun = yield* Latch.make()
      const removed = yield* Latch.make()
      const { layer, starts } = world((store) => ({
        removeRun: (...args) =>
          Effect.andThen(Effect.andThen(begun.open, removed.await), Effect.suspend(() => store.removeRun(...args)))
      }))
      yield* Effect.gen(function*() {
        yield* run("expired", 0)
        // This one removes it in the background.
        yield* run("other")
        yield* begun.await
        const fiber = yield* Effect.forkChild(run("expired"))
        yield* TestClock.adjust("7 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* removed.open
        yield* TestClock.adjust("500 millis")
        assert.deepStrictEqual(yield* Fiber.join(fiber), [2])
        assert.lengthOf(starts, 3)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("goes on to give signs of life after the store has refused one", () =>
    Effect.gen(function*() {
      let renewals = 0
      const { layer } = world((store) => ({
        renew: (...args) => Effect.suspend(() => ++renewals === 1 ? Effect.fail(refused) : store.renew(...args))
      }))
      const fiber = yield* Effect.forkChild(
        Effect.provide(Stream.runDrain(Durable.execute([new Hold({})], { run: "r" })), layer)
      )
      yield* settle
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(renewals, 4)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("gives signs of life on a run that had expired", () =>
    Effect.gen(function*() {
      let renewals = 0
      const { layer, store } = world((store) => ({
        // The removal takes longer than a beat.
        removeRun: (...args) => Effect.delay(Effect.suspend(() => store.removeRun(...args)), "3 seconds"),
        renew: (...args) => Effect.suspend(() => (renewals++, store.renew(...args)))
      }))
      yield* Effect.gen(function*() {
        yield* run("r", 0)
        const fiber = yield* Effect.forkChild(Stream.runDrain(Durable.execute([new Hold({})], { run: "r" })))
        yield* settle
        yield* TestClock.adjust("3 seconds")
        yield* settle
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(renewals, 4)
        assert.strictEqual((yield* store.runs)[0].silentFor, 1000)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("that is interrupted while it acquires the run does not keep it", () =>
    Effect.gen(function*() {
      let answers = false
      const { layer, store } = world((store) => ({
        acquire: (...args) => Effect.tap(store.acquire(...args), () => answers ? Effect.void : Effect.never)
      }))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(run("r"))
        yield* settle
        yield* Fiber.interrupt(fiber)
        assert.isNull((yield* store.runs)[0].owner)
        answers = true
        assert.deepStrictEqual(yield* run("r"), [2])
      }).pipe(Effect.provide(layer))
    }))

  it.effect("stores its last outcomes, and gives up the run, when the store was locked for a moment", () =>
    Effect.gen(function*() {
      let locked = 0
      const briefly = <A>(operation: Effect.Effect<A, Durable.DurableError>) =>
        Effect.suspend(() => locked-- > 0 ? Effect.fail(away) : operation)
      const { layer, store } = world((store) => ({
        append: (...args) => briefly(store.append(...args)),
        release: (...args) => {
          locked += 2
          return briefly(store.release(...args))
        }
      }))
      yield* Effect.gen(function*() {
        locked = 2
        const fiber = yield* Effect.forkChild(run("r"))
        yield* settle
        const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber))
        yield* settle
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(interrupted)
        assert.lengthOf(yield* store.list("r", 0, 10), 1)
        assert.isNull((yield* store.runs)[0].owner)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("ends though the store stays locked", () =>
    Effect.gen(function*() {
      let locked = true
      const { layer, store } = world((store) => ({
        append: (...args) => Effect.suspend(() => locked ? Effect.fail(away) : store.append(...args)),
        release: (...args) => Effect.suspend(() => locked ? Effect.fail(away) : store.release(...args))
      }))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(run("r"))
        yield* settle
        const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber))
        for (let seconds = 0; seconds < 15; seconds++) yield* Effect.andThen(TestClock.adjust("1 second"), settle)
        assert.isDefined(interrupted.pollUnsafe())
        assert.isNotNull((yield* store.runs)[0].owner)
        locked = false
        // This program knows that it does not use the run.
        assert.deepStrictEqual(yield* run("r"), [2])
      }).pipe(Effect.provide(layer))
    }))

  it.effect("refuses a second execution of this program at once", () =>
    Effect.gen(function*() {
      const { layer } = world()
      yield* Effect.gen(function*() {
        const first = yield* Effect.forkChild(Stream.runDrain(Durable.execute([new Hold({})], { run: "r" })))
        yield* settle
        assert.isTrue(isBusy(yield* Effect.flip(run("r"))))
        yield* Fiber.interrupt(first)
      }).pipe(Effect.provide(layer))
    }))
})
