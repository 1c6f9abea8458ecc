import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Step extends Task.Class<Step>()("Step", { payload: { n: Schema.Int }, success: Schema.Int }) {}
class Once extends Task.Class<Once>()("Once", {
  payload: { n: Schema.Int },
  success: Schema.Int,
  idempotent: false
}) {}
const Tasks = TaskGroup.make(Step, Once)

const numberOf = (item: Executor.Item) => (item.payload as { readonly n: number }).n

/** A worker that does nothing by itself: the test takes chunks and reports outcomes. */
class ManualWorker implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  woken = 0
  readonly cancelled: Array<number> = []
  readonly scheduler: Executor.Scheduler

  constructor(scheduler: Executor.Scheduler, name: string, concurrency = 1, window = 8) {
    this.scheduler = scheduler
    this.name = name
    this.concurrency = concurrency
    this.window = window
  }

  wake() {
    this.woken++
  }

  cancel(chunk: Executor.Chunk, at: number) {
    this.cancelled.push(numberOf(chunk.items[at]))
    this.scheduler.requeue(chunk, at, at + 1)
  }

  take(max = this.window): Executor.Chunk {
    const chunk = this.scheduler.take(this, max)
    assert.isDefined(chunk, `${this.name} got nothing`)
    return chunk
  }

  finish(chunk: Executor.Chunk, from = 0, to = chunk.items.length) {
    for (let at = from; at < to; at++) this.scheduler.succeed(chunk, at, numberOf(chunk.items[at]) + 1)
  }

  lose(chunks: ReadonlyArray<{ chunk: Executor.Chunk; started: number; culprit?: number }>) {
    this.scheduler.leave(this, {
      exitCode: 7,
      outOfMemory: false,
      chunks: chunks.map(({ chunk, culprit, started }) => ({ chunk, started: (at) => at < started, culprit }))
    })
  }
}

class Manual extends Context.Service<Manual, {
  readonly scheduler: Executor.Scheduler
  readonly join: (name: string, concurrency?: number, window?: number) => ManualWorker
}>()("test/Manual") {}

const manual = (options?: Executor.DispatcherOptions): Layer.Layer<Dispatcher.Dispatcher | Manual> =>
  Layer.suspend(() => {
    let scheduler!: Executor.Scheduler
    const dispatcher = Executor.layer(
      Tasks,
      {
        name: "manual",
        boundary: "codec",
        maxChunk: 512,
        open: (given) =>
          Effect.sync(() => {
            scheduler = given
          })
      },
      options
    )
    return Layer.effect(
      Manual,
      Effect.sync(() =>
        Manual.of({
          scheduler,
          join: (name, concurrency, window) => {
            const worker = new ManualWorker(scheduler, name, concurrency, window)
            scheduler.join(worker)
            return worker
          }
        })
      )
    ).pipe(Layer.provideMerge(dispatcher))
  })

const steps = (count: number) => Array.from({ length: count }, (_, n) => new Step({ n }))
const names = (chunk: Executor.Chunk) => chunk.items.map(numberOf)

/** Runs `results` in the background and returns its fiber once it waits. */
const start = <T extends Task.Any>(tasks: ReadonlyArray<T>, options?: Dispatcher.ExecuteOptions<T>) =>
  Effect.gen(function*() {
    const fiber = yield* Dispatcher.results(tasks, options).pipe(Stream.runCollect, Effect.forkChild)
    yield* Effect.yieldNow
    return fiber
  })

const outcome = (result: Dispatcher.TaskResult<Step | Once>) =>
  Result.isSuccess(result.result) ? result.result.success : result.result.failure.reason._tag

const outcomes = (results: ReadonlyArray<Dispatcher.TaskResult<Step | Once>>) =>
  results.toSorted((a, b) => a.index - b.index).map(outcome)

describe("Executor", () => {
  const test = (
    name: string,
    program: Effect.Effect<void, unknown, Dispatcher.Dispatcher | Manual | Scope.Scope>,
    options?: Executor.DispatcherOptions
  ) => it.effect(name, () => program.pipe(Effect.provide(manual(options))))

  test(
    "sends requeued tasks to another worker, in order and without counting an attempt",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const a = join("a")
      const fiber = yield* start(steps(4), { chunkSize: 4 })
      const first = a.take()
      assert.deepStrictEqual(names(first), [0, 1, 2, 3])
      a.finish(first, 0, 1)
      a.scheduler.requeue(first, 1, 4)
      const again = join("b").take()
      assert.deepStrictEqual(names(again), [1, 2, 3])
      assert.deepStrictEqual(again.items.map((item) => item.attempt), [1, 1, 1])
      a.finish(again)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [1, 2, 3, 4])
    })
  )

  test(
    "drops a second outcome, and an outcome from a worker that has left",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const a = join("a")
      const fiber = yield* start(steps(2), { chunkSize: 1 })
      const first = a.take()
      scheduler.succeed(first, 0, 100)
      scheduler.succeed(first, 0, 200)
      scheduler.fail(first, 0, { _tag: "UnknownTask" })
      const second = a.take()
      scheduler.leave(a)
      scheduler.succeed(second, 0, 300)
      const b = join("b")
      const again = b.take()
      assert.deepStrictEqual(names(again), [1])
      b.finish(again)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [100, 2])
    })
  )

  test(
    "attributes a loss to the only task that was running; the rest of its chunk runs elsewhere",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const fiber = yield* start(steps(3), { chunkSize: 3 })
      const a = join("a")
      const chunk = a.take()
      a.finish(chunk, 0, 1)
      a.lose([{ chunk, started: 2 }])
      const b = join("b")
      const quarantined = b.take()
      assert.deepStrictEqual(names(quarantined), [1])
      assert.strictEqual(quarantined.items[0].attempt, 2)
      assert.isUndefined(b.scheduler.take(b, 8), "a quarantined task runs alone")
      b.finish(quarantined)
      const mate = b.take()
      assert.deepStrictEqual(names(mate), [2])
      assert.strictEqual(mate.items[0].attempt, 1)
      b.finish(mate)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [1, 2, 3])
    })
  )

  test(
    "fails a task that loses its worker maxWorkerLosses times, and counts its starts",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const fiber = yield* start(steps(1))
      for (let attempt = 1; attempt <= 3; attempt++) {
        const worker = join(`worker ${attempt}`)
        const chunk = worker.take()
        assert.strictEqual(chunk.items[0].attempt, attempt)
        worker.lose([{ chunk, started: 1 }])
      }
      const [{ result }] = yield* Fiber.join(fiber)
      assert(Result.isFailure(result) && result.failure.reason._tag === "WorkerLost")
      assert.strictEqual(result.failure.attempt, 3)
      assert.strictEqual(result.failure.worker, "worker 3")
      assert.strictEqual(result.failure.reason.exitCode, 7)
    })
  )

  test(
    "quarantines each task when several were running, and counts only the losses of a task that runs alone",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const fiber = yield* start(steps(2), { chunkSize: 2 })
      // Several tasks run at each loss, so no loss is attributed.
      const a = join("a", 2)
      const both = a.take()
      a.lose([{ chunk: both, started: 2 }])
      const b = join("b", 2)
      const first = b.take()
      assert.strictEqual(first.items.length, 1)
      b.finish(first)
      const second = b.take()
      assert.strictEqual(second.items.length, 1)
      b.finish(second)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [1, 2])
    }),
    { maxWorkerLosses: 1 }
  )

  test(
    "attributes a loss to the reported culprit and starts the other tasks again at once",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const fiber = yield* start(steps(3), { chunkSize: 3 })
      const a = join("a", 3)
      const chunk = a.take()
      a.lose([{ chunk, started: 3, culprit: 1 }])
      const b = join("b", 3)
      const innocents = b.take()
      assert.deepStrictEqual(names(innocents), [0, 2])
      b.finish(innocents)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [1, "WorkerLost", 3])
    }),
    { maxWorkerLosses: 1 }
  )

  test(
    "attributes an uncertain loss to no task, not even to one that ran alone",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const fiber = yield* start(steps(1))
      const a = join("a")
      const chunk = a.take()
      scheduler.leave(a, { outOfMemory: false, attribution: "ambiguous", chunks: [{ chunk, started: () => true }] })
      const b = join("b")
      const again = b.take()
      assert.strictEqual(again.items[0].attempt, 2)
      b.finish(again)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [1])
    }),
    { maxWorkerLosses: 1 }
  )

  test(
    "empties a worker for a quarantined task while other workers continue",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const fiber = yield* start(steps(6), { chunkSize: 1 })
      const [a, b, c] = [join("a"), join("b"), join("c")]
      const poison = a.take(1)
      const [b1, b2, c1] = [b.take(1), b.take(1), c.take(1)]
      a.lose([{ chunk: poison, started: 1 }])
      assert.isUndefined(b.scheduler.take(b, 1), "b is emptied")
      const c2 = c.take(1)
      b.finish(b1)
      assert.isUndefined(b.scheduler.take(b, 1))
      b.finish(b2)
      const quarantined = b.take(8)
      assert.deepStrictEqual(names(quarantined), names(poison))
      b.finish(quarantined)
      c.finish(c1)
      c.finish(c2)
      const rest = c.take(1)
      c.finish(rest)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), [1, 2, 3, 4, 5, 6])
    })
  )

  test(
    "never starts an `idempotent: false` task again once it may have started",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const fiber = yield* start([0, 1, 2].map((n) => new Once({ n })), { chunkSize: 3 })
      const a = join("a", 2)
      const chunk = a.take()
      a.lose([{ chunk, started: 2 }])
      const b = join("b", 2)
      const rest = b.take()
      assert.deepStrictEqual(names(rest), [2])
      b.finish(rest)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), ["WorkerLost", "WorkerLost", 3])
    })
  )

  test(
    "does not restart a task that its caller interrupted while the worker was lost",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const fiber = yield* start(steps(2), { chunkSize: 2 })
      const a = join("a", 2)
      // The worker leaves before it answers the interruption.
      a.cancel = () => {}
      const chunk = a.take()
      const interrupt = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* Effect.yieldNow
      assert.isUndefined(interrupt.pollUnsafe(), "it waits until the work has stopped")
      a.lose([{ chunk, started: 2 }])
      yield* Fiber.join(interrupt)
      const b = join("b", 2)
      assert.isUndefined(scheduler.take(b, 8))
    })
  )

  test(
    "fails waiting tasks with NoWorker while no worker is available, until one joins",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const fiber = yield* start(steps(2))
      scheduler.unavailable(new Error("no threads"))
      const failed = yield* Fiber.join(fiber)
      assert.deepStrictEqual(outcomes(failed), ["NoWorker", "NoWorker"])
      const [{ result }] = failed
      assert(Result.isFailure(result))
      assert.include(result.failure.message, "no threads")
      assert.deepStrictEqual(outcomes(yield* Fiber.join(yield* start(steps(1)))), ["NoWorker"])
      const worker = join("late")
      const served = yield* start(steps(1))
      worker.finish(worker.take())
      assert.deepStrictEqual(outcomes(yield* Fiber.join(served)), [1])
    })
  )

  test(
    "retries a task that fails with NoWorker, also one that the dispatcher does not know",
    Effect.gen(function*() {
      const { scheduler } = yield* Manual
      class Foreign extends Task.Class<Foreign>()("Foreign") {}
      scheduler.unavailable(new Error("no threads"))
      for (const task of [new Step({ n: 1 }), new Foreign() as never]) {
        let failures = 0
        const retry = { times: 2, while: () => ++failures > 0 }
        const results = yield* Stream.runCollect(Dispatcher.results([task], { retry }))
        assert.deepStrictEqual([outcomes(results), failures], [["NoWorker"], 3])
      }
    })
  )

  test(
    "without a worker, each task fails once it has waited for the timeout itself, however it was given",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const ends: Array<string> = []
      const run = (name: string) =>
        Dispatcher.run(new Step({ n: 0 })).pipe(
          Effect.flip,
          Effect.tap((failure) =>
            Effect.sync(() => {
              assert(failure._tag === "TaskFailure" && failure.reason._tag === "NoWorker")
              assert.strictEqual(String(failure.reason.cause), "Error: none can be had")
              ends.push(`${name} ${Duration.toMillis(failure.reason.waited)}`)
            })
          ),
          Effect.forkChild({ startImmediately: true })
        )
      const queue = yield* Dispatcher.makeQueue<Step>()
      const popped = queue.pop().pipe(
        Effect.flip,
        Effect.tap(() => Effect.sync(() => ends.push("queued"))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* run("waiting before")
      yield* TestClock.adjust(500)
      scheduler.unavailable(new Error("not yet known"), 1000)
      yield* TestClock.adjust(400)
      yield* run("first")
      yield* queue.push(new Step({ n: 1 }))
      yield* popped
      scheduler.unavailable(new Error("none can be had"), 1000)
      yield* TestClock.adjust(599)
      assert.deepStrictEqual(ends, [])
      yield* run("second")
      yield* queue.push(new Step({ n: 2 }))
      yield* popped
      const execution = yield* start(steps(2))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(ends, ["waiting before 1000"])
      yield* TestClock.adjust(400)
      assert.deepStrictEqual(ends, ["waiting before 1000", "first 1000", "queued"])
      yield* TestClock.adjust(598)
      assert.strictEqual(ends.length, 3)
      assert.isUndefined(execution.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(ends.slice(3).toSorted(), ["queued", "second 1000"])
      assert.deepStrictEqual(outcomes(yield* Fiber.join(execution)), ["NoWorker", "NoWorker"])
      const rest = yield* start(steps(1))
      yield* TestClock.adjust(999)
      const worker = join("late")
      worker.finish(worker.take())
      assert.deepStrictEqual(outcomes(yield* Fiber.join(rest)), [1])
    })
  )

  test(
    "ignores a run time that is not a number of at least 0",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const a = join("a")
      yield* start(steps(100))
      const sizes = [NaN, -1e9, Infinity, 10, 10].map((micros) => {
        const chunk = a.take(512)
        a.scheduler.recordBusy(chunk.items, micros)
        a.finish(chunk)
        return chunk.items.length
      })
      // A time that is ignored leaves the duration unknown.
      assert.deepStrictEqual(sizes, [1, 1, 1, 1, 2])
    })
  )

  test(
    "starts with one task of an unknown duration, doubles, and shrinks when tasks take longer",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const a = join("a")
      const fiber = yield* start(steps(100))
      const sizes: Array<number> = []
      for (let i = 0; i < 6; i++) {
        const chunk = a.take(512)
        sizes.push(chunk.items.length)
        a.scheduler.recordBusy(chunk.items, chunk.items.length * 10)
        a.finish(chunk)
      }
      assert.deepStrictEqual(sizes, [1, 2, 4, 8, 16, 32])
      const chunk = a.take(512)
      a.scheduler.recordBusy(chunk.items, chunk.items.length * 5000)
      a.finish(chunk)
      const left: Array<number> = []
      for (let next = a.scheduler.take(a, 512); next !== undefined; next = a.scheduler.take(a, 512)) {
        left.push(next.items.length)
        a.finish(next)
        yield* Effect.yieldNow
      }
      assert.isTrue(left.every((size) => size === 1))
      assert.strictEqual((yield* Fiber.join(fiber)).length, 100)
    })
  )

  test(
    "spreads the end of a source over the workers",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const [a, b] = [join("a"), join("b")]
      const fiber = yield* start(steps(1 + 2 + 4 + 6))
      for (const size of [1, 2, 4]) {
        const chunk = a.take(512)
        assert.strictEqual(chunk.items.length, size)
        a.scheduler.recordBusy(chunk.items, size)
        a.finish(chunk)
      }
      const mine = a.take(512)
      assert.strictEqual(mine.items.length, 3)
      a.finish(mine)
      while (true) {
        const chunk = b.scheduler.take(b, 512)
        if (chunk === undefined) break
        b.finish(chunk)
      }
      assert.strictEqual((yield* Fiber.join(fiber)).length, 13)
    })
  )

  test(
    "sends no more tasks ahead of the running ones than the capacity",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const a = join("a", 2, 100)
      const fiber = yield* start(steps(20), { chunkSize: 50 })
      const first = a.take(50)
      assert.strictEqual(first.items.length, 2 + 3)
      assert.isUndefined(a.scheduler.take(a, 50))
      const { running, waiting } = yield* Dispatcher.status
      assert.deepStrictEqual({ running, waiting }, { running: 2, waiting: 3 })
      a.finish(first, 0, 4)
      const second = a.take(50)
      assert.strictEqual(second.items.length, 4)
      a.finish(first, 4)
      a.finish(second)
      while ((yield* Dispatcher.status).succeeded < 20) a.finish(a.take(50))
      assert.strictEqual((yield* Fiber.join(fiber)).length, 20)
    }),
    { capacity: 3 }
  )

  test(
    "counts requeued tasks, and the tasks of a lost worker, against the capacity",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const queue = yield* Dispatcher.makeQueue<Step>({ chunkSize: 4 })
      const pushAll = (from: number) =>
        Effect.forEach(
          Array.from({ length: 5 }, (_, n) => new Step({ n: from + n })),
          (task) => Effect.exit(queue.push(task, { timeout: 0 }))
        ).pipe(Effect.map((exits) => exits.filter(Exit.isSuccess).length))
      assert.strictEqual(yield* pushAll(0), 2)
      const a = join("a")
      const chunk = a.take()
      assert.deepStrictEqual(names(chunk), [0, 1])
      assert.strictEqual(yield* pushAll(10), 1, "one of the two runs")
      scheduler.requeue(chunk, 1, 2)
      assert.strictEqual((yield* Dispatcher.status).waiting, 2)
      assert.strictEqual(yield* pushAll(20), 0)
      a.lose([{ chunk, started: 1 }])
      assert.strictEqual((yield* Dispatcher.status).waiting, 3)
      assert.strictEqual(yield* pushAll(30), 0)
      const b = join("b")
      while ((yield* queue.size).ready < 3) b.finish(b.take())
      assert.strictEqual((yield* Dispatcher.status).waiting, 0)
      assert.strictEqual(yield* pushAll(40), 2)
    }).pipe(Effect.scoped),
    { capacity: 2 }
  )

  test(
    "serves executions in turns",
    Effect.gen(function*() {
      const { join } = yield* Manual
      const one = yield* start(steps(3), { chunkSize: 2 })
      const two = yield* start(steps(3), { chunkSize: 2 })
      const a = join("a")
      for (let n = 0; n < 3; n++) {
        const chunk = a.take(2)
        assert.deepStrictEqual(names(chunk), [n, n], "one task of each")
        a.finish(chunk)
      }
      assert.strictEqual((yield* Fiber.join(one)).length, 3)
      assert.strictEqual((yield* Fiber.join(two)).length, 3)
    })
  )

  test(
    "turns a result that does not fit its schema into Undecodable",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const a = join("a")
      const fiber = yield* start(steps(2), { chunkSize: 2 })
      const chunk = a.take()
      scheduler.succeed(chunk, 0, "not a number")
      scheduler.succeed(chunk, 1, 5)
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), ["Undecodable", 5])
    })
  )

  test(
    "cancels the tasks of an interrupted caller on their worker, and starts none of the rest",
    Effect.gen(function*() {
      const { join, scheduler } = yield* Manual
      const a = join("a")
      const fiber = yield* start(steps(5), { chunkSize: 3 })
      a.take()
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(a.cancelled.toSorted(), [0, 1, 2])
      assert.isUndefined(scheduler.take(a, 8))
      assert.strictEqual((yield* Dispatcher.status).executions, 0)
    })
  )
})
