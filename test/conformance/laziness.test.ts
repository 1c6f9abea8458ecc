/** Claims about the source of tasks: how far it is pulled ahead, when it is closed, and how its own errors end. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import {
  Dummy,
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
  topic,
  until,
  values
} from "./support/suite.ts"
import { Add, Flaky, type Hold, Mark, Sleep, Wrong } from "./support/tasks.ts"

/** A source that counts the tasks that are pulled, and knows whether it was closed. */
class Source<T> implements Iterable<T> {
  pulled = 0
  closed = false
  private readonly make: (n: number) => T
  private readonly length: number

  constructor(make: (n: number) => T, length = Infinity) {
    this.make = make
    this.length = length
  }

  *[Symbol.iterator](): Iterator<T> {
    try {
      while (this.pulled < this.length) yield this.make(++this.pulled)
    } finally {
      this.closed = true
    }
  }
}

const adds = (length?: number) => new Source((n) => new Add({ n }), length)

/** Throws instead of giving task number `at`, counted from 0. */
const throwing = function*(at: number, length: number): Iterable<Mark> {
  for (let i = 0; i < length; i++) {
    if (i === at) throw new RangeError(`the source threw at ${i}`)
    yield new Mark({ id: i + 1 })
  }
}

topic("laziness", (claim) => {
  for (const bufferSize of [0, -1, NaN, 2.5]) {
    // CPython, executor.py: test_map_buffersize_value_validation, test_map_buffersize_type_validation
    claim(
      `a bufferSize of ${bufferSize} is a defect that names it`,
      { on: only(FiberByReference) },
      () => failsWith(values(marks(1, 4), { bufferSize }), "bufferSize")
    )
  }

  for (const bufferSize of [1, 2, 4, 8]) {
    // CPython, executor.py: test_map_buffersize
    claim(`a bufferSize of ${bufferSize} for four tasks gives all results in order`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* values(marks(1, 4), { bufferSize, ordered: true }), [1, 2, 3, 4])
      }))
  }

  // CPython, executor.py: test_map_buffersize_on_infinite_iterable
  claim("an infinite source is pulled no further than the bound, and closed", ({ subject }) =>
    Effect.gen(function*() {
      const source = adds()
      const taken = yield* Dispatcher.execute(source, { bufferSize: 2, ordered: true }).pipe(
        Stream.take(3),
        Stream.runCollect
      )
      assert.deepStrictEqual(taken, [2, 3, 4])
      assert.isAtMost(source.pulled, 3 + 2 + subject.slots)
      assert.isTrue(source.closed)
    }))

  for (const bufferSize of [1, 3, 10]) {
    // CPython, executor.py: test_map_buffersize_when_buffer_is_full. joblib, test_parallel.py: test_dispatch_multiprocessing
    // p-map, test.js: pMapIterable - backpressure
    claim(`a consumer that stands still has the source pulled to a bufferSize of ${bufferSize} and the slots`, (
      { subject }
    ) =>
      Effect.gen(function*() {
        const source = adds(100)
        let taken = 0
        const stream = yield* fork(
          Dispatcher.execute(source, { bufferSize }).pipe(
            Stream.rechunk(1),
            Stream.runForEach(() => Effect.suspend(() => ++taken === 1 ? Effect.never : Effect.void))
          )
        )
        yield* until(() => taken === 1)
        yield* flush
        assert.isAtMost(source.pulled, bufferSize + subject.slots)
        assert.isAtLeast(source.pulled, Math.min(2, bufferSize))
        yield* Fiber.interrupt(stream)
        assert.isTrue(source.closed)
      }))
  }

  // Ray, test_actor_pool.py: test_map_eager. CPython, test_thread_pool.py: test_map_submits_without_iteration
  // Both start the work when the iterator is made; a stream starts it when it is run.
  claim("making a stream pulls nothing and starts nothing", () =>
    Effect.gen(function*() {
      const source = adds(10)
      const stream = Dispatcher.execute(source)
      yield* flush
      assert.strictEqual(source.pulled, 0)
      assert.strictEqual((yield* Stream.runCollect(stream)).length, 10)
    }))

  // CPython, test_thread_pool.py: test_map_submits_without_iteration
  claim("what is within the buffer is run while the consumer does not take", () =>
    Effect.gen(function*() {
      let blocked = false
      const stream = yield* fork(
        Dispatcher.execute(marks(1, 10)).pipe(
          Stream.runForEach(() =>
            Effect.suspend(() => {
              blocked = true
              return Effect.never
            })
          )
        )
      )
      yield* until(() => blocked && events.stops.length === 10)
      assert.deepStrictEqual(sorted(events.stops), range(1, 10))
      yield* Fiber.interrupt(stream)
    }))

  // joblib, test_parallel.py: test_dispatch_one_job
  claim(
    "with one slot and the smallest bounds, tasks are produced as they are consumed",
    { on: only(Dummy) },
    () =>
      Effect.gen(function*() {
        let ahead = 0
        const source = new Source((n) => {
          ahead = Math.max(ahead, n - events.stops.length)
          return new Mark({ id: n })
        }, 6)
        const results = yield* values(source, { chunkSize: 1, bufferSize: 1 })
        assert.deepStrictEqual(results, range(1, 6))
        assert.deepStrictEqual(events.starts, range(1, 6))
        assert.isAtMost(ahead, 1 + 1)
      })
  )

  for (const at of [0, 5, 19]) {
    // joblib, test_parallel.py: test_error_in_task_iterator
    // p-map, test.js: catches exception from source iterator - 1st item, 2nd item
    claim(
      `a source that throws at task ${at} ends with that defect, after the outcomes before it`,
      () =>
        Effect.gen(function*() {
          const given: Array<number> = []
          const stream = Dispatcher.execute(throwing(at, 20)).pipe(
            Stream.runForEach((id) => Effect.sync(() => void given.push(id)))
          )
          yield* failsWith(stream, `the source threw at ${at}`)
          assert.deepStrictEqual(sorted(given), range(1, at))
        })
    )
  }

  // p-map, test.js: catches exception from source iterator - 2nd item after 1st item mapper throw
  claim("a source that throws after a task has failed ends with its own defect", () =>
    Effect.gen(function*() {
      const source = function*() {
        yield new Wrong({ how: "throw", id: 1 })
        throw new RangeError("the source threw")
      }
      const given: Array<string> = []
      const stream = Dispatcher.results(source()).pipe(
        Stream.runForEach((result) => Effect.sync(() => void given.push(...ends([result]))))
      )
      yield* failsWith(stream, "the source threw")
      assert.deepStrictEqual(given, ["Defect"])
    }))

  // p-map, test.js: pMapIterable - iterable that throws (an asynchronous one)
  claim("a stream of tasks that fails ends with its error, after the outcomes before it", () =>
    Effect.gen(function*() {
      const source = Stream.concat(Stream.fromIterable(marks(1, 10)), Stream.fail("the source failed" as const))
      const given: Array<number> = []
      const error = yield* Dispatcher.execute(source).pipe(
        Stream.runForEach((id) => Effect.sync(() => void given.push(id))),
        Effect.flip
      )
      assert.strictEqual(error, "the source failed")
      assert.deepStrictEqual(sorted(given), range(1, 10))
    }))

  // p-map, test.js: asyncIterator - main, asyncIterator - concurrency: 4
  claim(
    "a stream of tasks that takes its time gives all results",
    { on: inProcess },
    ({ subject }) =>
      Effect.gen(function*() {
        const source = Stream.fromIterable(marks(1, 20)).pipe(Stream.tap(() => Effect.sleep(10)))
        const run = yield* fork(Stream.runCollect(Dispatcher.execute(source)))
        assert.deepStrictEqual(sorted(yield* inTime(subject, run, 10)), range(1, 20))
        assert.isAtMost(events.peak, subject.slots)
      })
  )

  // p-map, test.js: pMapIterable - async input, backpressure > concurrency
  claim(
    "with one slot a task ends before the next starts",
    { on: only(Dummy) },
    ({ subject }) =>
      Effect.gen(function*() {
        const tasks = range(1, 3).map((id) => new Sleep({ id, millis: 100 }))
        const run = yield* fork(Stream.runDrain(Dispatcher.execute(Stream.fromIterable(tasks), { bufferSize: 2 })))
        yield* inTime(subject, run, 100)
        assert.deepStrictEqual(events.ofTasks, ["start 1", "stop 1", "start 2", "stop 2", "start 3", "stop 3"])
      })
  )

  // CPython, executor.py: test_map_close
  for (const chunkSize of [1, 3] as const) {
    claim(
      `leaving a stream early, in chunks of ${chunkSize}, closes its source and ends its tasks`,
      ({ subject }) =>
        Effect.gen(function*() {
          const source = new Source<Mark | Hold>((n) => n === 1 ? new Mark({ id: 1 }) : hold(n), 50)
          const first = yield* Dispatcher.execute(source, { chunkSize }).pipe(Stream.take(1), Stream.runCollect)
          assert.deepStrictEqual(first, [1])
          assert.isTrue(source.closed)
          assert.strictEqual(events.running, 0)
          const before = events.starts.length
          yield* flush
          assert.strictEqual(events.starts.length, before)
          assert.isAtMost(before, 1 + subject.slots)
        })
    )
  }

  // CPython, test_thread_pool.py: test_executor_map_current_future_cancel
  claim("tasks of a stream that was left before they could start never start", ({ subject }) =>
    Effect.gen(function*() {
      const busy = yield* fork(values(holds(1, subject.slots), { chunkSize: 1 }))
      yield* full(subject)
      const stream = yield* fork(values(holds(101, 110)))
      yield* settle
      yield* Fiber.interrupt(stream)
      events.openAll()
      yield* Fiber.join(busy)
      yield* flush
      assert.deepStrictEqual(sorted(events.starts), range(1, subject.slots))
    }))

  // Effect, Stream.test.ts: take - taking 0 short-circuits stream evaluation
  claim("taking no result of a stream starts nothing", () =>
    Effect.gen(function*() {
      const source = new Source((n) => new Mark({ id: n }), 10)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(Dispatcher.execute(source), 0)), [])
      yield* flush
      assert.deepStrictEqual(events.starts, [])
    }))

  // p-map, test.js: incorrect input type
  claim(
    "a source that is neither an iterable nor a stream is a defect",
    { on: inProcess },
    () => failsWith(Effect.suspend(() => values(123_456 as unknown as ReadonlyArray<Mark>)), ".")
  )

  // dask.distributed, test_as_completed.py: test_as_completed_with_non_futures
  claim(
    "something that is not a task ends the stream with a defect that shows it",
    () => failsWith(values([new Mark({ id: 1 }), 42 as unknown as Mark]), "not a task: 42")
  )

  // dask.distributed, test_as_completed.py: test_as_completed_with_non_futures
  claim(
    "what comes after something that is not a task is not run, while an earlier task is tried again",
    { on: only(Dummy, FiberByReference) },
    ({ subject }) =>
      Effect.gen(function*() {
        const tasks = [new Flaky({ id: 1, failures: 2 }), 42, ...marks(2, 3)] as ReadonlyArray<Flaky | Mark>
        const retry = { schedule: Schedule.spaced("1 second"), times: 5 }
        const run = yield* fork(Effect.exit(outcomes(tasks, { retry })))
        assert.isTrue(Exit.isFailure(yield* inTime(subject, run)))
        assert.deepStrictEqual(events.starts.filter((id) => id !== 1), [])
      })
  )

  // Effect, Stream.test.ts: mapEffect, whose source runs in one fiber
  claim(
    "what a stream of tasks forks lives as long as the stream",
    { on: only(FiberByReference) },
    ({ subject }) =>
      Effect.gen(function*() {
        let ran = false
        const background = Effect.andThen(Effect.sleep(20), Effect.sync(() => void (ran = true)))
        const source = Stream.fromIterable(marks(1, 3)).pipe(
          Stream.rechunk(1),
          Stream.tap(({ id }) => id === 1 ? Effect.forkChild(background) : Effect.sleep(15))
        )
        const run = yield* fork(Stream.runCollect(Dispatcher.execute(source)))
        yield* inTime(subject, run, 5)
        assert.isTrue(ran)
      })
  )

  // CPython, test_thread_pool.py: test_executor_map_current_future_cancel, which expects a timeout of such a call.
  // Its clock does not run while others have all slots.
  claim(
    "the idle timeout does not count while all slots are held by others",
    { on: only(FiberByReference), own: { concurrency: 1 } },
    () =>
      Effect.gen(function*() {
        const busy = yield* fork(values(holds(1, 1)))
        yield* until(() => events.running === 1)
        const stream = yield* fork(endOf(values([new Mark({ id: 2 })], { idleTimeout: "1 second" })))
        yield* settle
        yield* TestClock.adjust("1 minute")
        events.openAll()
        yield* Fiber.join(busy)
        assert.strictEqual(yield* Fiber.join(stream), "success")
      })
  )
})
