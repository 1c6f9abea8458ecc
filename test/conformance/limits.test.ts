/** Claims about bounds: how many tasks and threads there are at once, when threads come and go, which options are refused. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Dispatcher from "papyros/Dispatcher"
import { countThreads } from "../support/pool/pool.ts"
import {
  Dummy,
  events,
  FiberByReference,
  fork,
  full,
  hold,
  holds,
  inProcess,
  inTime,
  marks,
  OneThread,
  only,
  type Options,
  range,
  settle,
  sorted,
  started,
  topic,
  TwoSlots,
  until,
  untilStatus,
  values,
  WorkerPool
} from "./support/suite.ts"
import { Add, Block, Compute, First, Reuse, Sleep, Where } from "./support/tasks.ts"

const threadsOf = Effect.map(Dispatcher.status, ({ workers }) => workers.length)

topic("limits", (claim) => {
  // p-map, test.js: concurrency: 4. BullMQ, worker.test.ts: should process job respecting the concurrency set
  // CPython, test_thread_pool.py: test_saturation
  claim(
    "fifteen times as many tasks as slots: all slots are used, and no more",
    ({ subject }) =>
      Effect.gen(function*() {
        const tasks = holds(1, 15 * subject.slots)
        const run = yield* fork(values(tasks))
        for (let done = 0; done < tasks.length; done++) {
          yield* until(() => events.running === Math.min(subject.slots, tasks.length - done))
          events.open(events.starts.findLast((id) => !events.stops.includes(id))!)
          yield* until(() => events.stops.length > done)
        }
        yield* Fiber.join(run)
        assert.strictEqual(events.peak, subject.slots)
      })
  )

  // p-map, test.js: async with concurrency: 2 (random time sequence, problematic time sequence)
  claim(
    "tasks of all durations come in order, never more at once than slots",
    { on: inProcess },
    ({ subject }) =>
      Effect.gen(function*() {
        const tasks = [100, 200, 10, 36, 13, 45, 0, 1, 99].map((millis, i) => new Sleep({ id: i + 1, millis }))
        const run = yield* fork(values(tasks, { ordered: true }))
        assert.deepStrictEqual(yield* inTime(subject, run, 10), range(1, 9))
        assert.isAtMost(events.peak, subject.slots)
      })
  )

  // BullMQ, worker.test.ts: should run job in sequence if I specify a concurrency of 1. p-map, test.js: concurrency: 1
  claim("with one slot tasks run in sequence", { on: only(Dummy, OneThread) }, () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* values(marks(1, 50)), range(1, 50))
      assert.strictEqual(events.peak, 1)
      assert.deepStrictEqual(events.starts, range(1, 50))
    }))

  // BullMQ, concurrency.test.ts: should run max concurrency for jobs added
  claim("two streams share the slots, and together never have more", ({ subject }) =>
    Effect.gen(function*() {
      const one = yield* fork(values(holds(1, 10)))
      const two = yield* fork(values(holds(101, 110)))
      for (let done = 0; done < 20; done++) {
        yield* until(() => events.running === Math.min(subject.slots, 20 - done))
        events.open(events.starts.find((id) => !events.stops.includes(id))!)
        yield* until(() => events.stops.length > done)
      }
      yield* Fiber.join(one)
      yield* Fiber.join(two)
      assert.strictEqual(events.peak, subject.slots)
      // Neither waits until the other has ended.
      if (!subject.threads) assert.isBelow(events.starts.findIndex((id) => id > 100), 10)
    }))

  // workerpool, Pool.test.js: should return statistics
  claim(
    "the status counts outcomes and names the workers",
    { on: only(Dummy, FiberByReference, OneThread), own: {} },
    () =>
      Effect.gen(function*() {
        yield* values(marks(1, 5))
        const { failed, succeeded, workers } = yield* Dispatcher.status
        assert.deepStrictEqual({ failed, succeeded }, { failed: 0, succeeded: 5 })
        assert.strictEqual(workers.length, 1)
        assert.strictEqual(workers[0].assigned, 0)
      })
  )

  // Piscina, task-queue.ts: tasks can share a Worker if requested (both tests blocking, both tests finish)
  claim(
    "two tasks that compute before they wait share a thread",
    { on: only(TwoSlots) },
    () =>
      Effect.gen(function*() {
        const tasks = range(1, 4).map((id) => new Compute({ id, millis: 20 }))
        const run = yield* fork(values(tasks, { chunkSize: 4 }))
        yield* started(1)
        yield* until(() => events.running === 2)
        events.openAll()
        assert.deepStrictEqual(sorted(yield* Fiber.join(run)), range(1, 4))
      })
  )

  // Tinypool, isolation.test.ts: idle workers can be recycled, teardown.test.ts: isolated workers call teardown on worker recycle
  claim(
    "a thread is replaced after so many tasks, and its handlers are released",
    { on: only(OneThread), own: { pool: { maxTasksPerWorker: 3 } } },
    () =>
      Effect.gen(function*() {
        const threads: Array<number> = []
        for (const id of range(1, 9)) threads.push(yield* Dispatcher.run(new Where({ id })))
        assert.isAtLeast(new Set(threads).size, 2)
        assert.strictEqual(new Set(threads.slice(0, 3)).size, 1)
        yield* until(() => events.ids("release").length >= 2)
      })
  )

  // CPython, test_process_pool.py: test_max_tasks_per_child
  claim(
    "no thread runs more tasks than it may, in chunks",
    { on: only(OneThread, WorkerPool, TwoSlots), own: { pool: { maxTasksPerWorker: 3 } } },
    () =>
      Effect.gen(function*() {
        const threads = yield* values(range(1, 14).map((id) => new Where({ id })), { chunkSize: 200 })
        for (const thread of new Set(threads)) assert.isAtMost(threads.filter((other) => other === thread).length, 3)
      })
  )

  claim(
    "a task does not wait for one that runs in a thread which may run no more",
    { on: only(TwoSlots), own: { pool: { maxTasksPerWorker: 2 } } },
    () =>
      Effect.gen(function*() {
        const held = yield* fork(Dispatcher.run(hold(1)))
        yield* started(1)
        const threads = yield* values([new Where({ id: 2 }), new Where({ id: 3 })], { ordered: true })
        assert.strictEqual(new Set(threads).size, 2)
        assert.isUndefined(held.pollUnsafe())
        events.openAll()
        yield* Fiber.join(held)
      })
  )

  // CPython, test_process_pool.py: test_max_tasks_per_child_pending_tasks_gh115634
  claim(
    "tasks that wait while threads are replaced are not lost",
    { on: only(WorkerPool), own: { pool: { maxTasksPerWorker: 4 } } },
    () =>
      Effect.gen(function*() {
        const sums = yield* values(range(1, 16).map((n) => new Add({ n })))
        assert.deepStrictEqual(sorted(sums), range(2, 17))
      })
  )

  // CPython, test_process_pool.py: test_idle_process_reuse_one. joblib, test_parallel.py: test_initializer_reused
  claim(
    "an elastic pool uses the thread that is idle, and builds its handlers once",
    { on: only(WorkerPool), own: { pool: { size: { min: 1, max: 4 } } } },
    () =>
      Effect.gen(function*() {
        for (const id of range(1, 10)) yield* Dispatcher.run(new Where({ id }))
        assert.strictEqual(yield* threadsOf, 1)
        assert.strictEqual(events.ids("build").length, 1)
      })
  )

  // Piscina, thread-count.ts: will start with minThreads and max out at maxThreads
  claim(
    "an elastic pool grows for a task that comes while its threads are busy",
    { on: only(WorkerPool), own: { pool: { size: { min: 1, max: 2 } } } },
    () =>
      Effect.gen(function*() {
        const first = yield* fork(Dispatcher.run(hold(1)))
        yield* started(1)
        const second = yield* fork(Dispatcher.run(hold(2)))
        yield* started(2)
        events.openAll()
        yield* Fiber.join(first)
        yield* Fiber.join(second)
      })
  )

  // Piscina, idle-timeout.ts: idle timeout will let go of threads early
  claim(
    "an elastic pool lets go of threads that are idle, down to its minimum",
    { on: only(WorkerPool), own: { pool: { size: { min: 1, max: 2, idleTimeToLive: 30 } } } },
    () =>
      Effect.gen(function*() {
        const tasks = range(1, 20).map((id) => new Block({ id }))
        const run = yield* fork(values(tasks, { chunkSize: 1 }))
        yield* until(() => events.running === 2)
        assert.strictEqual(yield* threadsOf, 2)
        events.openAll()
        yield* Fiber.join(run)
        yield* untilStatus(({ workers }) => workers.length === 1)
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
        yield* until(() => events.ids("release").length === 1)
      })
  )

  // --- ownership of payloads and results -------------------------------------

  // joblib, test_parallel.py: test_mutate_input_with_threads, which says that threads share their input. Here they do not.
  claim(
    "what a handler does to its payload is not seen by the caller",
    { on: only(Dummy, WorkerPool) },
    () =>
      Effect.gen(function*() {
        const bytes = Uint8Array.of(7, 8)
        assert.strictEqual(yield* Dispatcher.run(new First({ bytes })), 7)
        assert.deepStrictEqual(bytes, Uint8Array.of(7, 8))
      })
  )

  // CPython, test_deadlock.py: its payloads are pickled some time after submit has returned; here they are a snapshot.
  claim(
    "a handler may reuse the buffer that it returned",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        const results = yield* values(range(1, 40).map((n) => new Reuse({ n })), { ordered: true, chunkSize: 40 })
        assert.deepStrictEqual(results.map(([n]) => n), range(1, 40))
      })
  )

  // joblib, test_parallel.py: test_auto_memmap_on_arrays_from_generator
  claim(
    "a source may reuse the buffer that it gave",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        const source = function*() {
          const bytes = new Uint8Array(1)
          for (bytes[0] = 1; bytes[0] <= 40; bytes[0]++) yield new First({ bytes })
        }
        assert.deepStrictEqual(yield* values(source(), { ordered: true, chunkSize: 40 }), range(1, 40))
      })
  )

  // Piscina, abort-task.ts shares an Int32Array with its workers on purpose; a payload of a schema is a copy.
  claim(
    "a payload over shared memory is copied",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        const bytes = new Uint8Array(new SharedArrayBuffer(2)).fill(7)
        assert.strictEqual(yield* Dispatcher.run(new First({ bytes })), 7)
        assert.deepStrictEqual(Array.from(bytes), [7, 7])
      })
  )
})

describe("Conformance: limits", () => {
  /** Opens a dispatcher, and gives the text of the defect that it must be. */
  const defectOf = (layer: Layer.Layer<Dispatcher.Dispatcher, unknown>) =>
    Effect.map(Effect.exit(Effect.scoped(Layer.build(layer))), (exit) => {
      assert(Exit.isFailure(exit))
      assert.isTrue(Cause.hasDies(exit.cause))
      return Cause.pretty(exit.cause)
    })

  for (
    const [option, options] of [
      // p-map, test.js: enforce number in options.concurrency. BullMQ, worker.test.ts: should thrown an exception if I specify a concurrency of 0, a NaN concurrency
      ["concurrency", { concurrency: 0 }],
      ["concurrency", { concurrency: 1.5 }],
      ["concurrency", { concurrency: NaN }],
      ["capacity", { capacity: -1 }]
    ] as ReadonlyArray<readonly [string, Options]>
  ) {
    it.effect(`${JSON.stringify(options)} is a defect that names ${option} (Fiber)`, () =>
      Effect.gen(function*() {
        assert.include(yield* defectOf(FiberByReference.layer(options)), option)
      }))
  }

  for (
    const [option, pool] of [
      // workerpool, Pool.test.js: should throw an error on invalid type or number of maxWorkers. CPython, executor.py: test_max_workers_negative
      ["size", { size: 0 }],
      ["size", { size: -1 }],
      ["size", { size: NaN }],
      // Piscina, thread-count.ts: conflicting min/max threads is error
      ["size.max", { size: { min: 16, max: 8 } }],
      // Piscina, option-validation.ts: concurrentTasksPerWorker must be positive integer, idleTimeout must be non-negative integer
      ["concurrency", { concurrency: 0 }],
      ["size.idleTimeToLive", { size: { min: 1, max: 2, idleTimeToLive: -1 } }],
      ["maxTasksPerWorker", { maxTasksPerWorker: 0 }],
      ["gracePeriod", { gracePeriod: -1 }]
    ] as ReadonlyArray<readonly [string, Options["pool"]]>
  ) {
    it.effect(`${JSON.stringify(pool)} is a defect that names ${option} (WorkerPool)`, () =>
      Effect.gen(function*() {
        assert.include(yield* defectOf(WorkerPool.layer({ pool: pool! })), option)
      }))
  }

  // Piscina, option-validation.ts: minThreads must be non-negative integer, maxThreads must be positive integer
  it.live("a size without min and max is a defect that names it (WorkerPool)", () =>
    Effect.gen(function*() {
      for (const size of [{}, { min: 1 }, null]) {
        assert.include(
          yield* defectOf(WorkerPool.layer({ pool: { size: size as { min: number; max: number } } })),
          "size"
        )
      }
    }))

  for (const chunkSize of [0, -1, 1.42]) {
    // joblib, test_parallel.py: test_invalid_batch_size. CPython, test_process_pool.py: test_map_chunksize
    it.effect(`a chunkSize of ${chunkSize} is a defect that names it (Dummy)`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(values(marks(1, 2), { chunkSize }))
        assert(Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), "chunkSize")
      }).pipe(Effect.provide(Dummy.layer())))
  }

  // Piscina, thread-count.ts: will start with minThreads and max out at maxThreads (its minimum).
  // workerpool, Pool.test.js: should limit to the configured number of max workers
  it.live("a pool starts its minimum, and never more than its maximum (WorkerPool)", () =>
    Effect.gen(function*() {
      events.reset()
      const threads = yield* countThreads
      yield* Effect.gen(function*() {
        assert.strictEqual(threads.started, 1)
        const run = yield* fork(values(range(1, 30).map((id) => new Block({ id })), { chunkSize: 1 }))
        yield* full({ slots: 2 } as typeof WorkerPool)
        yield* settle
        events.openAll()
        yield* Fiber.join(run)
        assert.strictEqual(threads.started, 2)
      }).pipe(Effect.provide(WorkerPool.layer({ pool: { size: { min: 1, max: 2 } } })))
      assert.strictEqual(yield* threads.left, 0)
    }))
})
