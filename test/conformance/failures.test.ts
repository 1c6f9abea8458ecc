/** Claims about failures of handlers: the error of the caller, the outcomes of the other tasks, and when a task is tried again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import type { TaskFailure } from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"
import {
  concurrent,
  endOf,
  ends,
  events,
  failsWith,
  FiberByReference,
  flush,
  fork,
  full,
  hold,
  holds,
  inProcess,
  inTime,
  marks,
  only,
  outcomes,
  range,
  settle,
  sorted,
  started,
  topic,
  until,
  values
} from "./support/suite.ts"
import { Add, Carry, Falls, Flaky, type Hold, Linger, Mark, Refused, Wrong } from "./support/tasks.ts"

const reasonOf = (result: Dispatcher.TaskResult<Task.Any>) => {
  assert(Result.isFailure(result.result))
  return result.result.failure
}

topic("failures", (claim) => {
  // joblib, test_parallel.py: test_error_capture
  claim("after a failure the same dispatcher gives all results", () =>
    Effect.gen(function*() {
      for (const how of ["throw", "interrupt", "die"] as const) {
        const tasks = [new Mark({ id: 1 }), new Wrong({ how, id: 2 })]
        assert.notStrictEqual(yield* endOf(values<Mark | Wrong>(tasks)), "success")
        assert.deepStrictEqual(sorted(yield* values(marks(1, 10))), range(1, 10))
      }
    }))

  // joblib, test_parallel.py: test_abort_backend
  claim("a first task that fails aborts a hundred that would take for ever", ({ subject }) =>
    Effect.gen(function*() {
      const tasks: ReadonlyArray<Wrong | Hold> = [new Wrong({ how: "throw", id: 200 }), ...holds(1, 100)]
      assert.strictEqual(yield* endOf(values(tasks)), "Defect")
      assert.isAtMost(events.starts.length, subject.slots)
      assert.strictEqual(events.running, 0)
    }))

  // p-map, test.js: immediately rejects when stopOnError is true
  claim(
    "unordered, the failure that happens first ends the stream",
    { on: concurrent },
    ({ subject }) =>
      Effect.gen(function*() {
        const run = yield* fork(Effect.flip(values([hold(1, "fail"), hold(2, "fail")], { chunkSize: 1 })))
        yield* full(subject)
        events.open(2)
        const error = yield* Fiber.join(run)
        assert(error._tag === "TaskFailure")
        assert.strictEqual(error.task.id, 2)
      })
  )

  // p-map, test.js: pMapIterable - stop on error
  claim(
    "ordered, everything before the first failed task comes, then its failure",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const given: Array<number> = []
        const tasks: ReadonlyArray<Mark | Hold> = [hold(1), hold(2, "fail"), hold(3)]
        const run = yield* fork(
          Dispatcher.execute(tasks, { ordered: true, chunkSize: 1 }).pipe(
            Stream.runForEach((id) => Effect.sync(() => void given.push(id))),
            Effect.flip
          )
        )
        events.open(2, 3)
        yield* until(() => events.stops.includes(2))
        yield* settle
        assert.isUndefined(run.pollUnsafe())
        events.open(1)
        const error = yield* Fiber.join(run)
        assert(error._tag === "TaskFailure")
        assert.strictEqual(error.task.id, 2)
        assert.deepStrictEqual(given, [1])
        assert.strictEqual(events.running, 0)
      })
  )

  // p-map, test.js: aggregate errors when stopOnError is false
  claim("results gives every failure with its own task", () =>
    Effect.gen(function*() {
      const tasks = range(1, 9).map((id) => id % 3 === 0 ? new Wrong({ how: "throw", id }) : new Mark({ id }))
      const results = yield* outcomes<Wrong | Mark>(tasks)
      for (const failed of results.filter(({ result }) => Result.isFailure(result))) {
        const { reason, task } = reasonOf(failed)
        assert.strictEqual(task, tasks[failed.index])
        assert(reason._tag === "Defect")
        assert.strictEqual((reason.defect as Error).message, `thrown ${failed.index + 1}`)
      }
      assert.strictEqual(results.filter(({ result }) => Result.isFailure(result)).length, 3)
    }))

  // p-map, test.js: no unhandled rejected promises from mapper throws - infinite concurrency, concurrency 1
  claim("where several tasks fail, one failure ends the stream and none is unhandled", () =>
    Effect.gen(function*() {
      const unhandled: Array<unknown> = []
      const note = (error: unknown) => void unhandled.push(error)
      process.on("unhandledRejection", note).on("uncaughtException", note)
      const tasks = range(1, 20).map((id) => new Wrong({ how: id % 2 === 0 ? "reject" : "throw", id }))
      assert.strictEqual(yield* endOf(values(tasks)), "Defect")
      yield* flush
      process.off("unhandledRejection", note).off("uncaughtException", note)
      assert.deepStrictEqual(unhandled, [])
    }))

  for (const chunkSize of [1, 3] as const) {
    // CPython, executor.py: test_map_exception
    claim(`iteration goes on behind a failure, in chunks of ${chunkSize}`, () =>
      Effect.gen(function*() {
        const tasks: ReadonlyArray<Mark | Wrong> = [
          new Mark({ id: 1 }),
          new Wrong({ how: "throw", id: 2 }),
          ...marks(3, 4)
        ]
        const results = yield* outcomes(tasks, { ordered: true, chunkSize })
        assert.deepStrictEqual(results.map((result) => ends([result])[0]), ["success", "Defect", "success", "success"])
      }))
  }

  // CPython, executor.py: test_map_timeout_from_callable
  claim("a handler's own timeout is not the timeout of the stream", { on: inProcess }, () =>
    Effect.gen(function*() {
      for (const idleTimeout of [undefined, "1 minute"] as const) {
        const tasks = [new Add({ n: 0 }), new Wrong({ how: "die", id: 1 }), new Add({ n: 2 })]
        assert.deepStrictEqual(ends(yield* outcomes<Add | Wrong>(tasks, { idleTimeout })), [
          "success",
          "Defect",
          "success"
        ])
      }
    }))

  for (const value of [0, "", false, null] as const) {
    // CPython, executor.py: test_swallows_falsey_exceptions
    claim(`${JSON.stringify(value)} is a success, an error and a defect like any other`, () =>
      Effect.gen(function*() {
        const [succeeded, failed, died] = yield* outcomes(
          (["succeed", "fail", "die"] as const).map((how) => new Falls({ how, value })),
          { ordered: true }
        )
        assert(Result.isSuccess(succeeded.result))
        assert.strictEqual(succeeded.result.success, value)
        const { reason } = reasonOf(failed) as TaskFailure<Falls>
        assert(reason._tag === "Failed")
        assert.strictEqual(reason.error, value)
        assert.strictEqual(reasonOf(died).reason._tag, "Defect")
      }))
  }

  // CPython, test_process_pool.py: test_traceback
  claim("the trace of a failure leads to the line of the handler", () =>
    Effect.gen(function*() {
      const [result] = yield* outcomes([new Wrong({ how: "throw", id: 7 })])
      const failure = reasonOf(result)
      assert.include(failure.trace, "support/handlers.ts")
      assert.include(failure.trace, "thrown 7")
      assert.include(failure.message, "thrown 7")
    }))

  // workerpool, Pool.test.js: should handle a nested custom error class thrown by a worker
  // joblib, test_parallel.py: test_error_capture (MyExceptionWithFinickyInit)
  claim("a typed error arrives as an instance of its class, a defect with its name", () =>
    Effect.gen(function*() {
      events.openAll()
      const [failed] = yield* outcomes([hold(1, "fail")])
      const { reason } = reasonOf(failed) as TaskFailure<Hold>
      assert(reason._tag === "Failed")
      assert.instanceOf(reason.error, Refused)
      assert.strictEqual(reason.error.id, 1)
      const [died] = yield* outcomes([hold(2, "die")])
      const defect = reasonOf(died).reason
      assert(defect._tag === "Defect")
      assert.instanceOf(defect.defect, Error)
      assert.strictEqual((defect.defect as Error).name, "RangeError")
      assert.strictEqual((defect.defect as Error).message, "died 2")
    }))

  // --- trying again ----------------------------------------------------------

  // BullMQ, worker.test.ts: should automatically retry a failed job if attempts is bigger than 1
  claim("a task that fails is tried again and succeeds", () =>
    Effect.gen(function*() {
      const results = yield* values([new Flaky({ id: 1, failures: 2 })], { retry: { times: 2 } })
      assert.deepStrictEqual(results, [3])
      assert.strictEqual(events.count("start", 1), 3)
    }))

  // BullMQ, worker.test.ts: should not retry a failed job more than the number of given attempts times
  claim("a task is tried no more often than it may be", () =>
    Effect.gen(function*() {
      const [result] = yield* outcomes([new Flaky({ id: 1, failures: 9 })], { retry: { times: 2 } })
      assert.strictEqual(reasonOf(result).attempt, 3)
      assert.strictEqual(events.count("start", 1), 3)
    }))

  // BullMQ, worker.test.ts: should retry a job after a delay if a fixed backoff is given, if an exponential backoff is given
  for (
    const [kind, schedule, delays] of [
      ["fixed", Schedule.spaced("1 second"), [1000, 1000]],
      ["exponential", Schedule.exponential("1 second"), [1000, 2000]]
    ] as const
  ) {
    claim(
      `a pause before a retry that is ${kind} is kept, and holds no slot`,
      { on: inProcess },
      () =>
        Effect.gen(function*() {
          const run = yield* fork(values([new Flaky({ id: 1, failures: 2 })], { retry: schedule }))
          yield* until(() => events.stops.length === 1)
          for (const [i, millis] of delays.entries()) {
            yield* flush
            yield* TestClock.adjust(millis - 1)
            yield* flush
            assert.strictEqual(events.starts.length, i + 1)
            yield* TestClock.adjust(1)
            yield* until(() => events.stops.length === i + 2)
          }
          assert.deepStrictEqual(yield* Fiber.join(run), [3])
        })
    )
  }

  // BullMQ, worker.test.ts: when UnrecoverableError is throw - moves job to failed
  // should retry a job after a delay if a custom backoff is given based on the error thrown
  claim("the policy decides by the failure whether a task is tried again", () =>
    Effect.gen(function*() {
      const retry = { while: (failure: TaskFailure<Flaky | Wrong>) => failure.reason._tag === "Failed" }
      const tasks = [new Flaky({ id: 1, failures: 3 }), new Wrong({ how: "throw", id: 2 })]
      const results = yield* outcomes<Flaky | Wrong>(tasks, { retry })
      assert.deepStrictEqual(ends(results), ["success", "Defect"])
      assert.strictEqual(reasonOf(results.find(({ index }) => index === 1)!).attempt, 1)
    }))

  // BullMQ, concurrency.test.ts: when backoff is 0 - processes jobs without getting stuck
  claim(
    "tasks that fail and are tried again at once do not hold up the others",
    { on: only(FiberByReference) },
    () =>
      Effect.gen(function*() {
        const tasks: ReadonlyArray<Flaky | Mark> = [
          new Flaky({ id: 1, failures: 1e9 }),
          new Flaky({ id: 2, failures: 1e9 }),
          ...marks(11, 18)
        ]
        const order = (yield* outcomes(tasks, { retry: { times: 1000 } })).map(({ index }) => index)
        assert.deepStrictEqual(sorted(order.slice(0, 8)), range(2, 9))
        assert.isBelow(events.starts.indexOf(18), 200)
      })
  )

  // BullMQ, worker.test.ts: when UnrecoverableError is throw - moves job to failed
  claim(
    "a failure that would be the same at every attempt is not tried again",
    { on: only(FiberByReference) },
    () =>
      Effect.gen(function*() {
        class Stranger extends Task.Class<Stranger>()("Stranger") {}
        let asked = 0
        const retry = {
          while: (failure: TaskFailure<Stranger>) => {
            asked++
            return failure.attempt < 5
          }
        }
        assert.deepStrictEqual(ends(yield* outcomes([new Stranger()], { retry })), ["UnknownTask"])
        assert.isAtMost(asked, 1)
      })
  )

  // BullMQ, worker.test.ts: when UnrecoverableError is throw - moves job to failed
  claim(
    "a payload that cannot be sent is not tried again",
    { on: (subject) => subject.name === "Fiber+codecs" },
    () =>
      Effect.gen(function*() {
        let asked = 0
        const retry = { while: (failure: TaskFailure<Carry>) => ++asked > 0 && failure.attempt < 5 }
        const results = yield* outcomes([new Carry({ id: 1, value: () => {} })], { retry })
        assert.deepStrictEqual(ends(results), ["Undecodable"])
        assert.isAtMost(asked, 1)
      })
  )

  // BullMQ, worker.test.ts: should be able to handle a custom backoff if it returns a promise. Here it throws.
  claim(
    "a defect in the policy ends the stream with that defect",
    { on: only(FiberByReference) },
    () =>
      failsWith(
        values([new Flaky({ id: 1, failures: 1 })], {
          retry: {
            while: () => {
              throw new RangeError("the policy is broken")
            }
          }
        }),
        "the policy is broken"
      )
  )

  // BullMQ, stalled_jobs.test.ts: jobs not stalled while lock is extended
  claim(
    "an attempt that timed out has stopped before the next one starts, and before the stream ends",
    { on: only(FiberByReference) },
    ({ subject }) =>
      Effect.gen(function*() {
        const tasks = [new Linger({ id: 1, end: "succeed" })]
        const run = yield* fork(outcomes(tasks, { taskTimeout: "1 second", retry: { times: 1 } }))
        yield* started(1)
        yield* settle
        yield* TestClock.adjust("1 minute")
        yield* settle
        assert.strictEqual(events.peak, 1)
        events.open(1)
        yield* inTime(subject, run)
        assert.strictEqual(events.peak, 1)
        assert.strictEqual(events.running, 0)
      })
  )
})

describe("Conformance: failures", () => {
  class Use extends Task.Class<Use>()("Use", { payload: { n: Schema.Int }, success: Schema.Int }) {}
  const Group = TaskGroup.make(Use)

  // Effect, Stream.test.ts: scoped - provides scope to sequential mapEffect pull effects.
  it.effect("what a handler acquires is released with its task (Fiber)", () =>
    Effect.gen(function*() {
      let open = 0
      const most: Array<number> = []
      const layer = FiberDispatcher.layer(Group, { concurrency: 2 }).pipe(
        Layer.provide(Group.toLayer({
          Use: ({ n }) =>
            Effect.as(
              Effect.acquireRelease(Effect.sync(() => void most.push(++open)), () => Effect.sync(() => void open--)),
              n
            )
        }))
      )
      yield* Stream.runDrain(Dispatcher.execute(range(1, 20).map((n) => new Use({ n })))).pipe(Effect.provide(layer))
      assert.isAtMost(Math.max(...most), 2)
      assert.strictEqual(open, 0)
    }))
})
