/** Claims about the order and the number of outcomes, and about waiting for them. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import {
  concurrent,
  endOf,
  ends,
  events,
  fork,
  hold,
  holds,
  inProcess,
  marks,
  outcomes,
  range,
  settle,
  sorted,
  started,
  topic,
  until,
  values
} from "./support/suite.ts"
import { Add, type Hold, Mark, Sleep } from "./support/tasks.ts"

/** Runs a stream in a fiber; returns the values so far. */
const follow = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.gen(function*() {
    const given: Array<A> = []
    const fiber = yield* fork(Stream.runForEach(stream, (value) => Effect.sync(() => void given.push(value))))
    return { fiber, given }
  })

topic("asCompleted", (claim) => {
  // CPython, test_as_completed.py: test_no_timeout. dask.distributed, test_as_completed.py: test_as_completed_error
  claim("every task has one outcome, failures among them", () =>
    Effect.gen(function*() {
      events.openAll()
      const results = yield* outcomes<Hold | Mark>([hold(1, "fail"), ...marks(2, 5), hold(6, "die"), hold(7)])
      assert.deepStrictEqual(ends(results), ["Failed", "success", "success", "success", "success", "Defect", "success"])
      assert.deepStrictEqual(sorted(results.map(({ index }) => index)), range(0, 6))
      for (const { index, task } of results) assert.strictEqual(task.id, index + 1)
    }))

  for (const ordered of [true, false]) {
    // CPython, test_as_completed.py: test_future_times_out, executor.py: test_map_timeout
    // dask.distributed, test_as_completed.py: test_as_completed_timeout_async
    // joblib, test_parallel.py: test_parallel_timeout_fail_with_generator
    claim(
      `what has completed comes before the timeout, ${ordered ? "" : "un"}ordered`,
      { on: inProcess },
      () =>
        Effect.gen(function*() {
          const tasks: ReadonlyArray<Mark | Hold> = [...marks(1, 2), hold(3), ...marks(4, 5)]
          const { fiber, given } = yield* follow(Dispatcher.execute(tasks, { ordered, idleTimeout: "5 seconds" }))
          yield* started(3)
          yield* settle
          yield* TestClock.adjust("4 seconds")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* endOf(Fiber.join(fiber)), "DispatchTimeout")
          assert.deepStrictEqual(sorted(given).slice(0, 2), [1, 2])
          assert.deepStrictEqual(events.interrupts, [3])
        })
    )

    // joblib, test_parallel.py: test_parallel_timeout_success
    claim(
      `no timeout where every task is fast enough, ${ordered ? "" : "un"}ordered`,
      { on: inProcess },
      () =>
        Effect.gen(function*() {
          const tasks = range(1, 10).map((id) => new Sleep({ id, millis: 900 }))
          const run = yield* fork(values(tasks, { ordered, idleTimeout: "1 second" }))
          for (let i = 0; i < 20; i++) {
            yield* settle
            yield* TestClock.adjust(500)
          }
          assert.deepStrictEqual(sorted(yield* Fiber.join(run)), range(1, 10))
        })
    )

    // p-map, test.js: handles empty iterable, asyncIterator - handles empty iterable
    // joblib, test_parallel.py: test_parallel_with_exhausted_iterator. CPython, executor.py: test_map_buffersize_on_empty_iterable
    claim(`no tasks have no outcomes, ${ordered ? "" : "un"}ordered`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* values([] as ReadonlyArray<Mark>, { ordered }), [])
        assert.deepStrictEqual(yield* values(new Set<Mark>().values(), { ordered }), [])
        const stream: Stream.Stream<Mark> = Stream.empty
        assert.deepStrictEqual(yield* Stream.runCollect(Dispatcher.execute(stream, { ordered })), [])
      }))

    // joblib, test_parallel.py: test_multiple_generator_call_separated
    claim(`two streams at once, ${ordered ? "" : "un"}ordered, have their own results`, () =>
      Effect.gen(function*() {
        const [one, two] = yield* Effect.all(
          [values(marks(1, 40), { ordered }), values(marks(101, 140), { ordered })],
          {
            concurrency: "unbounded"
          }
        )
        assert.deepStrictEqual(ordered ? one : sorted(one), range(1, 40))
        assert.deepStrictEqual(ordered ? two : sorted(two), range(101, 140))
      }))
  }

  // CPython, test_as_completed.py: test_correct_timeout_exception_msg
  claim(
    "the message of a timeout says which bound it was, and how to go on",
    { on: inProcess },
    () =>
      Effect.gen(function*() {
        const run = yield* fork(Effect.flip(values([hold(1)], { idleTimeout: "90 seconds" })))
        yield* started(1)
        yield* TestClock.adjust("90 seconds")
        const error = yield* Fiber.join(run)
        assert.include(error.message, "1m 30s")
        assert.include(error.message, "idleTimeout")
      })
  )

  // dask.distributed, test_as_completed.py: test_as_completed_repeats. (CPython, test_as_completed.py:
  // test_duplicate_futures gives a future once: there it is one computation, here it is two tasks.)
  claim("the same task given three times has three outcomes", () =>
    Effect.gen(function*() {
      const task = new Mark({ id: 1 })
      const results = yield* outcomes([task, task, task])
      assert.deepStrictEqual(sorted(results.map(({ index }) => index)), [0, 1, 2])
      for (const { task: own } of results) assert.strictEqual(own, task)
      assert.strictEqual(events.count("start", 1), 3)
    }))

  // CPython, test_wait.py: test_first_completed
  claim(
    "the first result is there while another task runs, and that one still completes",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const { fiber, given } = yield* follow(Dispatcher.execute(holds(1, 2), { chunkSize: 1 }))
        yield* started(1, 2)
        events.open(2)
        yield* until(() => given.length === 1)
        assert.deepStrictEqual(given, [2])
        assert.deepStrictEqual(events.stops, [2])
        events.open(1)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(given, [2, 1])
      })
  )

  // CPython, test_wait.py: test_first_exception
  claim(
    "a failure ends the stream after what had completed, and interrupts what runs",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const tasks: ReadonlyArray<Mark | Hold> = [new Mark({ id: 1 }), hold(2, "fail"), hold(3)]
        const { fiber, given } = yield* follow(Dispatcher.execute(tasks, { chunkSize: 1 }))
        yield* until(() => given.length === 1)
        yield* started(2, 3)
        events.open(2)
        assert.strictEqual(yield* endOf(Fiber.join(fiber)), "Failed")
        assert.deepStrictEqual(given, [1])
        assert.deepStrictEqual(events.interrupts, [3])
        assert.deepStrictEqual(sorted(events.stops), [1, 2, 3], "before the stream has ended")
      })
  )

  // CPython, test_wait.py: test_first_exception_some_already_complete, test_first_exception_one_already_failed
  claim(
    "a first task that fails at once ends the stream while another runs",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        events.open(1)
        const tasks = [hold(1, "fail"), hold(2), hold(3)]
        assert.strictEqual(yield* endOf(values(tasks, { chunkSize: 1 })), "Failed")
        assert.strictEqual(events.running, 0)
      })
  )

  // CPython, test_wait.py: test_all_completed, test_pending_calls_race
  claim("a hundred tasks that are let go at the same moment all complete", () =>
    Effect.gen(function*() {
      const run = yield* fork(values(holds(1, 100)))
      yield* started(1)
      events.openAll()
      assert.deepStrictEqual(sorted(yield* Fiber.join(run)), range(1, 100))
    }))

  // CPython, test_wait.py: test_timeout
  claim(
    "waiting for all with a timeout gives those that are done, and leaves the rest running",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Mark | Hold>()
        yield* queue.push(hold(1))
        yield* queue.push(new Mark({ id: 2 }))
        yield* started(1)
        while ((yield* queue.size).ready === 0) yield* settle
        assert.deepStrictEqual((yield* queue.popMany({ timeout: 0 })).map(({ task }) => task.id), [2])
        assert.deepStrictEqual(events.interrupts, [])
        events.open(1)
        assert.strictEqual(yield* queue.pop(), 1)
      })
  )

  // dask.distributed, test_as_completed.py: test_as_completed_add, test_as_completed_update
  claim("tasks may be added for results while results are taken", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Add>()
      yield* Effect.forEach(range(0, 9), (n) => queue.push(new Add({ n })))
      let total = 0
      for (let open = 10; open > 0; open--) {
        const n = yield* queue.pop()
        total += n
        if (n <= 10 && n % 2 === 0) {
          yield* queue.push(new Add({ n: n + 100 }))
          open++
        }
      }
      assert.strictEqual(total, 55 + 5 * 101 + 30)
    }))

  // dask.distributed, test_as_completed.py: test_as_completed_with_results, test_as_completed_with_results_no_raise
  claim("execute raises the failure that results gives as a value", () =>
    Effect.gen(function*() {
      events.openAll()
      const tasks = [hold(1, "fail"), hold(2), hold(3)]
      const error = yield* Effect.flip(values(tasks))
      assert(error._tag === "TaskFailure" && error.reason._tag === "Failed")
      assert.strictEqual(error.reason.error.id, 1)
      const results = (yield* outcomes(tasks)).toSorted((a, b) => a.index - b.index)
      assert.deepStrictEqual(ends(results), ["Failed", "success", "success"])
      assert(Result.isSuccess(results[1].result))
      assert.strictEqual(results[1].result.success, 2)
    }))

  // Ray, test_actor_pool.py: test_get_next, test_map. p-map, test.js: async with concurrency: 2 (out of order time sequence)
  claim(
    "ordered results come in the order of the tasks, whichever completes first",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const { fiber, given } = yield* follow(Dispatcher.execute(holds(1, 4), { ordered: true, chunkSize: 1 }))
        events.open(2, 3, 4)
        yield* until(() => events.stops.length === 3)
        yield* settle
        assert.deepStrictEqual(given, [])
        events.open(1)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(given, [1, 2, 3, 4])
      })
  )

  // joblib, test_parallel.py: test_parallel_unordered_generator_returns_fastest_first
  // Ray, test_actor_pool.py: test_get_next_unordered, test_map_unordered
  claim("unordered, nine results come while the tenth task runs", { on: concurrent }, () =>
    Effect.gen(function*() {
      const tasks: ReadonlyArray<Mark | Hold> = [new Mark({ id: 1 }), hold(2), ...marks(3, 10)]
      const nine = yield* Dispatcher.execute(tasks).pipe(Stream.take(9), Stream.runCollect)
      assert.deepStrictEqual(sorted(nine), [1, ...range(3, 10)])
      assert.deepStrictEqual(events.interrupts, [2])
    }))

  // Ray, test_actor_pool.py: test_map_gh23107
  claim(
    "a slow task given before is neither among the results nor in their way",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const slow = yield* fork(Dispatcher.run(hold(6)))
        yield* started(6)
        for (const ordered of [true, false]) {
          assert.deepStrictEqual(sorted(yield* values(marks(1, 5), { ordered })), range(1, 5))
        }
        assert.isUndefined(slow.pollUnsafe())
        events.open(6)
        assert.strictEqual(yield* Fiber.join(slow), 6)
      })
  )

  // p-map, test.js: pMapIterable - index in mapper (out-of-order-settling promises)
  claim(
    "the index of a result is the place of its task, in whatever order tasks settle",
    { on: concurrent },
    () =>
      Effect.gen(function*() {
        const run = yield* fork(outcomes(holds(1, 6), { chunkSize: 1 }))
        for (let open = 0; open < 6; open++) {
          yield* until(() => events.running === Math.min(2, 6 - open))
          // The one that started last ends first.
          events.open(events.starts.findLast((id) => !events.stops.includes(id))!)
          yield* until(() => events.stops.length > open)
        }
        for (const { index, result } of yield* Fiber.join(run)) {
          assert(Result.isSuccess(result))
          assert.strictEqual(result.success, index + 1)
        }
      })
  )

  // joblib, test_parallel.py: test_multiple_generator_call_separated_gc
  claim(
    "a stream that is left stops its tasks, and the next one has all slots",
    ({ subject }) =>
      Effect.gen(function*() {
        const left = yield* fork(values(holds(1, 20)))
        yield* started(1)
        yield* Fiber.interrupt(left)
        assert.strictEqual(events.running, 0)
        const before = events.starts.length
        const next = yield* fork(values(holds(101, 100 + subject.slots), { chunkSize: 1 }))
        yield* started(...range(101, 100 + subject.slots))
        events.openAll()
        assert.deepStrictEqual(sorted(yield* Fiber.join(next)), range(101, 100 + subject.slots))
        assert.strictEqual(events.starts.length, before + subject.slots)
      })
  )

  // joblib, test_parallel.py: test_loky_reuse_workers. Ray, test_actor_pool.py: test_multiple_returns
  claim("one dispatcher serves many streams, one after the other", () =>
    Effect.gen(function*() {
      for (let round = 0; round < 10; round++) {
        assert.deepStrictEqual(sorted(yield* values(marks(1, 10))), range(1, 10))
      }
      const { executions } = yield* Dispatcher.status
      assert.strictEqual(executions, 0)
    }))
})
