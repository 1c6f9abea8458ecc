import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Journal from "../../support/journal.ts"
import { countThreads, MANY, pool, until } from "../../support/pool/pool.ts"
import { Add, Spin, SpinOn, Wait } from "../../support/pool/tasks.ts"

/** How long a machine that does other things may keep anything from happening, in milliseconds. */
const SLACK = 3000

const millisOf = <E, R>(effect: Effect.Effect<void, E, R>) =>
  Effect.map(Effect.timed(effect), ([duration]) => Duration.toMillis(duration))

const spinning = (journal: string) => () => Journal.read(journal).filter(({ what }) => what === "spins").length === 2

describe("WorkerPoolDispatcher", () => {
  it.live("ends busy loops within the grace period when their stream is interrupted, and goes on", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.make
      const threads = yield* countThreads
      const handlers = Journal.urlOf("./pool/handlers.ts", journal)
      yield* Effect.gen(function*() {
        const spins = [new SpinOn({}), new SpinOn({})]
        const fiber = yield* Effect.forkChild(Stream.runDrain(Dispatcher.results(spins, { chunkSize: 1 })))
        yield* until(spinning(journal))
        const millis = yield* millisOf(Fiber.interrupt(fiber))
        assert.isAtMost(millis, 200 + SLACK)
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      }).pipe(Effect.provide(pool({ handlers })))
      assert.strictEqual(threads.started, 4)
      assert.strictEqual(yield* threads.left, 0)
    }))

  it.live("replaces a thread that had to be ended at once, however often", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      const spins = Array.from({ length: 6 }, () => new Spin({}))
      const results = yield* Stream.runCollect(Dispatcher.results(spins, { taskTimeout: 50 })).pipe(
        Effect.provide(pool({ size: 1, gracePeriod: 50 }))
      )
      assert.strictEqual(results.filter(({ result }) => Result.isFailure(result)).length, 6)
      // Replacements that wait do so for 100 ms, then 200, up to 1,600 here, in which the event loop turns on and on.
      for (const turns of threads.turns.slice(1)) assert.isBelow(turns, MANY)
    }))

  it.live("interrupts tasks that yield without ending their threads", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      yield* Effect.gen(function*() {
        yield* Dispatcher.run(new Add({ n: 1 }))
        const waits = Array.from({ length: 50 }, (_, n) => new Wait({ n, millis: 1e9 }))
        const fiber = yield* Effect.forkChild(Stream.runDrain(Dispatcher.results(waits)))
        while ((yield* Dispatcher.status).running < 2) yield* Effect.sleep(5)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      }).pipe(Effect.provide(pool({})))
      assert.strictEqual(threads.started, 2)
    }))

  it.live("closes an idle pool at once and runs the finalizers of its handlers", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.make
      const threads = yield* countThreads
      const scope = yield* Scope.make()
      const handlers = Journal.urlOf("./pool/handlers.ts", journal)
      const context = yield* Layer.buildWithScope(pool({ handlers, gracePeriod: "20 seconds" }), scope)
      const numbers = Array.from({ length: 100 }, (_, n) => new Wait({ n, millis: 1 }))
      yield* Stream.runDrain(Dispatcher.execute(numbers)).pipe(Effect.provideContext(context))
      const joined = Effect.map(Dispatcher.status, ({ workers }) => workers.length === 2)
      while (!(yield* Effect.provideContext(joined, context))) yield* Effect.sleep(5)
      assert.isAtMost(yield* millisOf(Scope.close(scope, Exit.void)), 5000)
      assert.strictEqual(yield* threads.left, 0)
      assert.deepStrictEqual(
        Journal.read(journal).map(({ what }) => what).toSorted(),
        ["built", "built", "ended", "ended"]
      )
    }))

  it.live("leaves no thread behind when its scope ends while tasks run that never yield", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.make
      const threads = yield* countThreads
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        pool({ handlers: Journal.urlOf("./pool/handlers.ts", journal) }),
        scope
      )
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(Dispatcher.execute([new SpinOn({}), new SpinOn({})], { chunkSize: 1 })).pipe(
          Effect.provideContext(context),
          Effect.flip
        )
      )
      yield* until(spinning(journal))
      assert.isAtMost(yield* millisOf(Scope.close(scope, Exit.void)), 2 * 200 + SLACK)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "DispatcherClosed")
      assert.strictEqual(yield* threads.left, 0)
    }))
})
