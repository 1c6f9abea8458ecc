/** Claims about workers that are lost: which task fails, which is run again, and the effect on all others. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Task from "papyros/Task"
import { countThreads } from "../support/pool/pool.ts"
import {
  endOf,
  ends,
  events,
  flush,
  fork,
  hold,
  marks,
  OneThread,
  only,
  outcomes,
  range,
  sorted,
  started,
  topic,
  values,
  WorkerPool
} from "./support/suite.ts"
import { Add, Afterwards, Block, Crash, CrashOnce, type Mark, Where } from "./support/tasks.ts"

const crash = (id: number, losses: number, how: Crash["how"] = "exit") => new Crash({ id, how, losses })

const failureOf = (result: Dispatcher.TaskResult<Task.Any>) => {
  assert(Result.isFailure(result.result))
  return result.result.failure
}

topic("workerLoss", (claim) => {
  // CPython, test_process_pool.py: test_killed_child. There one lost process breaks the pool; here it breaks nobody else.
  claim(
    "a lost worker breaks neither what runs elsewhere nor what comes later",
    { on: only(WorkerPool) },
    () =>
      Effect.gen(function*() {
        const elsewhere = yield* fork(Dispatcher.run(hold(1)))
        yield* started(1)
        assert.strictEqual(yield* endOf(Dispatcher.run(crash(2, 9))), "WorkerLost")
        assert.isUndefined(elsewhere.pollUnsafe())
        assert.deepStrictEqual(sorted(yield* values(marks(11, 30))), range(11, 30))
        events.open(1)
        assert.strictEqual(yield* Fiber.join(elsewhere), 1)
        assert.strictEqual(events.count("start", 1), 1)
      })
  )

  // CPython, test_process_pool.py: test_traceback_when_child_process_terminates_abruptly, test_broken_process_pool_traceback
  claim(
    "the failure of a lost task is its own, and names the exit code",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        const tasks = [new CrashOnce({ id: 1 }), new CrashOnce({ id: 2 })]
        const results = yield* outcomes(tasks)
        for (const result of results) {
          const { message, reason, task } = failureOf(result)
          assert.strictEqual(task, tasks[result.index])
          assert(reason._tag === "WorkerLost")
          assert.strictEqual(reason.exitCode, 7)
          assert.include(message, "exited with code 7")
        }
        assert.notStrictEqual(failureOf(results[0]), failureOf(results[1]))
      })
  )

  // Piscina, test-uncaught-exception-from-handler.ts: uncaught exception in immediate resets Worker
  for (const how of ["throwLater", "rejectLater"] as const) {
    claim(`a handler whose later callback fails (${how}) dies by that error, and its thread is replaced`, {
      on: only(OneThread)
    }, () =>
      Effect.gen(function*() {
        yield* flush
        const threads = yield* countThreads
        const tasks: ReadonlyArray<Crash | Mark> = [...marks(1, 3), crash(4, 9, how), ...marks(5, 7)]
        const results = yield* outcomes(tasks, { chunkSize: 7 })
        assert.deepStrictEqual(ends(results), tasks.map(({ id }) => id === 4 ? "Defect" : "success"))
        const { reason } = failureOf(results.find(({ index }) => index === 3)!)
        assert(reason._tag === "Defect")
        assert.include(String(reason.defect), "on purpose")
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
        assert.strictEqual(threads.started, 1)
      }))
  }

  // Piscina, test-uncaught-exception-from-handler.ts: uncaught exception in immediate after task yields error event,
  // exiting process in immediate after task errors next task and resets worker. Here no other task pays for it.
  for (const how of ["throw", "exit"] as const) {
    claim(`a task that does harm after its end (${how}) fails neither itself nor the next one`, {
      on: only(OneThread)
    }, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* Dispatcher.run(new Afterwards({ id: 1, how })), 1)
        const next = yield* fork(Dispatcher.run(hold(2)))
        yield* started(2)
        yield* Effect.sleep(20)
        events.open(2)
        assert.strictEqual(yield* Fiber.join(next), 2)
        assert.deepStrictEqual(sorted(yield* values(marks(11, 20))), range(11, 20))
      }))
  }

  // Piscina, test-resourcelimits.ts: resourceLimits causes task to reject
  // Tinypool, resource-limits.test.ts: resourceLimits causes task to reject
  claim(
    "a task that needs too much memory is told so, and the next one runs",
    {
      on: only(OneThread),
      own: { pool: { resourceLimits: { maxOldGenerationSizeMb: 48 }, maxWorkerLosses: 1 } }
    },
    () =>
      Effect.gen(function*() {
        const [result] = yield* outcomes([crash(1, 9, "memory")])
        const { reason } = failureOf(result)
        assert(reason._tag === "WorkerLost")
        assert.isTrue(reason.outOfMemory)
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      })
  )

  // workerpool, Pool.test.js: should handle crashed workers. BullMQ, stalled_jobs.test.ts: process stalled jobs when starting a queue
  claim("a task whose worker is lost is run again", { on: only(OneThread) }, () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Dispatcher.run(crash(1, 1)), 1)
      assert.strictEqual(events.count("start", 1), 2)
    }))

  // BullMQ, stalled_jobs.test.ts: moves jobs to failed with maxStalledCount > 1
  claim(
    "a task that loses its worker too often fails, after as many starts as it may lose workers",
    { on: only(OneThread), own: { pool: { maxWorkerLosses: 2 } } },
    () =>
      Effect.gen(function*() {
        const [result] = yield* outcomes([crash(1, 9)])
        const { attempt, reason } = failureOf(result)
        assert.strictEqual(reason._tag, "WorkerLost")
        assert.strictEqual(attempt, 2)
        assert.strictEqual(events.count("start", 1), 2)
      })
  )

  // BullMQ, sandboxed_process.test.ts: should fail if the process exits 0
  claim(
    "a worker that exits with code 0 in the middle of a task is lost like any other",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* Dispatcher.run(crash(1, 1, "exitZero")), 1)
        assert.strictEqual(events.count("start", 1), 2)
      })
  )

  // BullMQ, worker.test.ts: when passing maxStartedAttempts - should fail job when consuming the max started attempts
  claim("a task that must not start twice does not", { on: only(OneThread) }, () =>
    Effect.gen(function*() {
      const tasks: ReadonlyArray<CrashOnce | Mark> = [...marks(1, 3), new CrashOnce({ id: 4 }), ...marks(5, 7)]
      const results = yield* outcomes(tasks, { retry: { times: 3, while: () => false } })
      assert.deepStrictEqual(ends(results), tasks.map(({ id }) => id === 4 ? "WorkerLost" : "success"))
      assert.strictEqual(events.count("start", 4), 1)
    }))

  // dask.distributed, test_failed_workers.py: test_broken_worker_during_computation
  claim("losses in the middle of many tasks change no result", { on: only(WorkerPool) }, () =>
    Effect.gen(function*() {
      const tasks = range(1, 256).map((id) => id % 64 === 0 ? crash(id, 1, "exit") : marks(id, id)[0])
      assert.deepStrictEqual(sorted(yield* values<Crash | Mark>(tasks)), range(1, 256))
    }))

  // dask.distributed, test_failed_workers.py: test_submit_after_failed_worker
  claim(
    "tasks given while a worker is replaced wait for the new one",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        const lost = yield* fork(endOf(Dispatcher.run(new CrashOnce({ id: 1 }))))
        yield* started(1)
        const sums = yield* values(range(1, 10).map((n) => new Add({ n })))
        assert.deepStrictEqual(sorted(sums), range(2, 11))
        assert.strictEqual(yield* Fiber.join(lost), "WorkerLost")
      })
  )

  // Piscina, test-uncaught-exception-from-handler.ts: exiting process resets worker
  claim("the thread after a loss is another one", { on: only(OneThread) }, () =>
    Effect.gen(function*() {
      const before = yield* Dispatcher.run(new Where({ id: 1 }))
      assert.strictEqual(yield* endOf(Dispatcher.run(new CrashOnce({ id: 2 }))), "WorkerLost")
      assert.notStrictEqual(yield* Dispatcher.run(new Where({ id: 3 })), before)
    }))

  // CPython, test_process_pool.py: test_killed_child. Stronger: the mates of its chunk are not even counted an attempt.
  claim(
    "tasks behind one that ends its thread run elsewhere, at their first attempt",
    { on: only(WorkerPool) },
    () =>
      Effect.gen(function*() {
        const tasks: ReadonlyArray<CrashOnce | Mark> = [new CrashOnce({ id: 1 }), ...marks(2, 20)]
        const results = yield* outcomes(tasks, { chunkSize: 20 })
        assert.deepStrictEqual(ends(results), tasks.map(({ id }) => id === 1 ? "WorkerLost" : "success"))
        for (const id of range(2, 20)) assert.strictEqual(events.count("start", id), 1)
      })
  )

  // Tinypool, resource-limits.test.ts: recycled workers should not crash pool (regression)
  claim("a pool whose threads are all lost at once recovers", { on: only(WorkerPool) }, () =>
    Effect.gen(function*() {
      const both = yield* Effect.all([Dispatcher.run(crash(1, 1)), Dispatcher.run(crash(2, 1))], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(both, [1, 2])
      const blocks = yield* fork(values([new Block({ id: 11 }), new Block({ id: 12 })], { chunkSize: 1 }))
      yield* started(11, 12)
      events.openAll()
      assert.strictEqual(new Set(yield* Fiber.join(blocks)).size, 2)
    }))

  // Piscina, test-uncaught-exception-from-handler.ts: uncaught exception in immediate after task yields error event
  // BullMQ, worker.test.ts: emits error and continues running when _getNextJob fails
  claim(
    "the loss of a thread is logged",
    { on: only(OneThread), own: "none" },
    ({ subject }) =>
      Effect.gen(function*() {
        const logged: Array<string> = []
        const logger = Logger.make(({ message }) => void logged.push(String(message)))
        yield* endOf(Dispatcher.run(new CrashOnce({ id: 1 }))).pipe(
          Effect.andThen(Dispatcher.run(new Add({ n: 1 }))),
          Effect.provide(subject.layer({ loggers: Logger.layer([logger]) }))
        )
        assert.isTrue(logged.some((line) => line.includes("code 7")), logged.join("\n"))
      })
  )
})
