/** Claims about handlers that run tasks on their own dispatcher: they never wait for a slot that they hold themselves. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import { countThreads } from "../support/pool/pool.ts"
import {
  Dummy,
  endOf,
  events,
  fork,
  full,
  holds,
  inProcess,
  marks,
  OneThread,
  only,
  range,
  settle,
  sorted,
  started,
  topic,
  until,
  values,
  WorkerPool
} from "./support/suite.ts"
import { type Mark, Parent, Passes, Tree } from "./support/tasks.ts"

const parent = (id: number, children: number, how: Parent["how"] = "execute") => new Parent({ id, children, how })

const sum = (from: number, to: number) => range(from, to).reduce((a, b) => a + b)

topic("nesting", (claim) => {
  for (const how of ["run", "execute", "queue"] as const) {
    // dask.distributed, test_worker_client.py: test_submit_from_worker, test_queues.py: test_queue_in_task
    claim(`a handler runs tasks by ${how} and gives what it made of their results`, () =>
      Effect.gen(function*() {
        events.openAll()
        assert.strictEqual(yield* Dispatcher.run(parent(100, 10, how)), sum(101, 110))
      }))
  }

  // dask.distributed, test_worker_client.py: test_nested_worker_clients. joblib, test_parallel.py: test_nested_loop
  claim("tasks nest three deep", () =>
    Effect.gen(function*() {
      const leaves = yield* values([new Tree({ depth: 3, width: 4 }), new Tree({ depth: 2, width: 10 })], {
        ordered: true
      })
      assert.deepStrictEqual(leaves, [64, 100])
    }))

  // dask.distributed, test_worker_client.py: test_secede_without_stealing_issue_1262
  claim(
    "with one slot, parents that wait for children all end",
    { on: only(Dummy, OneThread) },
    () =>
      Effect.gen(function*() {
        events.openAll()
        const sums = yield* values(range(1, 10).map((n) => parent(100 * n, 3)), { ordered: true })
        assert.deepStrictEqual(sums, range(1, 10).map((n) => sum(100 * n + 1, 100 * n + 3)))
      })
  )

  // dask.distributed, test_worker_client.py: test_secede_does_not_claim_worker, test_separate_thread_false
  claim("children use the slot of the parent that waits, and no more run than there are slots", { on: inProcess }, (
    { subject }
  ) =>
    Effect.gen(function*() {
      const run = yield* fork(values(range(1, 6).map((n) => parent(100 * n, 4))))
      // Parents that wait have started too: of those, no more than there are slots.
      for (let done = 0; done < 24; done++) {
        yield* settle
        const open = events.starts.filter((id) => !events.stops.includes(id))
        const children = open.filter((id) => id % 100 !== 0)
        assert.isAtMost(children.length, subject.slots)
        assert.isAtMost(open.length - children.length, subject.slots)
        if (done === 0) assert.strictEqual(children.length, subject.slots)
        events.open(children[0])
        yield* until(() => events.stops.includes(children[0]))
      }
      yield* settle
      assert.strictEqual((yield* Fiber.join(run)).length, 6)
    }))

  // dask.distributed, test_worker_client.py: test_worker_client_rejoins
  claim("when parents have ended, every slot is there again, and no more", ({ subject }) =>
    Effect.gen(function*() {
      events.openAll()
      yield* values(range(1, 8).map((n) => parent(100 * n, 3)))
      events.reset()
      const run = yield* fork(values(holds(1, subject.slots + 2), { chunkSize: 1 }))
      yield* full(subject)
      yield* settle
      assert.strictEqual(events.running, subject.slots)
      events.openAll()
      yield* Fiber.join(run)
    }))

  // joblib, test_parallel.py: test_nested_loop_with_exception_with_loky, test_nested_exception_dispatch
  claim("a typed error goes up through three levels of tasks", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Dispatcher.run(new Passes({ id: 7, depth: 3 })))
      assert(error._tag === "TaskFailure" && error.reason._tag === "Failed")
      assert.strictEqual(error.reason.error.id, 7)
      assert.strictEqual(error.task.depth, 3)
    }))

  // joblib, test_parallel.py: test_thread_bomb_mitigation, test_nested_parallelism_limit
  claim("nested tasks start no threads", { on: only(WorkerPool) }, () =>
    Effect.gen(function*() {
      yield* values(marks(1, 10))
      const threads = yield* countThreads
      assert.strictEqual(yield* Dispatcher.run(new Tree({ depth: 4, width: 3 })), 81)
      assert.strictEqual(threads.started, 0)
    }))

  // Ray, test_cancel.py: test_cancel_chain
  claim(
    "interrupting a parent interrupts its children, finalizers included, and then itself",
    () =>
      Effect.gen(function*() {
        const run = yield* fork(Dispatcher.run(parent(100, 1)))
        yield* started(100, 101)
        yield* Fiber.interrupt(run)
        assert.deepStrictEqual(sorted(events.interrupts), [100, 101])
        assert.deepStrictEqual(events.stops, [101, 100])
      })
  )

  // Ray, test_cancel.py: test_cancel_multiple_dependents
  claim(
    "of two parents only the interrupted one loses its children",
    { on: only(WorkerPool) },
    () =>
      Effect.gen(function*() {
        const one = yield* fork(Dispatcher.run(parent(100, 3)))
        const two = yield* fork(Dispatcher.run(parent(200, 3)))
        yield* started(101, 102, 103, 201, 202, 203)
        yield* Fiber.interrupt(one)
        assert.deepStrictEqual(sorted(events.interrupts), [100, 101, 102, 103])
        events.openAll()
        assert.strictEqual(yield* Fiber.join(two), sum(201, 203))
      })
  )

  // Ray, test_cancel.py: test_remote_cancel. BullMQ, job_cancellation_advanced.test.ts: should handle cancellation during worker shutdown
  claim(
    "a dispatcher may end while parents wait for children",
    { on: only(Dummy, OneThread), own: {} },
    ({ close }) =>
      Effect.gen(function*() {
        const run = yield* fork(endOf(Dispatcher.run(parent(100, 3))))
        yield* started(100, 101)
        yield* close
        assert.strictEqual(yield* Fiber.join(run), "DispatcherClosed")
        assert.strictEqual(events.running, 0)
      })
  )

  // dask.distributed, test_worker_client.py: test_timeout
  claim("a parent that times out takes its children with it", { on: inProcess }, () =>
    Effect.gen(function*() {
      const run = yield* fork(endOf(values([parent(100, 2)], { taskTimeout: "1 minute" })))
      yield* started(100, 101)
      yield* settle
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(run), "TimedOut")
      assert.strictEqual(events.running, 0)
      assert.include(events.interrupts, 101)
    }))

  // CPython, test_thread_pool.py: test_hang_global_shutdown_lock. dask.distributed, test_worker_client.py: test_closing_worker_doesnt_close_client
  claim("parents of one stream do not starve the tasks of another", ({ subject }) =>
    Effect.gen(function*() {
      events.openAll()
      const parents = range(1, 20).map((n) => parent(100 * n, 2))
      const others: ReadonlyArray<Mark> = marks(3001, 3020)
      const [sums, ids] = yield* Effect.all([values(parents), values(others)], { concurrency: "unbounded" })
      assert.strictEqual(sums.length, 20)
      assert.deepStrictEqual(sorted(ids), range(3001, 3020))
      if (!subject.threads) assert.isBelow(events.stops.indexOf(3001), events.stops.indexOf(2000))
    }))
})
