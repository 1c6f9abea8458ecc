import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import type * as Contract from "../../../src/internal/scheduler/contract.ts"
import type { TaskEntry } from "../../../src/internal/scheduler/producer.ts"
import type { Scheduler } from "../../../src/internal/scheduler/scheduler.ts"
import type { ProducerSubscription } from "../../../src/internal/scheduler/subscription.ts"
import type * as Task from "../../../src/internal/task.ts"
import {
  entryOf,
  FakeWorker,
  ListProducer,
  makeScheduler,
  Move,
  Number,
  Once
} from "../../support/scheduler/fixtures.ts"

const tags = (entries: ReadonlyArray<TaskEntry>) => entries.map(({ failure }) => failure?.reason._tag)

/** A worker that holds some tasks, of which those at `started` have started, is lost. */
const lose = (
  tasks: ReadonlyArray<Task.Any>,
  started: ReadonlyArray<number>,
  loss: { readonly culprit?: number; readonly attribution?: "nobody" | "ambiguous" } = {},
  options: { readonly moves?: boolean; readonly maxWorkerLosses?: number } = {}
) =>
  Effect.gen(function*() {
    const { runLater, scheduler, subscribe } = yield* makeScheduler({}, { maxWorkerLosses: options.maxWorkerLosses })
    const lost = new FakeWorker({ name: "lost", concurrency: 100, moves: options.moves ?? false })
    scheduler.join(lost)
    const entries = tasks.map((task, i) => entryOf(i, task))
    const producer = new ListProducer(entries)
    subscribe(producer)
    const chunks: Array<Contract.Chunk> = []
    for (let chunk = scheduler.take(lost, 100); chunk !== undefined; chunk = scheduler.take(lost, 100)) {
      chunks.push(chunk)
    }
    const at = (chunk: Contract.Chunk, item: number) => entries.indexOf(chunk.items[item] as TaskEntry)
    const report = (chunk: Contract.Chunk) => {
      const culprit = chunk.items.findIndex((_, item) => at(chunk, item) === loss.culprit)
      return {
        chunk,
        started: (item: number) => started.includes(at(chunk, item)),
        ...(culprit === -1 ? {} : { culprit })
      }
    }
    const lossOf: Contract.WorkerLoss = {
      outOfMemory: false,
      exitCode: 7,
      attribution: loss.attribution,
      chunks: chunks.map(report)
    }
    scheduler.leave(lost, lossOf)
    return { scheduler, entries, producer, lossOf, runLater }
  })

const numbers = (count: number) => Array.from({ length: count }, (_, n) => new Number({ n }))

/** Takes all tasks, with a new worker for every chunk: the indexes of those that run alone, and of the others. */
const takeAll = (scheduler: Scheduler) => {
  const alone: Array<number> = []
  const others: Array<number> = []
  for (;;) {
    const worker = new FakeWorker({ concurrency: 100 })
    scheduler.join(worker)
    const chunk = scheduler.take(worker, 100)
    if (chunk === undefined) return { alone: alone.toSorted(), others }
    if (chunk.quarantined) assert.lengthOf(chunk.items, 1)
    for (const { index } of chunk.items) (chunk.quarantined ? alone : others).push(index)
  }
}

describe("Losses", () => {
  it.effect("fails tasks that are to run again with NoWorker if no worker joins in time, also where no other waits", () =>
    Effect.gen(function*() {
      const { entries, runLater, scheduler } = yield* lose(numbers(2), [0, 1], { attribution: "ambiguous" })
      scheduler.unavailable(undefined, 1000)
      yield* TestClock.adjust(999)
      runLater()
      assert.deepStrictEqual(tags(entries), [undefined, undefined])
      yield* TestClock.adjust(1)
      runLater()
      assert.deepStrictEqual(tags(entries), ["NoWorker", "NoWorker"])
    }))

  it.effect("restarts tasks that had not started, without counting an attempt or a loss", () =>
    Effect.gen(function*() {
      const { entries, producer, scheduler } = yield* lose(numbers(4), [])
      assert.deepStrictEqual(entries.map(({ attempt, losses }) => [attempt, losses]), [[0, 0], [0, 0], [0, 0], [0, 0]])
      assert.deepStrictEqual(producer.done, [])
      assert.deepStrictEqual(takeAll(scheduler), { alone: [], others: [0, 1, 2, 3] })
    }))

  it.effect("blames the proven culprit alone, which then runs alone", () =>
    Effect.gen(function*() {
      const { entries, scheduler } = yield* lose(numbers(4), [0, 1, 2], { culprit: 1 })
      assert.deepStrictEqual(entries.map(({ losses }) => losses), [0, 1, 0, 0])
      assert.deepStrictEqual(takeAll(scheduler), { alone: [1], others: [0, 2, 3] })
    }))

  it.effect("blames a task that ran alone", () =>
    Effect.gen(function*() {
      const { entries } = yield* lose(numbers(3), [1])
      assert.deepStrictEqual(entries.map(({ losses }) => losses), [0, 1, 0])
    }))

  it.effect("blames none of several that ran, and runs each alone", () =>
    Effect.gen(function*() {
      const { entries, scheduler } = yield* lose(numbers(4), [0, 2])
      assert.deepStrictEqual(entries.map(({ losses }) => losses), [0, 0, 0, 0])
      assert.deepStrictEqual(takeAll(scheduler), { alone: [0, 2], others: [1, 3] })
    }))

  it.effect("does not blame a task that ran alone where the attribution is ambiguous", () =>
    Effect.gen(function*() {
      const { entries, scheduler } = yield* lose(numbers(2), [0], { attribution: "ambiguous" })
      assert.deepStrictEqual(entries.map(({ losses }) => losses), [0, 0])
      assert.deepStrictEqual(takeAll(scheduler), { alone: [0], others: [1] })
    }))

  it.effect("restarts all where the worker was ended for a reason of its own", () =>
    Effect.gen(function*() {
      const { entries, scheduler } = yield* lose(numbers(3), [0, 1], { attribution: "nobody" })
      assert.deepStrictEqual(entries.map(({ losses }) => losses), [0, 0, 0])
      assert.deepStrictEqual(takeAll(scheduler), { alone: [], others: [0, 1, 2] })
    }))

  it.effect("fails a task after its last loss, with the exit of the worker", () =>
    Effect.gen(function*() {
      const { entries, producer } = yield* lose(numbers(2), [0], {}, { maxWorkerLosses: 1 })
      assert.deepStrictEqual(producer.done.map(({ index }) => index), [0])
      const { attempt, reason, worker } = entries[0].failure!
      assert.deepInclude(reason, { _tag: "WorkerLost", exitCode: 7, outOfMemory: false })
      assert.deepStrictEqual([attempt, worker], [1, "lost"])
    }))

  it.effect("fails a started task that must not start twice, and restarts it if it had not started", () =>
    Effect.gen(function*() {
      const { entries, producer, scheduler } = yield* lose([0, 1].map((n) => new Once({ n })), [0], {
        attribution: "nobody"
      })
      assert.deepStrictEqual(tags(producer.done), ["WorkerLost"])
      assert.deepStrictEqual(takeAll(scheduler), { alone: [], others: [1] })
      assert.strictEqual(entries[1].attempt, 1)
    }))

  it.effect("fails a task whose payload was moved, even if it had not started", () =>
    Effect.gen(function*() {
      const { producer } = yield* lose([0, 1].map((n) => new Move({ n })), [0], {}, { moves: true })
      assert.deepStrictEqual(tags(producer.done), ["WorkerLost", "WorkerLost"])
    }))

  it.effect("drops the outcome of a task that its worker does not hold any more", () =>
    Effect.gen(function*() {
      const { lossOf, producer, scheduler } = yield* lose(numbers(2), [0, 1], { attribution: "nobody" })
      const { chunk } = lossOf.chunks[0]
      scheduler.succeed(chunk as never, 0, 1)
      scheduler.fail(chunk as never, 1, { _tag: "Interrupted", trace: "" })
      scheduler.requeue(chunk as never, 0, 2)
      assert.deepStrictEqual(producer.done, [])
      const worker = new FakeWorker({ concurrency: 100 })
      scheduler.join(worker)
      assert.deepStrictEqual(scheduler.take(worker, 100)?.items.map(({ attempt }) => attempt), [2, 2])
    }))
})

/** Takes one chunk of each producer for a worker that answers a cancelled task at once, even when it was lost. */
const obliging = (producers: ReadonlyArray<ListProducer>) =>
  Effect.gen(function*() {
    const { scheduler, subscribe } = yield* makeScheduler({}, { maxWorkerLosses: 1 })
    const worker = new FakeWorker({ concurrency: 100, moves: true })
    worker.onCancel = (chunk, at) => scheduler.fail(chunk as never, at, { _tag: "Interrupted", trace: "" })
    scheduler.join(worker)
    const chunks: Array<Contract.Chunk> = []
    const subscriptions: Array<ProducerSubscription> = []
    for (const producer of producers) {
      subscriptions.push(subscribe(producer))
      chunks.push(scheduler.take(worker, 100)!)
    }
    return { scheduler, worker, chunks, subscriptions }
  })

class EndingProducer extends ListProducer {
  onSettled: () => void = () => {}

  override settled(entry: TaskEntry) {
    super.settled(entry)
    this.onSettled()
  }
}

describe("A worker that is lost", () => {
  it.effect("is told nothing of the tasks whose producer a failure of the loss ends", () =>
    Effect.gen(function*() {
      const producer = new EndingProducer([0, 1, 2].map((n) => entryOf(n, new Once({ n }))))
      const { chunks: [chunk], scheduler, subscriptions: [subscription], worker } = yield* obliging([producer])
      let stopped = 0
      producer.onSettled = () => subscription.end(() => stopped++)
      scheduler.leave(worker, { outOfMemory: false, chunks: [{ chunk, started: () => true }] })
      assert.lengthOf(producer.done, 1)
      assert.deepStrictEqual([worker.cancelled.length, stopped], [0, 1])
      const { running, waiting } = scheduler.status
      assert.deepStrictEqual([running, waiting], [0, 0])
    }))

  it.effect("has all of its tasks restarted, when the failure of one ends the producer of others", () =>
    Effect.gen(function*() {
      const oldest = new ListProducer([entryOf(0)])
      const older = new ListProducer([entryOf(0)])
      // Its payload was moved: it fails, though it had not started.
      const newest = new EndingProducer([entryOf(0, new Move({ n: 0 }))])
      const { scheduler, subscriptions, worker } = yield* obliging([oldest, older, newest])
      newest.onSettled = () => subscriptions[1].end(() => {})
      scheduler.leave(worker)
      assert.deepStrictEqual(tags(newest.done), ["WorkerLost"])
      const next = new FakeWorker({ concurrency: 100 })
      scheduler.join(next)
      const taken = [scheduler.take(next, 100), scheduler.take(next, 100)].flatMap((chunk) => chunk?.items ?? [])
      assert.lengthOf(taken, 1)
      assert.strictEqual((taken[0] as TaskEntry).subscription, subscriptions[0])
      assert.lengthOf(worker.cancelled, 0)
    }))
})

describe("Cancelled tasks of a lost worker", () => {
  it.effect("are dropped once, whether they were cancelled before the loss or by a failure that follows from it", () =>
    Effect.gen(function*() {
      const older = new ListProducer([0, 1, 2].map((n) => entryOf(n)))
      const newest = new EndingProducer([entryOf(0, new Move({ n: 0 }))])
      const { scheduler, subscriptions: [subscription], worker } = yield* obliging([older, newest])
      const [before, after, kept] = subscription.assigned.above(-1)
      worker.onCancel = undefined
      assert.deepStrictEqual(subscription.cancel([before]), [])
      let unstarted: ReadonlyArray<TaskEntry> = []
      newest.onSettled = () => (unstarted = subscription.cancel([after]))
      scheduler.leave(worker)
      assert.deepStrictEqual(unstarted, [after])
      assert.deepStrictEqual(older.droppedEntries, [before])
      const next = new FakeWorker({ concurrency: 100 })
      scheduler.join(next)
      assert.deepStrictEqual(scheduler.take(next, 100)?.items, [kept])
    }))
})

describe("Quarantine", () => {
  it.effect("gives a worker nothing beside a quarantined task, and work again when that has ended", () =>
    Effect.gen(function*() {
      const { scheduler } = yield* lose(numbers(3), [0], { culprit: 0 })
      const worker = new FakeWorker({ concurrency: 100 })
      scheduler.join(worker)
      const chunk = scheduler.take(worker, 100)!
      assert.deepStrictEqual([chunk.quarantined, chunk.items.length], [true, 1])
      assert.isUndefined(scheduler.take(worker, 100))
      const { woken } = worker
      scheduler.succeed(chunk as never, 0, 1)
      assert.isAbove(worker.woken, woken)
      assert.strictEqual(scheduler.take(worker, 100)?.items.length, 2)
    }))

  it.effect("empties no more workers than it has tasks", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const workers = Array.from({ length: 3 }, () => new FakeWorker({ concurrency: 10 }))
      for (const worker of workers) scheduler.join(worker)
      subscribe(new ListProducer(Array.from({ length: 30 }, (_, i) => entryOf(i))))
      for (const worker of workers) scheduler.take(worker, 1)
      const [suspect] = [scheduler.take(workers[0], 1)!]
      scheduler.fail(suspect, 0, { _tag: "WorkerLost", outOfMemory: false })
      // The first that asks is emptied, the others go on.
      assert.deepStrictEqual(workers.map((worker) => scheduler.take(worker, 1)?.items.length), [undefined, 1, 1])
    }))
})
