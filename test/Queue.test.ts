import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import type * as Queue from "papyros/Queue"
import * as RoutedDispatcher from "papyros/RoutedDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { pass, settle, untilEnded } from "./support/time.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { n: Schema.Int }) {}

/** Ends after `millis` with `n`, or with `Refused` where it is negative. */
class Work extends Task.Class<Work>()("Work", {
  payload: { n: Schema.Int, millis: Schema.Int },
  success: Schema.Int,
  error: Refused
}) {}

const Tasks = TaskGroup.make(Work)
const work = (n: number, millis = 0) => new Work({ n, millis })

const handlers = Tasks.toLayer({
  Work: ({ millis, n }) => {
    const outcome = n < 0 ? Effect.fail(new Refused({ n })) : Effect.succeed(n)
    return millis === 0 ? outcome : Effect.andThen(Effect.sleep(millis), outcome)
  }
})

const dispatchers = {
  Dummy: DummyDispatcher.layer(Tasks).pipe(Layer.provide(handlers)),
  "Fiber with one slot": FiberDispatcher.layer(Tasks, { concurrency: 1 }).pipe(Layer.provide(handlers))
}

const numberOf = ({ result }: Dispatcher.TaskResult<Work>) => Result.isSuccess(result) ? result.success : undefined
const numbers = (results: ReadonlyArray<Dispatcher.TaskResult<Work>>) => results.map(numberOf)

/** Forks an effect and lets it run as far as it can without time passing. */
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Pushes tasks that end at once, and waits until their outcomes are ready. */
const ready = (queue: Queue.TaskQueue<Work>, ...all: ReadonlyArray<number>) =>
  Effect.andThen(Effect.forEach(all, (n) => queue.push(work(n))), settle)

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ _tag }) => _tag)

for (const [name, layer] of Object.entries(dispatchers)) {
  const test = <E>(title: string, program: Effect.Effect<void, E, Dispatcher.Dispatcher>) =>
    it.effect(title, () => Effect.provide(program, layer))

  describe(`Queue on ${name}`, () => {
    test(
      "waiting pushes succeed in the order of their calls",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 1 })
        // One ready result, and one task in the only slot.
        yield* ready(queue, 0, 1)
        const through: Array<number> = []
        const pushes = yield* Effect.forEach(
          [2, 3, 4],
          (n) => start(Effect.andThen(queue.push(work(n)), Effect.sync(() => through.push(n))))
        )
        const popped: Array<number> = []
        for (const expected of [[], [2], [2, 3], [2, 3, 4]]) {
          yield* settle
          assert.deepStrictEqual(through, expected)
          popped.push(yield* queue.pop())
        }
        yield* Effect.forEach(pushes, Fiber.join)
        popped.push(yield* queue.pop())
        assert.deepStrictEqual(popped, [0, 1, 2, 3, 4])
      }).pipe(Effect.scoped)
    )

    test(
      "waiting pops of all kinds are served in the order of their calls",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        const first = yield* start(queue.pop())
        const two = yield* start(queue.popMany({ max: 2, timeout: "1 hour" }))
        const last = yield* start(queue.pop())
        yield* ready(queue, 0, 1, 2, 3)
        assert.strictEqual(yield* Fiber.join(first), 0)
        assert.deepStrictEqual(numbers(yield* Fiber.join(two)), [1, 2])
        assert.strictEqual(yield* Fiber.join(last), 3)
      }).pipe(Effect.scoped)
    )

    test(
      "a timeout of 0 pushes or pops only if that is possible at once",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 1 })
        const nothing = yield* Effect.flip(queue.pop({ timeout: 0 }))
        assert(nothing._tag === "DispatchTimeout")
        assert.strictEqual(nothing.operation, "pop")
        assert.strictEqual(Duration.toMillis(nothing.duration), 0)
        assert.deepStrictEqual(yield* queue.popMany({ timeout: 0 }), [])
        yield* queue.push(work(0), { timeout: 0 })
        yield* queue.push(work(1), { timeout: 0 })
        yield* settle
        const full = yield* Effect.flip(queue.push(work(2), { timeout: 0 }))
        assert(full._tag === "DispatchTimeout")
        assert.strictEqual(full.operation, "push")
        assert.strictEqual(yield* queue.pop({ timeout: 0 }), 0)
        assert.deepStrictEqual(numbers(yield* queue.popMany({ timeout: 0 })), [1])
      }).pipe(Effect.scoped)
    )

    test(
      "a push that timed out was not pushed, and the one behind it goes on waiting",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 1 })
        yield* ready(queue, 0, 1)
        const late = yield* start(Effect.flip(queue.push(work(2), { timeout: "1 second" })))
        const patient = yield* start(queue.push(work(3)))
        yield* TestClock.adjust("1 second")
        const timeout = yield* Fiber.join(late)
        assert(timeout._tag === "DispatchTimeout")
        assert.strictEqual(Duration.toMillis(timeout.duration), 1000)
        assert.isUndefined(patient.pollUnsafe())
        assert.strictEqual(yield* queue.pop(), 0)
        yield* Fiber.join(patient)
        assert.strictEqual(yield* queue.pop(), 1)
        assert.strictEqual(yield* queue.pop(), 3)
      }).pipe(Effect.scoped)
    )

    test(
      "an interrupted push was not pushed, an interrupted pop takes nothing",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 1 })
        const pop = yield* start(queue.pop())
        yield* Fiber.interrupt(pop)
        yield* ready(queue, 0, 1)
        const push = yield* start(queue.push(work(2)))
        yield* Fiber.interrupt(push)
        yield* queue.end
        assert.deepStrictEqual(numbers(yield* Stream.runCollect(queue.toStream)), [0, 1])
      }).pipe(Effect.scoped)
    )

    test(
      "the end fails later and waiting pushes, and still delivers the outcomes of pushed tasks",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 1 })
        yield* queue.push(work(0, 10))
        yield* queue.push(work(1, 10))
        const waiting = yield* start(tagOf(queue.push(work(2))))
        yield* queue.end
        assert.strictEqual(yield* Fiber.join(waiting), "QueueClosed")
        assert.strictEqual(yield* tagOf(queue.push(work(3))), "QueueClosed")
        // More pops than there are outcomes left: the last one has none.
        const pops = yield* Effect.forEach([0, 1], () => start(queue.pop()))
        const none = yield* start(tagOf(queue.pop()))
        const many = yield* start(tagOf(queue.popMany({ timeout: "1 hour" })))
        yield* pass(20)
        assert.deepStrictEqual(yield* Effect.forEach(pops, Fiber.join), [0, 1])
        assert.strictEqual(yield* Fiber.join(none), "QueueClosed")
        assert.strictEqual(yield* Fiber.join(many), "QueueClosed")
        assert.deepStrictEqual(yield* Stream.runCollect(queue.toStream), [])
        yield* queue.end
      }).pipe(Effect.scoped)
    )

    test(
      "popMany does not wait out its timeout for a queue that has ended",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        yield* ready(queue, 0, 1)
        const many = yield* start(queue.popMany({ timeout: "1 hour" }))
        yield* queue.end
        assert.deepStrictEqual(numbers(yield* Fiber.join(many)), [0, 1])
      }).pipe(Effect.scoped)
    )

    test(
      "closing fails the calls that wait on the queue, interrupts running tasks, and starts no more",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 1 })
        const pop = yield* start(tagOf(queue.pop()))
        const many = yield* start(tagOf(queue.popMany({ timeout: "1 hour" })))
        const stream = yield* start(Stream.runCollect(queue.toStream))
        yield* queue.push(work(0, 1000))
        yield* queue.push(work(1, 1000))
        const push = yield* start(tagOf(queue.push(work(2))))
        yield* queue.close
        assert.deepStrictEqual(
          [yield* Fiber.join(pop), yield* Fiber.join(many), yield* Fiber.join(push)],
          ["QueueClosed", "QueueClosed", "QueueClosed"]
        )
        assert.deepStrictEqual(yield* Fiber.join(stream), [])
        const { failed, executions, running, succeeded, waiting } = yield* Dispatcher.status
        assert.deepStrictEqual({ failed, executions, running, succeeded, waiting }, {
          failed: 0,
          executions: 0,
          running: 0,
          succeeded: 0,
          waiting: 0
        })
        assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: 0 })
        yield* queue.close
      }).pipe(Effect.scoped)
    )

    test(
      "closing drops ready outcomes",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        yield* ready(queue, 0, 1)
        assert.deepStrictEqual(yield* queue.size, { waiting: 0, running: 0, ready: 2 })
        yield* queue.close
        assert.strictEqual(yield* tagOf(queue.pop()), "QueueClosed")
        assert.strictEqual(yield* tagOf(queue.popMany({ timeout: 0 })), "QueueClosed")
      }).pipe(Effect.scoped)
    )

    test(
      "the scope of a queue closes it",
      Effect.gen(function*() {
        const queue = yield* Effect.scoped(Effect.tap(Dispatcher.makeQueue<Work>(), (queue) => ready(queue, 0)))
        assert.strictEqual(yield* tagOf(queue.pop()), "QueueClosed")
        assert.strictEqual((yield* Dispatcher.status).executions, 0)
      })
    )

    test(
      "popMany takes at most max, and without a timeout waits for the first only",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        yield* ready(queue, 0, 1, 2, 3, 4)
        assert.deepStrictEqual(numbers(yield* queue.popMany({ max: 2 })), [0, 1])
        assert.deepStrictEqual(numbers(yield* queue.popMany({ max: 2, timeout: "1 hour" })), [2, 3])
        assert.deepStrictEqual(numbers(yield* queue.popMany({ max: 2 })), [4])
        const first = yield* start(queue.popMany({ max: 2 }))
        assert.isUndefined(first.pollUnsafe())
        yield* ready(queue, 5)
        assert.deepStrictEqual(numbers(yield* Fiber.join(first)), [5])
      }).pipe(Effect.scoped)
    )

    test(
      "popMany with a timeout waits until max is there or the time is up",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        yield* ready(queue, 0)
        const three = yield* start(queue.popMany({ max: 3, timeout: "1 hour" }))
        yield* TestClock.adjust("59 minutes")
        assert.isUndefined(three.pollUnsafe())
        yield* ready(queue, 1, 2, 3)
        assert.deepStrictEqual(numbers(yield* Fiber.join(three)), [0, 1, 2])
        const short = yield* start(queue.popMany({ max: 3, timeout: "1 hour" }))
        yield* ready(queue, -4)
        yield* TestClock.adjust("1 hour")
        const [third, failed, ...rest] = yield* Fiber.join(short)
        assert.strictEqual(numberOf(third), 3)
        assert(Result.isFailure(failed.result))
        assert.strictEqual(failed.result.failure.reason._tag, "Failed", "a task that fails does not fail popMany")
        assert.strictEqual(failed.index, 4)
        assert.deepStrictEqual(rest, [])
      }).pipe(Effect.scoped)
    )

    test(
      "an interrupted popMany leaves its outcomes to the next call, in order",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        yield* ready(queue, 0, 1)
        const many = yield* start(queue.popMany({ max: 3, timeout: "1 hour" }))
        const next = yield* start(queue.popMany({ max: 1 }))
        assert.isUndefined(next.pollUnsafe())
        yield* Fiber.interrupt(many)
        assert.deepStrictEqual(numbers(yield* Fiber.join(next)), [0])
        yield* ready(queue, 2)
        assert.deepStrictEqual(numbers(yield* queue.popMany()), [1, 2])
      }).pipe(Effect.scoped)
    )

    test(
      "a stream that ends early leaves the rest to others, and the queue its credits",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 4 })
        yield* ready(queue, 0, 1, 2, 3, 4)
        assert.deepStrictEqual(numbers(yield* Stream.runCollect(Stream.take(queue.toStream, 1))), [0])
        yield* settle
        assert.deepStrictEqual(numbers(yield* queue.popMany()), [1, 2, 3, 4])
        // Four ready results and one task in the slot, as when it was new.
        yield* Effect.forEach([5, 6, 7, 8, 9], (n) => queue.push(work(n), { timeout: 0 }))
        assert.strictEqual(yield* tagOf(queue.push(work(10), { timeout: 0 })), "DispatchTimeout")
      }).pipe(Effect.scoped)
    )

    test(
      "streams of one queue share its outcomes, each once, and end with it",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>({ capacity: 2 })
        const streams = yield* Effect.forEach([0, 1, 2], () => start(Stream.runCollect(queue.toStream)))
        const all = Array.from({ length: 30 }, (_, n) => n)
        yield* Effect.forEach(all, (n) => queue.push(work(n)))
        yield* queue.end
        const parts = yield* Effect.forEach(streams, Fiber.join)
        assert.deepStrictEqual(numbers(parts.flat()).toSorted((a, b) => a! - b!), all)
      }).pipe(Effect.scoped)
    )

    test(
      "an interrupted stream loses nothing",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        const got: Array<number | undefined> = []
        const seen = yield* Deferred.make<void>()
        const stream = yield* queue.toStream.pipe(
          Stream.runForEach((result) => {
            got.push(numberOf(result))
            return Effect.andThen(Deferred.succeed(seen, undefined), Effect.never)
          }),
          start
        )
        yield* ready(queue, 0, 1, 2)
        yield* Deferred.await(seen)
        yield* Fiber.interrupt(stream)
        assert.deepStrictEqual(got, [0])
        assert.deepStrictEqual(numbers(yield* queue.popMany()), [1, 2])
      }).pipe(Effect.scoped)
    )

    test(
      "a queue that could not be made leaves nothing behind",
      Effect.gen(function*() {
        for (const options of [{ retry: { times: NaN } }, { capacity: NaN }, { taskTimeout: -1 }, { chunkSize: 0 }]) {
          const exit = yield* Effect.exit(Effect.scoped(Dispatcher.makeQueue<Work>(options)))
          assert.strictEqual(exit._tag, "Failure", JSON.stringify(options))
        }
        assert.strictEqual((yield* Dispatcher.status).executions, 0)
      })
    )
  })
}

describe("Queue", () => {
  it.effect("a push of another route goes through when the one before it has given up", () =>
    Effect.gen(function*() {
      class Never extends Task.Class<Never>()("Never") {}
      class Free extends Task.Class<Free>()("Free") {}
      const Full = TaskGroup.make(Never)
      const Idle = TaskGroup.make(Free)
      const layer = RoutedDispatcher.layer([
        FiberDispatcher.layer(Full, { concurrency: 1, capacity: 1 }).pipe(
          Layer.provide(Full.toLayer({ Never: () => Effect.never }))
        ),
        FiberDispatcher.layer(Idle, { concurrency: 1, capacity: 1 }).pipe(
          Layer.provide(Idle.toLayer({ Free: () => Effect.void }))
        )
      ])
      yield* Effect.gen(function*() {
        for (const how of ["timeout", "interruption"]) {
          const queue = yield* Dispatcher.makeQueue<Never | Free>()
          // One runs, one waits.
          yield* queue.push(new Never())
          yield* queue.push(new Never())
          const stuck = yield* start(Effect.exit(queue.push(new Never(), { timeout: "1 minute" })))
          const behind = yield* start(queue.push(new Free()))
          assert.isUndefined(behind.pollUnsafe(), "first come, first served")
          yield* how === "timeout" ? TestClock.adjust("1 minute") : Fiber.interrupt(stuck)
          yield* Fiber.join(behind)
          // It also starts: tasks that wait for the full dispatcher do not delay it.
          yield* queue.pop()
          yield* queue.push(new Free(), { timeout: 0 })
          yield* queue.close
        }
      }).pipe(Effect.scoped, Effect.provide(layer))
    }))

  it.effect("a task that waits for its retry counts as waiting, in the size and in the status", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Work>({ retry: Schedule.spaced("1 minute") })
      yield* queue.push(work(-1))
      yield* queue.push(work(1, 1000))
      yield* settle
      const counts = () =>
        Effect.map(
          Effect.all([queue.size, Dispatcher.status]),
          (both) => both.map(({ running, waiting }) => [waiting, running])
        )
      assert.deepStrictEqual(yield* counts(), [[1, 1], [1, 1]])
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(yield* counts(), [[1, 0], [1, 0]])
      yield* queue.close
      assert.deepStrictEqual(yield* counts(), [[0, 0], [0, 0]])
    }).pipe(Effect.scoped, Effect.provide(dispatchers.Dummy)))

  it.effect("the parent span of a task is that of its push, for each task of a queue, also when it is retried", () =>
    Effect.gen(function*() {
      class Look extends Task.Class<Look>()("Look", { success: Schema.String, error: Schema.String }) {}
      const Group = TaskGroup.make(Look)
      const parent = Effect.match(Effect.currentSpan, {
        onFailure: () => "no span",
        onSuccess: ({ parent }) =>
          parent._tag === "Some" && parent.value._tag === "Span" ? parent.value.name : "no span"
      })
      const layer = FiberDispatcher.layer(Group, { concurrency: 1 }).pipe(
        Layer.provide(Group.toLayer({
          Look: () => Effect.flatMap(Task.CurrentAttempt, (attempt) => attempt === 1 ? Effect.fail("again") : parent)
        }))
      )
      yield* Effect.gen(function*() {
        const queue = yield* Effect.withSpan(Dispatcher.makeQueue<Look>({ retry: { times: 1 } }), "startup")
        for (const name of ["one", "two"]) yield* Effect.withSpan(queue.push(new Look()), name)
        yield* queue.push(new Look())
        assert.deepStrictEqual(yield* Effect.all([queue.pop(), queue.pop(), queue.pop()]), ["one", "two", "no span"])
      }).pipe(Effect.scoped, Effect.provide(layer))
    }))

  it.effect("a pop of a handler that is interrupted before it has its slot back loses nothing", () =>
    Effect.gen(function*() {
      class Stranger extends Task.Class<Stranger>()("Stranger") {}
      class Impatient extends Task.Class<Impatient>()("Impatient", {
        success: Schema.Struct({ gaveUp: Schema.Boolean, left: Schema.Array(Schema.String) })
      }) {}
      const Group = TaskGroup.make(Work, Impatient)
      const layer = FiberDispatcher.layer(Group, { concurrency: 1 }).pipe(
        Layer.provide(Layer.mergeAll(
          handlers,
          Group.toLayerHandler("Impatient", () =>
            Effect.gen(function*() {
              const queue = yield* Dispatcher.makeQueue<Stranger>()
              const busy = yield* Dispatcher.makeQueue<Work>()
              yield* busy.push(work(0, 1000))
              // No worker serves the task, so its outcome needs no slot and is ready while the other task holds the only one.
              yield* queue.push(new Stranger())
              const popped = yield* Effect.timeoutOption(Effect.exit(queue.pop()), 100)
              const left = yield* queue.popMany({ timeout: 100 })
              return {
                gaveUp: Option.isNone(popped),
                left: left.map(({ result }) => Result.isFailure(result) ? result.failure.reason._tag : "Success")
              }
            }).pipe(Effect.scoped, Effect.orDie))
        ))
      )
      const run = yield* start(Effect.provide(new Impatient(), layer))
      yield* untilEnded(run, 100)
      assert.deepStrictEqual(yield* Fiber.join(run), { gaveUp: true, left: ["UnknownTask"] })
    }))
})

describe("popMany on a dispatcher with several slots", () => {
  /** Runs four tasks that end together once the gate opens. */
  const together = <E>(
    title: string,
    program: (gate: Deferred.Deferred<void>) => Effect.Effect<void, E, Dispatcher.Dispatcher>
  ) =>
    it.effect(title, () =>
      Effect.gen(function*() {
        const gate = yield* Deferred.make<void>()
        const gated = Tasks.toLayer({ Work: ({ n }) => Effect.as(Deferred.await(gate), n) })
        yield* Effect.provide(
          program(gate),
          FiberDispatcher.layer(Tasks, { concurrency: 4 }).pipe(Layer.provide(gated))
        )
      }))

  together("takes the outcomes that come together", (gate) =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Work>()
      const all = yield* start(queue.popMany())
      yield* ready(queue, 0, 1, 2, 3)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(numbers(yield* Fiber.join(all)), [0, 1, 2, 3])
    }).pipe(Effect.scoped))

  together("takes at most max of them, and the next call the rest", (gate) =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Work>()
      const three = yield* start(queue.popMany({ max: 3 }))
      const rest = yield* start(queue.popMany({ max: 3 }))
      yield* ready(queue, 0, 1, 2, 3)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(numbers(yield* Fiber.join(three)), [0, 1, 2])
      assert.deepStrictEqual(numbers(yield* Fiber.join(rest)), [3])
    }).pipe(Effect.scoped))

  it.effect("loses nothing if it is interrupted between the first of them and the last", () =>
    Effect.gen(function*() {
      let many: Fiber.Fiber<unknown, unknown> | undefined
      const interrupting = Tasks.toLayer({
        Work: ({ n }) =>
          Effect.sync(() => {
            if (n === 1) many!.interruptUnsafe()
            return n
          })
      })
      yield* Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Work>()
        many = yield* start(queue.popMany())
        yield* Effect.forEach([0, 1, 2], (n) => queue.push(work(n)))
        yield* Fiber.await(many)
        const popped: Array<number | undefined> = []
        while (popped.length < 3) popped.push(...numbers(yield* queue.popMany()))
        assert.deepStrictEqual(popped, [0, 1, 2])
      }).pipe(
        Effect.scoped,
        Effect.provide(FiberDispatcher.layer(Tasks, { concurrency: 1 }).pipe(Layer.provide(interrupting)))
      )
    }))

  it.effect("fails if the queue is closed between the first of them and the last", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Work>()
      const many = yield* start(tagOf(queue.popMany()))
      yield* queue.push(work(0))
      yield* queue.close
      assert.strictEqual(yield* Fiber.join(many), "QueueClosed")
    }).pipe(Effect.scoped, Effect.provide(dispatchers["Fiber with one slot"])))
})
