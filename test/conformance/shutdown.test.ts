/** Claims about the end of a dispatcher: nothing hangs, nothing goes on, all that waits is told. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { countThreads } from "../support/pool/pool.ts"
import {
  endOf,
  events,
  fork,
  full,
  hold,
  holds,
  inProcess,
  marks,
  OneThread,
  only,
  range,
  sorted,
  started,
  type Subject,
  topic,
  values,
  WorkerPool
} from "./support/suite.ts"
import { Add, Crash, Linger, Mark, Spin } from "./support/tasks.ts"

/** Opens a dispatcher in a scope that the claim closes. */
const open = (subject: Subject, options?: Parameters<Subject["layer"]>[0]) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(subject.layer(options), scope)
    return { context, close: Scope.close(scope, Exit.void) }
  })

/** In this process, and in one pool: each of these claims opens a dispatcher. */
const everywhere = (subject: Subject) => inProcess(subject) || subject === OneThread

topic("shutdown", (claim) => {
  // CPython, test_shutdown.py: test_run_after_shutdown
  claim("nothing can be given after the end", { on: everywhere, own: {} }, ({ close }) =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      yield* close
      const mark = new Mark({ id: 1 })
      for (
        const use of [
          endOf(Dispatcher.run(mark)),
          endOf(Stream.runDrain(Dispatcher.execute([mark]))),
          endOf(Stream.runDrain(Dispatcher.results([mark]))),
          endOf(Dispatcher.makeQueue<Mark>()),
          endOf(queue.push(mark)),
          endOf(queue.pop())
        ]
      ) assert.strictEqual(yield* use, "DispatcherClosed")
      assert.deepStrictEqual(events.starts, [])
    }))

  // CPython, test_shutdown.py: test_hang_issue12364, test_cancel_futures
  claim("of fifty runs those that run are interrupted and the others never start", { on: everywhere, own: {} }, (
    { close, subject }
  ) =>
    Effect.gen(function*() {
      const runs = yield* Effect.forEach(holds(1, 50), (task) => fork(endOf(Dispatcher.run(task))))
      yield* full(subject)
      yield* close
      assert.strictEqual(events.starts.length, subject.slots)
      assert.strictEqual(events.stops.length, subject.slots, "before the end has ended")
      for (const run of runs) assert.strictEqual(yield* Fiber.join(run), "DispatcherClosed")
      assert.strictEqual(events.starts.length, subject.slots)
    }))

  // CPython, test_shutdown.py: test_hang_gh94440
  claim(
    "a run that was interrupted just before does not hold up the end",
    { on: everywhere, own: {} },
    ({ close }) =>
      Effect.gen(function*() {
        yield* Dispatcher.run(new Add({ n: 1 }))
        const run = yield* fork(Dispatcher.run(hold(1)))
        const interrupting = yield* fork(Fiber.interrupt(run))
        yield* close
        yield* Fiber.join(interrupting)
        assert.strictEqual(events.running, 0)
      })
  )

  // CPython, executor.py: test_shutdown_race_issue12456
  claim(
    "one task more than there are slots, and the end at once",
    { on: everywhere, own: {} },
    ({ close, subject }) =>
      Effect.gen(function*() {
        const stream = yield* fork(endOf(values(marks(1, subject.slots + 1))))
        yield* close
        assert.include(["success", "DispatcherClosed"], yield* Fiber.join(stream))
      })
  )

  // CPython, test_deadlock.py: test_shutdown_deadlock
  claim(
    "a worker that is lost during the end does not hold it up",
    { on: only(OneThread), own: {} },
    ({ close }) =>
      Effect.gen(function*() {
        const run = yield* fork(endOf(Dispatcher.run(new Crash({ id: 1, how: "exitLater", losses: 9 }))))
        yield* started(1)
        yield* close
        assert.include(["WorkerLost", "DispatcherClosed"], yield* Fiber.join(run))
      })
  )

  // Effect, Pool.test.ts: shutdown with pending takers
  claim("all that waits is told", { on: everywhere, own: {} }, ({ close, subject }) =>
    Effect.gen(function*() {
      const empty = yield* Dispatcher.makeQueue<Mark>()
      const crowded = yield* Dispatcher.makeQueue<Mark>({ capacity: 1 })
      const busy = yield* Effect.forEach(
        holds(1, subject.slots),
        (task) => fork(endOf(Dispatcher.run(task)))
      )
      yield* full(subject)
      const waiting = yield* Effect.all([
        fork(endOf(empty.pop())),
        fork(endOf(empty.popMany())),
        fork(endOf(empty.popMany({ timeout: "1 hour" }))),
        fork(endOf(Stream.runDrain(empty.toStream))),
        fork(endOf(Effect.forEach(marks(11, 30), (task) => crowded.push(task))))
      ])
      yield* close
      for (const fiber of [...busy, ...waiting]) assert.strictEqual(yield* Fiber.join(fiber), "DispatcherClosed")
    }))

  // Effect, Pool.test.ts: shutdown robustness
  claim("a hundred runs on their way all end", { on: everywhere, own: {} }, ({ close }) =>
    Effect.gen(function*() {
      const runs = yield* Effect.forEach(marks(1, 100), (task) => fork(endOf(Dispatcher.run(task))))
      yield* close
      for (const run of runs) assert.include(["success", "DispatcherClosed"], yield* Fiber.join(run))
      assert.strictEqual(events.running, 0)
    }))

  // Effect, Pool.test.ts: defects don't prevent cleanup
  claim(
    "a finalizer that dies does not hold up the end",
    { on: everywhere, own: {} },
    ({ close }) =>
      Effect.gen(function*() {
        events.open(1)
        const run = yield* fork(endOf(Dispatcher.run(new Linger({ id: 1, end: "die" }))))
        yield* started(1)
        yield* close
        assert.strictEqual(yield* Fiber.join(run), "DispatcherClosed")
        assert.strictEqual(events.running, 0)
      })
  )

  // BullMQ, job_cancellation_advanced.test.ts: should support async cleanup when job is cancelled. On the end of a worker.
  claim(
    "the end waits for the finalizers of what runs",
    { on: everywhere, own: {} },
    ({ close }) =>
      Effect.gen(function*() {
        const run = yield* fork(endOf(Dispatcher.run(new Linger({ id: 1, end: "succeed" }))))
        yield* started(1)
        const closing = yield* fork(close)
        yield* Effect.yieldNow
        assert.isUndefined(closing.pollUnsafe())
        assert.deepStrictEqual(events.stops, [])
        events.open(1)
        yield* Fiber.join(closing)
        assert.deepStrictEqual(events.stops, [1])
        assert.strictEqual(yield* Fiber.join(run), "DispatcherClosed")
      })
  )

  // BullMQ, job_cancellation_advanced.test.ts: should handle cancellation during worker shutdown
  claim(
    "a run may be interrupted while the dispatcher ends",
    { on: everywhere, own: {} },
    ({ close }) =>
      Effect.gen(function*() {
        const runs = yield* Effect.forEach(holds(1, 4), (task) => fork(Dispatcher.run(task)))
        yield* started(1)
        const closing = yield* fork(close)
        yield* Effect.forEach(runs, Fiber.interrupt)
        yield* Fiber.join(closing)
        assert.strictEqual(events.running, 0)
      })
  )

  // Piscina, pool-destroy.ts: can destroy pool while tasks are running. thread-count.ts: thread count should be 0 upon destruction
  claim(
    "the end also ends busy loops, and leaves no thread",
    { on: only(WorkerPool), own: "none" },
    ({ subject }) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        const { close, context } = yield* open(subject, { pool: { gracePeriod: 50 } })
        const run = yield* fork(endOf(Effect.provideContext(Dispatcher.run(new Spin({ id: 1 })), context)))
        yield* started(1)
        yield* close
        assert.strictEqual(yield* Fiber.join(run), "DispatcherClosed")
        // Two, and the successor of the one that does not stop, if that was started before the pool closed.
        assert.isAtMost(threads.started, 3)
        assert.strictEqual(yield* threads.left, 0)
      })
  )

  // Tinypool, pool-destroy.test.ts: destroy after initializing should work (#43)
  // workerpool, WorkerHandler.test.js: should terminate before the worker is ready
  claim(
    "a pool may be ended before its threads are ready",
    { on: only(OneThread), own: "none" },
    ({ subject }) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        const opening = yield* fork(Effect.scoped(Effect.exit(Layer.build(subject.layer()))))
        yield* Fiber.interrupt(opening)
        assert.isAtMost(threads.started, 1)
        assert.strictEqual(yield* threads.left, 0)
      })
  )

  // Tinypool, teardown.test.ts: non-isolated workers call teardown on worker recycle
  claim(
    "the Layer of the handlers is released once per thread, at the end",
    { on: only(WorkerPool), own: "none" },
    ({ subject }) =>
      Effect.gen(function*() {
        const { close, context } = yield* open(subject)
        const tasks = holds(1, 2)
        const run = yield* fork(Effect.provideContext(values(tasks), context))
        yield* started(1, 2)
        events.openAll()
        yield* Fiber.join(run)
        yield* Effect.provideContext(values(marks(11, 30)), context)
        assert.deepStrictEqual(events.ids("release"), [])
        yield* close
        assert.strictEqual(events.ids("build").length, 2)
        assert.strictEqual(events.ids("release").length, 2)
      })
  )

  // Tinypool, termination.test.ts: recycling workers while closing pool does not crash
  claim(
    "a pool may be ended while it replaces its threads",
    { on: only(OneThread), own: "none" },
    ({ subject }) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        const { close, context } = yield* open(subject, { pool: { maxTasksPerWorker: 1 } })
        const stream = yield* fork(Effect.provideContext(endOf(values(marks(1, 50), { chunkSize: 1 })), context))
        yield* started(1)
        yield* close
        assert.strictEqual(yield* Fiber.join(stream), "DispatcherClosed")
        assert.strictEqual(yield* threads.left, 0)
      })
  )

  // CPython, test_shutdown.py: test_context_manager_shutdown
  claim("all results of a stream are there before its scope ends", ({ subject }) =>
    Effect.gen(function*() {
      const all = yield* subject.threads
        ? values(marks(1, 10))
        : Effect.scoped(Effect.provide(values(marks(1, 10)), subject.layer()))
      assert.deepStrictEqual(sorted(all), range(1, 10))
    }))
})
