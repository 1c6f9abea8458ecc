/** Claims about queues of tasks: popped outcomes, when a push waits, the contents of a queue, how it ends. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Queue from "papyros/Queue"
import type * as Task from "papyros/Task"
import {
  Dummy,
  endOf,
  ends,
  events,
  FiberByReference,
  FiberWithCodecs,
  flush,
  fork,
  full,
  hold,
  holds,
  inProcess,
  marks,
  OneThread,
  only,
  range,
  settle,
  sorted,
  topic,
  turn,
  WorkerPool
} from "./support/suite.ts"
import { Add, type Hold, Mark, Wrong } from "./support/tasks.ts"

/** Waits until so many outcomes are ready. */
const ready = <T extends Task.Any>(queue: Queue.TaskQueue<T>, count: number): Effect.Effect<void> =>
  Effect.flatMap(queue.size, (size) => size.ready >= count ? Effect.void : Effect.andThen(turn, ready(queue, count)))

const ids = (results: ReadonlyArray<Dispatcher.TaskResult<Mark | Hold | Wrong>>) => results.map(({ task }) => task.id)

const oneSlot = only(Dummy, OneThread)

topic("queues", (claim) => {
  // dask.distributed, test_queues.py: test_queue, test_queue_with_data
  claim("what was pushed is popped, and then nothing", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      yield* queue.push(new Mark({ id: 1 }))
      assert.strictEqual(yield* queue.pop(), 1)
      assert.strictEqual(yield* endOf(queue.pop({ timeout: 0 })), "DispatchTimeout")
    }))

  // dask.distributed, test_queues.py: test_get_many. Effect, Queue.test.ts: takeN
  claim("popMany takes all that is ready, or at most so many", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      yield* Effect.forEach(marks(1, 5), (task) => queue.push(task))
      yield* ready(queue, 5)
      assert.strictEqual((yield* queue.popMany({ max: 2 })).length, 2)
      assert.strictEqual((yield* queue.popMany({ timeout: 0 })).length, 3)
      assert.deepStrictEqual(yield* queue.popMany({ timeout: 0 }), [])
    }))

  // dask.distributed, test_queues.py: test_timeout
  claim(
    "pop and push fail when their time is up, not before",
    { on: inProcess },
    ({ subject }) =>
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Hold>({ capacity: 1 })
        const pop = yield* fork(endOf(queue.pop({ timeout: 300 })))
        yield* TestClock.adjust(299)
        assert.isUndefined(pop.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* Fiber.join(pop), "DispatchTimeout")
        yield* Effect.forEach(holds(1, 1 + subject.slots), (task) => queue.push(task))
        const push = yield* fork(endOf(queue.push(hold(100), { timeout: 300 })))
        yield* TestClock.adjust(299)
        assert.isUndefined(push.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* Fiber.join(push), "DispatchTimeout")
        events.openAll()
        yield* queue.end
        assert.strictEqual((yield* Stream.runCollect(queue.toStream)).length, 1 + subject.slots)
        assert.notInclude(events.starts, 100)
      })
  )

  // dask.distributed, test_queues.py: test_race
  claim("five that pop and push at once lose nothing and double nothing", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Add>()
      yield* Effect.forEach(range(0, 4), (n) => queue.push(new Add({ n })))
      const work = Effect.gen(function*() {
        for (let i = 0; i < 40; i++) yield* queue.push(new Add({ n: yield* queue.pop() }))
        return yield* queue.pop()
      })
      const last = yield* Effect.all(range(1, 5).map(() => work), { concurrency: "unbounded" })
      assert.strictEqual(last.reduce((a, b) => a + b), 0 + 1 + 2 + 3 + 4 + 5 + 5 * 40)
      assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: 0 })
    }))

  // dask.distributed, test_queues.py: test_erred_future, test_Future_knows_status_immediately
  // BullMQ, async_fifo_queue.test.ts: handles a promise that rejects
  claim(
    "a pop fails with the failure of its task, and the next pop goes on",
    { on: oneSlot },
    () =>
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Mark | Wrong>()
        yield* queue.push(new Wrong({ how: "throw", id: 1 }))
        yield* queue.push(new Mark({ id: 2 }))
        const error = yield* Effect.flip(queue.pop())
        assert(error._tag === "TaskFailure")
        assert.strictEqual(error.task.id, 1)
        assert.strictEqual(error.reason._tag, "Defect")
        assert.strictEqual(yield* queue.pop(), 2)
      })
  )

  // dask.distributed, test_queues.py: test_close
  claim("a queue may be closed and ended twice", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      yield* queue.end
      yield* queue.end
      yield* queue.close
      yield* queue.close
      yield* queue.end
      assert.strictEqual(yield* endOf(queue.push(new Mark({ id: 1 }))), "QueueClosed")
    }))

  // dask.distributed, test_queues.py: test_same_futures
  claim("the same task pushed five times has five outcomes", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      const task = new Mark({ id: 1 })
      for (let i = 0; i < 5; i++) yield* queue.push(task)
      yield* queue.end
      const results = yield* Stream.runCollect(queue.toStream)
      assert.deepStrictEqual(sorted(results.map(({ index }) => index)), range(0, 4))
      for (const result of results) assert.strictEqual(result.task, task)
    }))

  // dask.distributed, test_queues.py: test_2220
  claim("a pop may come before the push", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      const pops = yield* Effect.forEach(range(1, 3), () => fork(queue.pop()))
      yield* settle
      yield* Effect.forEach(marks(1, 3), (task) => queue.push(task))
      assert.deepStrictEqual(sorted(yield* Effect.forEach(pops, Fiber.join)), [1, 2, 3])
    }))

  // dask.distributed, test_as_completed.py: test_as_completed_is_empty. Piscina, task-queue.ts: will put items into a task queue until they can run
  claim("the size of a queue counts what waits, what runs and what is ready", ({ subject }) =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Hold>()
      assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: 0 })
      yield* Effect.forEach(holds(1, subject.slots), (task) => queue.push(task))
      yield* full(subject)
      while ((yield* queue.size).running < subject.slots) yield* turn
      assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: subject.slots, ready: 0 })
      events.openAll()
      yield* ready(queue, subject.slots)
      assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: subject.slots })
      yield* queue.popMany({ timeout: 0 })
      assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: 0 })
    }))

  // Piscina, task-queue.ts: will put items into a task queue until they can run. workerpool, Pool.test.js: should return statistics
  claim("the size and the status agree about what waits behind full slots", {
    on: only(FiberByReference)
  }, (
    { subject }
  ) =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Hold>()
      yield* Effect.forEach(holds(1, 40), (task) => queue.push(task))
      const runs = yield* Effect.forEach(holds(101, 140), (task) => fork(Dispatcher.run(task)))
      yield* full(subject)
      const size = yield* queue.size
      const { running, waiting } = yield* Dispatcher.status
      assert.deepStrictEqual({ running, waiting }, { running: subject.slots, waiting: 80 - subject.slots })
      assert.strictEqual(size.waiting + size.running, 40)
      events.openAll()
      yield* Effect.forEach(runs, Fiber.join)
      yield* queue.close
    }))

  // Piscina, task-queue.ts: will reject items over task queue limit. workerpool, Pool.test.js: should throw an error when the tasks queue is full
  claim(
    "a push on a dispatcher that is full fails at once if it may not wait, and goes through when a task ends",
    { on: only(FiberByReference, FiberWithCodecs, WorkerPool), own: { capacity: 2 } },
    ({ subject }) =>
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Hold>()
        let pushed = 0
        const pushing = yield* fork(
          Effect.forEach(holds(1, 10), (task) => Effect.map(queue.push(task), () => ++pushed))
        )
        yield* full(subject)
        while (pushed < 2 + subject.slots) yield* turn
        yield* settle
        // One more may always be accepted for each queue.
        assert.isAtMost(pushed, 2 + subject.slots + 1)
        assert.strictEqual(yield* endOf(queue.push(hold(11), { timeout: 0 })), "DispatchTimeout")
        events.openAll()
        yield* Fiber.join(pushing)
        yield* queue.end
        assert.deepStrictEqual(sorted(ids(yield* Stream.runCollect(queue.toStream))), range(1, 10))
      })
  )

  // Piscina, post-task.ts: Piscina exposes/emits needsDrain to true when capacity is exceeded. Effect, Queue.test.ts: bounded offerAll waits until capacity is released
  claim("a push that waits goes through when a result was popped", { on: oneSlot }, () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>({ capacity: 1 })
      let pushed = 0
      const pushing = yield* fork(Effect.forEach(marks(1, 6), (task) => Effect.map(queue.push(task), () => ++pushed)))
      for (let popped = 0; popped < 6; popped++) {
        yield* ready(queue, 1)
        yield* settle
        assert.isAtMost(pushed, popped + 1 + 1)
        assert.strictEqual(yield* queue.pop(), popped + 1)
      }
      yield* Fiber.join(pushing)
    }))

  // Piscina, fixed-queue.ts: queue length should not become negative. Effect, Queue.test.ts: offerAll can be interrupted
  claim("pushes and pops that are interrupted leave the size as it was", ({ subject }) =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Hold>({ capacity: 1 })
      for (const pop of yield* Effect.forEach(range(1, 5), () => fork(queue.pop()))) yield* Fiber.interrupt(pop)
      yield* Effect.forEach(holds(1, 1 + subject.slots), (task) => queue.push(task))
      for (const push of yield* Effect.forEach(holds(101, 105), (task) => fork(queue.push(task)))) {
        yield* Fiber.interrupt(push)
      }
      events.openAll()
      yield* queue.end
      assert.deepStrictEqual(sorted(ids(yield* Stream.runCollect(queue.toStream))), range(1, 1 + subject.slots))
      assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: 0 })
    }))

  // Effect, Queue.test.ts: end, end with take, fail drains buffered values before failing takers
  claim("the end still gives what was pushed, then tells those that wait", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      yield* Effect.forEach(marks(1, 3), (task) => queue.push(task))
      const pops = yield* Effect.forEach(range(1, 5), () => fork(Effect.result(queue.pop())))
      yield* queue.end
      const results = yield* Effect.forEach(pops, Fiber.join)
      const popped = results.flatMap((result) => Result.isSuccess(result) ? [result.success] : [])
      const failed = results.flatMap((result) => Result.isFailure(result) ? [result.failure._tag] : [])
      assert.deepStrictEqual(sorted(popped), [1, 2, 3])
      assert.deepStrictEqual(failed, ["QueueClosed", "QueueClosed"])
    }))

  // Effect, Queue.test.ts: shutdown. dask.distributed, test_as_completed.py: test_clear
  claim(
    "closing interrupts what runs, starts nothing more, and drops what is ready",
    ({ subject }) =>
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Mark | Hold>()
        yield* Effect.forEach(marks(1, 3), (task) => queue.push(task))
        yield* ready(queue, 3)
        yield* Effect.forEach(holds(11, 30), (task) => queue.push(task))
        yield* full(subject)
        yield* queue.close
        assert.strictEqual(events.running, 0)
        assert.strictEqual(yield* endOf(queue.pop({ timeout: 0 })), "QueueClosed")
        yield* flush
        assert.strictEqual(events.starts.length, 3 + subject.slots)
      })
  )

  // Effect, Queue.test.ts: collect does not duplicate messages
  claim("two streams of one queue share its outcomes", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>({ capacity: 2 })
      const streams = yield* Effect.forEach([1, 2], () => fork(Stream.runCollect(queue.toStream)))
      yield* Effect.forEach(marks(1, 50), (task) => queue.push(task))
      yield* queue.end
      const parts = yield* Effect.forEach(streams, Fiber.join)
      assert.deepStrictEqual(sorted(ids(parts.flat())), range(1, 50))
    }))

  // Effect, PersistedQueueTest.ts: interrupt, does not redeliver in-flight elements
  claim("a pop that is interrupted takes nothing with it", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>()
      const popped: Array<number> = []
      for (const id of range(1, 20)) {
        const pop = yield* fork(Effect.map(queue.pop(), (value) => void popped.push(value)))
        yield* queue.push(new Mark({ id }))
        if (id % 2 === 0) yield* settle
        yield* Fiber.interrupt(pop)
      }
      yield* queue.end
      popped.push(...ids(yield* Stream.runCollect(queue.toStream)))
      assert.deepStrictEqual(sorted(popped), range(1, 20))
    }))

  // workerpool, Pool.test.js: should process tasks in FIFO order with fifo strategy, Queues.test.js: should pop tasks in FIFO order
  // BullMQ, worker.test.ts: process several jobs serially
  claim(
    "with one slot tasks start, and are popped, in the order of the pushes",
    { on: oneSlot },
    () =>
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Mark>()
        yield* Effect.forEach(marks(1, 30), (task) => queue.push(task))
        yield* queue.end
        assert.deepStrictEqual(ids(yield* Stream.runCollect(queue.toStream)), range(1, 30))
        assert.deepStrictEqual(events.starts, range(1, 30))
      })
  )

  // BullMQ, async_fifo_queue.test.ts: add several promises while fetching them concurrently
  claim("results are popped while tasks are pushed", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark>({ capacity: 3 })
      const [popped] = yield* Effect.all([
        Effect.forEach(range(1, 100), () => queue.pop()),
        Effect.forEach(marks(1, 100), (task) => queue.push(task))
      ], { concurrency: "unbounded" })
      assert.deepStrictEqual(sorted(popped), range(1, 100))
    }))

  // dask.distributed, test_queues.py: test_hold_futures
  claim("a queue belongs to its scope, not to the fiber that pushed", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark | Hold>()
      yield* Effect.scoped(Effect.flatMap(Effect.forkScoped(queue.push(hold(1))), Fiber.join))
      yield* settle
      events.openAll()
      assert.strictEqual(yield* queue.pop(), 1)
      assert.deepStrictEqual(events.interrupts, [])
      const own = yield* Effect.scoped(Dispatcher.makeQueue<Mark>())
      assert.strictEqual(yield* endOf(own.push(new Mark({ id: 2 }))), "QueueClosed")
    }))

  // dask.distributed, test_as_completed.py: test_as_completed_with_results_no_raise
  claim("popMany gives failures as values", { on: oneSlot }, () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Mark | Wrong>()
      yield* Effect.forEach([new Mark({ id: 1 }), new Wrong({ how: "die", id: 2 }), new Mark({ id: 3 })], (task) =>
        queue.push(task))
      yield* ready(queue, 3)
      assert.deepStrictEqual(ends(yield* queue.popMany({ timeout: 0 })), ["success", "Defect", "success"])
    }))
})
