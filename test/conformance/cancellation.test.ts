/** Claims about cancelling: a task that waits, that runs, that is being decoded, that does not listen, that is nearly done. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import { countThreads } from "../support/pool/pool.ts"
import {
  concurrent,
  Dummy,
  endOf,
  ends,
  events,
  FiberByReference,
  flush,
  fork,
  full,
  hold,
  holds,
  inProcess,
  marks,
  OneThread,
  only,
  outcomes,
  range,
  settle,
  sorted,
  started,
  type Subject,
  topic,
  untilStatus,
  values,
  WorkerPool
} from "./support/suite.ts"
import { Add, type Hold, Linger, Mark, Move, Sleep, SlowPayload, Spin, Stubborn } from "./support/tasks.ts"

/** Holds in all slots; ends when they have ended. */
const occupy = (subject: Subject) =>
  Effect.gen(function*() {
    const fiber = yield* fork(values(holds(1, subject.slots), { chunkSize: 1 }))
    yield* full(subject)
    return fiber
  })

topic("cancellation", (claim) => {
  // Piscina, abort-task.ts: tasks can be aborted through AbortController while running
  // BullMQ, job_cancellation.test.ts: should cancel a running job using abort event
  claim(
    "a running task is interrupted, and its finalizers have run when the interruption ends",
    () =>
      Effect.gen(function*() {
        const run = yield* fork(Dispatcher.run(hold(1)))
        yield* started(1)
        yield* Fiber.interrupt(run)
        assert.deepStrictEqual(events.ofTasks, ["start 1", "interrupt 1", "stop 1"])
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(run)))
      })
  )

  // Piscina, abort-task.ts: tasks can be aborted through EventEmitter before running
  // workerpool, Pool.test.js: should cancel a queued task. Tinypool, task-queue.test.ts: queued tasks can be cancelled
  claim(
    "a task that waits never starts, and the one that runs is not disturbed",
    ({ subject }) =>
      Effect.gen(function*() {
        const busy = yield* occupy(subject)
        const waiting = yield* Effect.forEach(holds(101, 109), (task) => fork(Dispatcher.run(task)))
        yield* settle
        yield* Effect.forEach(waiting, Fiber.interrupt)
        assert.isUndefined(busy.pollUnsafe())
        events.openAll()
        assert.deepStrictEqual(sorted(yield* Fiber.join(busy)), range(1, subject.slots))
        yield* flush
        assert.deepStrictEqual(sorted(events.starts), range(1, subject.slots))
      })
  )

  // workerpool, Pool.test.js: should run following tasks if a previous queued task is cancelled
  claim("tasks behind one that was cancelled while it waited run", ({ subject }) =>
    Effect.gen(function*() {
      const busy = yield* occupy(subject)
      const first = yield* fork(Dispatcher.run(hold(101)))
      const second = yield* fork(Dispatcher.run(new Mark({ id: 102 })))
      yield* Fiber.interrupt(first)
      events.openAll()
      yield* Fiber.join(busy)
      assert.strictEqual(yield* Fiber.join(second), 102)
      assert.notInclude(events.starts, 101)
    }))

  // workerpool, Pool.test.js: should not assign new tasks to a worker whose previous task was cancelled
  // BullMQ, job_cancellation_advanced.test.ts: should support async cleanup when job is cancelled
  claim(
    "a slot is free only when the finalizers of the cancelled task have run",
    { on: only(Dummy, OneThread), own: {} },
    () =>
      Effect.gen(function*() {
        const first = yield* fork(Dispatcher.run(new Linger({ id: 1, end: "succeed" })))
        yield* started(1)
        const interrupting = yield* fork(Fiber.interrupt(first))
        const second = yield* fork(Dispatcher.run(new Mark({ id: 2 })))
        yield* settle
        assert.isUndefined(interrupting.pollUnsafe())
        assert.deepStrictEqual(events.starts, [1])
        events.open(1)
        yield* Fiber.join(interrupting)
        assert.strictEqual(yield* Fiber.join(second), 2)
        assert.deepStrictEqual(events.ofTasks, ["start 1", "interrupt 1", "stop 1", "start 2", "stop 2"])
      })
  )

  // Piscina, abort-task.ts: aborted AbortSignal rejects task immediately
  claim("a run that is interrupted before it begins moves nothing and starts nothing", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array(8)
      const run = yield* Effect.forkChild(Dispatcher.run(new Move({ bytes })))
      yield* Fiber.interrupt(run)
      yield* flush
      assert.strictEqual(bytes.byteLength, 8)
    }))

  // Piscina, abort-task.ts: abortable tasks will not share workers (abortable posted first)
  claim("the task behind a busy loop runs when the loop was cancelled", {
    on: only(OneThread),
    own: { pool: { gracePeriod: 50 } }
  }, () =>
    Effect.gen(function*() {
      const busy = yield* fork(Dispatcher.run(new Spin({ id: 1 })))
      const behind = yield* fork(Dispatcher.run(new Mark({ id: 2 })))
      yield* started(1)
      yield* Fiber.interrupt(busy)
      assert.strictEqual(yield* Fiber.join(behind), 2)
    }))

  // Ray, test_cancel.py: test_single_cpu_cancel
  claim("with one slot, running and waiting tasks are cancelled and the independent one runs", {
    on: only(Dummy, OneThread)
  }, () =>
    Effect.gen(function*() {
      const [one, two, three, independent] = yield* Effect.forEach(holds(1, 4), (task) => fork(Dispatcher.run(task)))
      yield* started(1)
      yield* Fiber.interrupt(three)
      yield* Fiber.interrupt(one)
      yield* Fiber.interrupt(two)
      events.open(4)
      assert.strictEqual(yield* Fiber.join(independent), 4)
      assert.notInclude(events.starts, 3)
    }))

  // Ray, test_cancel.py: test_stress. BullMQ, job_cancellation_advanced.test.ts: should handle rapid cancellations with high concurrency
  claim("of a hundred tasks, those cancelled have no outcome and the others all succeed", () =>
    Effect.gen(function*() {
      const runs = yield* Effect.forEach(holds(1, 100), (task) =>
        Effect.map(fork(Dispatcher.run(task)), (fiber) => ({ id: task.id, fiber })))
      yield* started(1)
      const cancelled = runs.filter(({ id }) =>
        (id * 7919) % 13 < 6
      )
      yield* Effect.forEach(cancelled, ({ fiber }) => Fiber.interrupt(fiber), { concurrency: "unbounded" })
      events.openAll()
      for (const run of runs) {
        const exit = yield* Fiber.await(run.fiber)
        if (cancelled.includes(run)) assert.isTrue(Exit.hasInterrupts(exit))
        else assert.deepStrictEqual(exit, Exit.succeed(run.id))
      }
      assert.strictEqual(events.running, 0)
    }))

  // Ray, test_cancel.py: test_fast. BullMQ, job_cancellation.test.ts: should handle concurrent cancellations
  claim("tasks that are cancelled as soon as they are given never hang", () =>
    Effect.gen(function*() {
      for (const task of marks(1, 100)) {
        const run = yield* fork(Dispatcher.run(task))
        yield* Fiber.interrupt(run)
      }
      yield* flush
      assert.strictEqual(events.running, 0)
      assert.strictEqual(new Set(events.starts).size, events.starts.length, "none starts twice")
    }))

  // BullMQ, job_cancellation_advanced.test.ts: should cancel specific job among concurrent jobs
  claim("only the task that is cancelled is interrupted", { on: concurrent }, () =>
    Effect.gen(function*() {
      const one = yield* fork(Dispatcher.run(hold(1)))
      const two = yield* fork(Dispatcher.run(hold(2)))
      yield* started(1, 2)
      yield* Fiber.interrupt(one)
      assert.deepStrictEqual(events.interrupts, [1])
      events.open(2)
      assert.strictEqual(yield* Fiber.join(two), 2)
    }))

  // BullMQ, job_cancellation.test.ts: should return false when cancelling a job that has already completed
  claim("cancelling a task that has completed changes nothing", () =>
    Effect.gen(function*() {
      const run = yield* fork(Dispatcher.run(new Mark({ id: 1 })))
      assert.strictEqual(yield* Fiber.join(run), 1)
      yield* Fiber.interrupt(run)
      assert.deepStrictEqual(events.interrupts, [])
    }))

  // BullMQ, job_cancellation_advanced.test.ts: should handle cancellation near completion
  claim("a task that is cancelled just as it completes stops once", () =>
    Effect.gen(function*() {
      for (const id of range(1, 30)) {
        const run = yield* fork(Dispatcher.run(hold(id)))
        yield* started(id)
        events.open(id)
        if (id % 3 !== 0) yield* id % 3 === 1 ? Effect.yieldNow : settle
        yield* Fiber.interrupt(run)
        assert.strictEqual(events.count("start", id), 1)
        assert.strictEqual(events.count("stop", id), 1)
      }
    }))

  // BullMQ, job_cancellation.test.ts: should work with processor that ignores signal (backward compatibility)
  claim("a task that cannot be interrupted is waited for", { on: inProcess }, () =>
    Effect.gen(function*() {
      const run = yield* fork(Dispatcher.run(new Stubborn({ id: 1 })))
      yield* started(1)
      const interrupting = yield* fork(Fiber.interrupt(run))
      yield* TestClock.adjust("1 hour")
      yield* settle
      assert.isUndefined(interrupting.pollUnsafe())
      events.open(1)
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(events.stops, [1])
    }))

  // Tinypool, termination.test.ts: termination timeout throws when worker does not terminate in time. Here it is ended.
  claim("a task that cannot be interrupted is ended with its thread", {
    on: only(OneThread),
    own: { pool: { gracePeriod: 50 } }
  }, () =>
    Effect.gen(function*() {
      const run = yield* fork(Dispatcher.run(new Stubborn({ id: 1 })))
      yield* started(1)
      yield* Fiber.interrupt(run)
      assert.deepStrictEqual(events.stops, [])
      assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
    }))

  // workerpool, Pool.test.js: should not terminate worker if abort listener is defined dedicated worker with Cancellation
  claim(
    "a thread whose tasks listen is not replaced, however often they are cancelled",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        yield* flush
        const threads = yield* countThreads
        for (const id of range(1, 20)) {
          const run = yield* fork(Dispatcher.run(hold(id)))
          yield* started(id)
          yield* Fiber.interrupt(run)
        }
        assert.strictEqual(threads.started, 0)
        assert.deepStrictEqual(events.stops, range(1, 20))
      })
  )

  // workerpool, Pool.test.js: should timeout a task
  claim("a timeout of a task ends it alone", { on: inProcess }, () =>
    Effect.gen(function*() {
      const run = yield* fork(outcomes<Hold | Mark>([hold(1), ...marks(2, 5)], { taskTimeout: "1 minute" }))
      yield* started(1)
      yield* settle
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(ends(yield* Fiber.join(run)), ["TimedOut", "success", "success", "success", "success"])
      assert.deepStrictEqual(events.interrupts, [1])
    }))

  // workerpool, Pool.test.js: should start timeout timer of a task once the task is taken from the queue (1), (2)
  claim("the timeout of a task counts from its start", { on: only(Dummy) }, () =>
    Effect.gen(function*() {
      const tasks = range(1, 3).map((id) => new Sleep({ id, millis: 900 }))
      const run = yield* fork(outcomes(tasks, { taskTimeout: 1000 }))
      for (let i = 0; i < 40; i++) {
        yield* settle
        yield* TestClock.adjust(100)
      }
      assert.deepStrictEqual(ends(yield* Fiber.join(run)), ["success", "success", "success"])
    }))

  // dask.distributed, test_cancelled_state.py: test_execute_preamble_early_cancel
  claim(
    "a task that is cancelled while its payload is decoded does not start",
    { on: only(OneThread) },
    () =>
      Effect.gen(function*() {
        yield* flush
        const run = yield* fork(Dispatcher.run(new SlowPayload({ id: 1 })))
        while (!events.ids("decode").includes(1)) yield* Effect.sleep(1)
        yield* Fiber.interrupt(run)
        yield* flush
        assert.deepStrictEqual(events.starts, [])
      })
  )

  // dask.distributed, test_stress.py: test_cancel_stress
  claim(
    "a stream that is cancelled half way, again and again, leaves the dispatcher whole",
    () =>
      Effect.gen(function*() {
        for (let round = 0; round < 5; round++) {
          let taken = 0
          const stream = yield* fork(Stream.runForEach(
            Dispatcher.execute(marks(1, 300), { bufferSize: 4 }),
            () => Effect.sync(() => void taken++)
          ))
          while (taken < 20 * (round + 1)) yield* Effect.yieldNow
          yield* Fiber.interrupt(stream)
        }
        assert.deepStrictEqual(sorted(yield* values(marks(1, 50))), range(1, 50))
      })
  )

  // dask.distributed, test_cancelled_state.py: test_abort_execution_reschedule
  claim("a task that was cancelled can be given again", () =>
    Effect.gen(function*() {
      const task = hold(1)
      const first = yield* fork(Dispatcher.run(task))
      yield* started(1)
      yield* Fiber.interrupt(first)
      events.open(1)
      assert.strictEqual(yield* Dispatcher.run(task), 1)
      assert.strictEqual(events.count("start", 1), 2)
      assert.strictEqual(events.count("stop", 1), 2)
    }))

  // BullMQ, job_cancellation.test.ts: should cancel all active jobs
  claim(
    "interrupting a stream interrupts all that runs for it, and nothing else",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const other = yield* fork(Dispatcher.run(hold(100)))
        yield* started(100)
        const stream = yield* fork(values(holds(1, 10)))
        yield* untilStatus(({ running }) => running === 2)
        yield* Fiber.interrupt(stream)
        assert.strictEqual(events.interrupts.length, events.starts.length - 1)
        assert.notInclude(events.interrupts, 100)
        events.openAll()
        assert.strictEqual(yield* Fiber.join(other), 100)
      })
  )

  // Piscina, abort-task.ts: task with AbortSignal cleans up properly. dask.distributed, test_stress.py: test_stress_gc
  claim("ten thousand runs, every tenth of them cancelled, leave nothing behind", {
    on: only(FiberByReference, WorkerPool)
  }, () =>
    Effect.gen(function*() {
      for (let round = 0; round < 10; round++) {
        const runs = yield* Effect.forEach(range(1, 1000), (n) => fork(endOf(Dispatcher.run(new Add({ n })))))
        yield* Effect.forEach(runs.filter((_, i) => i % 10 === 0), Fiber.interrupt)
        for (const [i, run] of runs.entries()) if (i % 10 !== 0) assert.strictEqual(yield* Fiber.join(run), "success")
      }
    }))
})
