/** Claims that something which goes wrong on the way of a task, at any of its stations, ends that task and stops nothing. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Task from "papyros/Task"
import {
  Dummy,
  endOf,
  ends,
  FiberByReference,
  FiberWithCodecs,
  marks,
  OneThread,
  only,
  outcomes,
  range,
  sorted,
  topic,
  values,
  withCodec,
  WorkerPool
} from "./support/suite.ts"
import { Add, Carry, Crash, Mark, Move, Return, Rows, Unfit, Wrong } from "./support/tasks.ts"

/** Runs a task among others, alone in its chunk or not; the others succeed, and its own end is returned. */
const among = (task: Task.Any, chunkSize: number | "auto" = "auto") =>
  Effect.gen(function*() {
    const tasks = [...marks(1, 5), task as Mark, ...marks(6, 10)]
    const all = ends(yield* outcomes(tasks, { chunkSize }))
    assert.deepStrictEqual(all.toSpliced(5, 1), Array.from({ length: 10 }, () => "success"))
    assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
    return all[5]
  })

topic("deadlock", (claim) => {
  for (const chunkSize of [1, 11]) {
    // CPython, test_deadlock.py: test_error_at_task_pickle
    claim(
      `a payload that cannot be sent fails its own task, in chunks of ${chunkSize}`,
      { on: withCodec },
      () =>
        Effect.gen(function*() {
          const task = new Carry({ id: 20, value: () => {} })
          assert.strictEqual(yield* among(task, chunkSize), "Undecodable")
        })
    )

    // CPython, test_deadlock.py: test_error_at_task_unpickle
    claim(
      `a payload that does not fit fails its own task, in chunks of ${chunkSize}`,
      { on: withCodec },
      () =>
        Effect.gen(function*() {
          const task = Object.assign(new Mark({ id: 20 }), { id: "text" })
          assert.strictEqual(yield* among(task, chunkSize), "Undecodable")
        })
    )
  }

  for (
    const [how, reason] of [
      ["throw", "Defect"],
      ["die", "Defect"],
      ["text", "Defect"],
      ["undefined", "Defect"],
      ["reject", "Defect"],
      ["notAnEffect", "Defect"],
      ["interrupt", "Interrupted"]
    ] as const
  ) {
    // CPython, test_deadlock.py: test_error_during_func_exec_on_worker
    claim(`a handler that ends by "${how}" fails its own task`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* among(new Wrong({ how, id: 20 })), reason)
      }))
  }

  // CPython, test_deadlock.py: test_exit_during_func_exec_on_worker. Stronger: the pool is not broken.
  claim(
    "a handler that exits fails its own task",
    { on: only(OneThread), own: { pool: { maxWorkerLosses: 1 } } },
    () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* among(new Crash({ id: 20, how: "exit", losses: 9 })), "WorkerLost")
      })
  )

  for (const what of ["function", "symbol"] as const) {
    // CPython, test_deadlock.py: test_error_during_result_pickle_on_worker. Piscina, post-task.ts: postTask() cannot clone build-in objects
    claim(`a result that cannot be sent (${what}) fails its own task`, { on: withCodec }, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* among(new Return({ what })), "Undecodable")
      }))
  }

  // BullMQ, worker.test.ts: process a job that returns data with a circular dependency
  claim("a result that contains itself has an outcome", { on: withCodec }, () =>
    Effect.gen(function*() {
      assert.include(["success", "Undecodable"], yield* among(new Return({ what: "circular" })))
    }))

  // CPython, test_deadlock.py: test_error_during_result_pickle_on_worker
  claim("a result that throws while it is packed fails its own task", {
    on: only(OneThread),
    own: { pool: { gracePeriod: 50 } }
  }, () =>
    Effect.gen(function*() {
      const tasks = range(1, 5).map((n) => new Rows({ trap: n === 3 }))
      const all = ends(yield* outcomes(tasks, { chunkSize: 1 }))
      assert.deepStrictEqual(all.toSpliced(2, 1), Array.from({ length: 4 }, () => "success"))
      assert.include(["Undecodable", "Defect"], all[2])
    }))

  for (const part of ["success", "error"] as const) {
    // CPython, test_deadlock.py: test_error_during_result_unpickle_in_result_handler
    claim(`a handler whose ${part} does not fit fails its own task`, { on: withCodec }, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* among(new Unfit({ part })), "Undecodable")
      }))
  }

  // CPython, test_deadlock.py: test_crash_big_data. Stronger: no task is lost.
  claim(
    "a worker that exits while large payloads are under way loses none of them",
    { on: only(WorkerPool), own: {} },
    () =>
      Effect.gen(function*() {
        const value = "a".repeat(1 << 20)
        const tasks = range(1, 10).flatMap((id): ReadonlyArray<Carry | Crash> =>
          id === 3
            ? [new Crash({ id: 100, how: "exit", losses: 1 }), new Carry({ id, value })]
            : [new Carry({ id, value })]
        )
        assert.deepStrictEqual(sorted(yield* values(tasks)), [...range(1, 10), 100])
      })
  )

  // CPython, test_deadlock.py: test_gh105829_should_not_deadlock_if_wakeup_pipe_full
  claim("thousands of runs given before a worker is ready all end", {
    on: only(Dummy, FiberByReference, WorkerPool),
    own: {}
  }, () =>
    Effect.gen(function*() {
      const runs = range(1, 3000).map((n) => Dispatcher.run(new Add({ n })))
      const sums = yield* Effect.all(runs, { concurrency: "unbounded" })
      assert.deepStrictEqual(sums, range(2, 3001))
    }))

  for (const ordered of [true, false]) {
    // joblib, test_parallel.py: test_deadlock_with_generator
    claim(
      `a stream of large results, ${ordered ? "" : "un"}ordered, can be left after two of them`,
      () =>
        Effect.gen(function*() {
          const tasks = range(1, 10).map(() => new Move({ bytes: new Uint8Array(500_000) }))
          const taken = yield* Dispatcher.execute(tasks, { ordered }).pipe(Stream.take(2), Stream.runCollect)
          assert.deepStrictEqual(taken.map(({ length }) => length), [500_000, 500_000])
        })
    )
  }

  for (
    const [tasks, chunkSize, bufferSize] of [
      [2, "auto", 2],
      [10, "auto", 1],
      [517, "auto", 2],
      [200, "auto", 12],
      [25, 1, 24],
      [250, 1, 1000],
      [250, 7, 24]
    ] as const
  ) {
    // joblib, test_parallel.py: test_dispatch_race_condition
    claim(
      `${tasks} tasks in chunks of ${chunkSize} with a buffer of ${bufferSize} give every result once`,
      () =>
        Effect.gen(function*() {
          const adds = range(1, tasks).map((n) => new Add({ n }))
          assert.deepStrictEqual(
            yield* values(adds, { ordered: true, chunkSize, bufferSize }),
            range(2, tasks + 1)
          )
        })
    )
  }

  // BullMQ, async_fifo_queue.test.ts: should handle promises that get rejected and don't block the queue
  claim("a failure in every second task holds up none of the others", () =>
    Effect.gen(function*() {
      const tasks = range(1, 40).map((id) => id % 2 === 0 ? new Wrong({ how: "throw", id }) : new Mark({ id }))
      const all = ends(yield* outcomes<Wrong | Mark>(tasks, { bufferSize: 2 }))
      assert.deepStrictEqual(all, range(1, 40).map((id) => id % 2 === 0 ? "Defect" : "success"))
    }))

  // joblib, test_parallel.py: test_dispatch_race_condition. Stronger: the bound of accepted tasks is the smallest.
  claim("a capacity of 1 stops no execution, queue or run", {
    on: only(FiberByReference, FiberWithCodecs, WorkerPool),
    own: { capacity: 1 }
  }, () =>
    Effect.gen(function*() {
      const queued = Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Mark>({ capacity: 1 })
        const popped = yield* Effect.forkChild(Effect.forEach(marks(201, 220), () => queue.pop()))
        yield* Effect.forEach(marks(201, 220), (mark) => queue.push(mark))
        return yield* Fiber.join(popped)
      })
      const runs = Effect.forEach(marks(301, 320), (mark) => endOf(Dispatcher.run(mark)), { concurrency: "unbounded" })
      const [executed, popped, ended] = yield* Effect.all([values(marks(101, 120)), queued, runs], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(sorted(executed), range(101, 120))
      assert.deepStrictEqual(sorted(popped), range(201, 220))
      assert.deepStrictEqual(ended, Array.from({ length: 20 }, () => "success"))
    }))
})
