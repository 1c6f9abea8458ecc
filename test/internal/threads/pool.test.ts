import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import * as Journal from "../../support/journal.ts"
import { countThreads, handlers, pool, until } from "../../support/pool/pool.ts"
import { Add, AddBy, Chat, Once, Persist, Reverse, Tasks, Trace, Work } from "../../support/pool/tasks.ts"

const starts = (journal: string) =>
  Journal.read(journal).filter(({ what }) => what === "start").map(({ id }) => id).toSorted((a, b) => a - b)

const numbers = (length: number) => Array.from({ length }, (_, id) => id)

describe("WorkerPoolDispatcher", () => {
  it.live("runs what waits behind a long task elsewhere, nothing twice", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.make
      const tasks = numbers(512).map((id) => new Work({ id, millis: id === 0 ? 2000 : 0 }))
      yield* Effect.gen(function*() {
        // Both threads are there before the long task is sent.
        yield* Dispatcher.run(new Work({ id: -1, millis: 0 }))
        yield* until(() => Journal.read(journal).filter(({ what }) => what === "built").length === 2)
        const results = yield* Stream.runCollect(Dispatcher.results(tasks, { chunkSize: 512 }))
        assert.strictEqual(results.length, 512)
        // All others are done while the long one still runs.
        assert.strictEqual(results.at(-1)!.index, 0)
        const threads = results.map(({ result }) => Result.getOrThrow(result))
        assert.strictEqual(new Set(threads.slice(-3, -1)).has(threads.at(-1)!), false)
      }).pipe(Effect.provide(pool({ handlers: Journal.urlOf("./pool/handlers.ts", journal) })))
      assert.deepStrictEqual(starts(journal), [-1, ...numbers(512)])
    }))

  it.live("never starts a task twice that must not be, whatever ends its thread", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.make
      const tasks = numbers(60).map((id) => new Once({ id, exits: id % 20 === 7 }))
      const results = yield* Stream.runCollect(Dispatcher.results(tasks, { chunkSize: 16 })).pipe(
        Effect.provide(pool({ handlers: Journal.urlOf("./pool/handlers.ts", journal) }))
      )
      assert.deepStrictEqual(starts(journal), numbers(60))
      for (const { result, task } of results) {
        const outcome = Result.match(result, { onSuccess: String, onFailure: ({ reason }) => reason._tag })
        assert.strictEqual(outcome, task.exits ? "WorkerLost" : String(task.id))
      }
    }))

  it.live("replaces threads after so many tasks", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      const tasks = numbers(40).map((id) => new Work({ id, millis: 1 }))
      const ran = yield* Stream.runCollect(Dispatcher.execute(tasks, { chunkSize: 1 })).pipe(
        Effect.provide(pool({ size: 1, maxTasksPerWorker: 10 }))
      )
      const counts = Map.groupBy(ran, (thread) => thread)
      assert.strictEqual(ran.length, 40)
      assert.isAtLeast(counts.size, 2)
      assert.isAtMost(threads.started, 5)
      for (const own of Array.from(counts.values()).slice(0, -1)) assert.isAtLeast(own.length, 10)
    }))

  it.live("starts threads for what waits, and ends those that are idle", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      const size = { min: 1, max: 3, idleTimeToLive: 100 }
      yield* Effect.gen(function*() {
        assert.strictEqual(threads.started, 1)
        const used = new Set<number>()
        // A busy machine takes long to start a thread.
        const tasks = function*() {
          for (let id = 0; id < 400 || used.size < 3; id++) yield new Work({ id, millis: 10, waits: true })
        }
        const ran = yield* Dispatcher.execute(tasks(), { chunkSize: 1 }).pipe(
          Stream.tap((thread) => Effect.sync(() => used.add(thread))),
          Stream.runCollect
        )
        assert.isAtLeast(ran.length, 400)
        assert.strictEqual(used.size, 3)
        while ((yield* threads.left) > 1) yield* Effect.sleep(5)
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
        assert.strictEqual(threads.started, 3)
      }).pipe(Effect.provide(pool({ size })))
      assert.strictEqual(yield* threads.left, 0)
    }))

  it.live("reads options that are not given in code from the ConfigProvider", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      const env = { PAPYROS_POOL_SIZE: "3", PAPYROS_POOL_CONCURRENCY: "2", PAPYROS_POOL_CAPACITY: "unbounded" }
      const layer = WorkerPoolDispatcher.layerConfig(Tasks, { handlers, gracePeriod: 200 }).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
      )
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
        const { workers } = yield* Dispatcher.status
        assert.deepStrictEqual(new Set(workers.map(({ concurrency }) => concurrency)), new Set([2]))
      }).pipe(Effect.provide(layer))
      assert.strictEqual(threads.started, 3)
    }))

  it.live("brings what handlers log to the loggers of the program, in order and annotated", () =>
    Effect.gen(function*() {
      const logged: Array<unknown> = []
      const logger = Logger.layer([
        Logger.make(({ fiber, logLevel, message }) =>
          logged.push([logLevel, message, { ...fiber.getRef(References.CurrentLogAnnotations) }])
        )
      ])
      yield* Dispatcher.run(new Chat({ entries: 20 })).pipe(
        Effect.andThen(until(() => logged.length === 21)),
        Effect.provide(pool({ size: 1 }).pipe(Layer.provide(logger)))
      )
      assert.deepStrictEqual(
        logged.slice(0, 20),
        numbers(20).map((i) => ["Info", ["entry", i, "{\"of\":20}"], { chat: 20 }])
      )
      assert.match(String(logged[20]), /^Error,the last,.*as it should/s)
    }))

  it.live("runs tasks that handlers start in their own thread", () =>
    Effect.gen(function*() {
      const tasks = numbers(50).map((n) => new AddBy({ n, depth: n % 4 }))
      const sums = yield* Stream.runCollect(Dispatcher.execute(tasks, { ordered: true })).pipe(
        Effect.provide(pool({}))
      )
      assert.deepStrictEqual(sums, numbers(50).map((n) => n + 1))
    }))

  it.live("tells handlers their attempt and their caller's span, and copies bytes", () =>
    Effect.gen(function*() {
      const attempts = yield* Stream.runCollect(
        Dispatcher.execute([new Persist({ failures: 2 }), new Persist({ failures: 0 })], {
          retry: { times: 3 },
          ordered: true
        })
      )
      assert.deepStrictEqual(attempts, [3, 1])

      const [span, seen] = yield* Effect.all([Effect.currentSpan, Dispatcher.run(new Trace({}))]).pipe(
        Effect.withSpan("caller")
      )
      assert.deepStrictEqual(seen, { traceId: span.traceId, name: "papyros.Trace", parent: span.spanId })

      const bytes = Uint8Array.of(1, 2, 3)
      assert.deepStrictEqual(yield* Dispatcher.run(new Reverse({ bytes })), Uint8Array.of(3, 2, 1))
      assert.deepStrictEqual(bytes, Uint8Array.of(1, 2, 3))
    }).pipe(Effect.provide(pool({ size: 1 }))))
})
