import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import type * as Contract from "../../../src/internal/scheduler/contract.ts"
import type { TaskEntry } from "../../../src/internal/scheduler/producer.ts"
import type { Chunk } from "../../../src/internal/scheduler/workerState.ts"
import { entryOf, FakeWorker, ListProducer, makeScheduler } from "../../support/scheduler/fixtures.ts"

const entries = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => entryOf(from + i))

const indexes = (items: ReadonlyArray<Contract.Item>) => items.map((item) => (item as TaskEntry).index)

describe("ProducerSubscription", () => {
  it.effect("measures how long an entry waits for a worker, and not until it is counted", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const worker = new FakeWorker({ concurrency: 1 })
      scheduler.join(worker)
      const [first, second] = entries(0, 2)
      const subscription = subscribe(new ListProducer([first, second]))
      subscription.time(second)
      // One at a time.
      subscription.time(first)
      yield* TestClock.adjust(100)
      // As a pool does that may grow.
      assert.strictEqual(scheduler.demand(10), 2)
      const chunk = scheduler.take(worker, 1)!
      yield* TestClock.adjust(900)
      scheduler.succeed(chunk as Chunk, 0, undefined)
      assert.strictEqual(scheduler.statistics.waits.count, 0)
      scheduler.take(worker, 1)
      const { count, max } = scheduler.statistics.waits
      assert.deepStrictEqual([count, max], [1, 1])
    }))

  it.effect("cancels its own entries and no others, all marked before the first worker is told", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const [worker, other] = [new FakeWorker({ concurrency: 6 }), new FakeWorker({ concurrency: 6 })]
      for (const handle of [worker, other]) scheduler.join(handle)
      const [own, foreign] = [entries(0, 4), entries(0, 4)]
      const subscription = subscribe(new ListProducer(own, 1))
      subscribe(new ListProducer(foreign, 1))
      for (const handle of [worker, other, worker, other]) scheduler.take(handle, 2)
      assert.deepStrictEqual(own.map(({ attempt }) => attempt), [1, 1, 1, 1])
      const seen: Array<boolean> = []
      worker.onCancel = other.onCancel = () => seen.push(own.every(({ cancelled }) => cancelled))
      subscription.end(() => {})
      assert.deepStrictEqual(indexes([...worker.cancelled, ...other.cancelled]).toSorted(), [0, 1, 2, 3])
      assert.isTrue([...worker.cancelled, ...other.cancelled].every((item) => own.includes(item as TaskEntry)))
      assert.deepStrictEqual(seen, [true, true, true, true])
      assert.isFalse(foreign.some(({ cancelled }) => cancelled))
    }))

  it.effect("cancels the entries after an index, and hands out none of them any more", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const worker = new FakeWorker({ concurrency: 10 })
      scheduler.join(worker)
      const all = entries(0, 6)
      const producer = new ListProducer(all, 2)
      const subscription = subscribe(producer)
      const first = scheduler.take(worker, 2)!
      const second = scheduler.take(worker, 2)!
      // The first two are started again later.
      scheduler.requeue(first, 0, 2)
      subscription.cancelAfter(0)
      assert.deepStrictEqual(indexes(worker.cancelled), [2, 3])
      assert.deepStrictEqual(indexes(scheduler.take(worker, 10)?.items ?? []), [0])
      scheduler.succeed(second, 0, 1)
      assert.deepStrictEqual(indexes(producer.droppedEntries), [2])
      assert.deepStrictEqual(producer.done, [])
    }))

  it.effect("ends when its last entry has stopped", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const worker = new FakeWorker({ concurrency: 10 })
      scheduler.join(worker)
      const subscription = subscribe(new ListProducer(entries(0, 3), 2))
      const chunk = scheduler.take(worker, 2)!
      let stopped = 0
      for (let i = 0; i < 2; i++) subscription.end(() => stopped++)
      assert.isUndefined(scheduler.take(worker, 2))
      scheduler.requeue(chunk, 1, 2)
      assert.strictEqual(stopped, 0)
      scheduler.fail(chunk, 0, { _tag: "Interrupted", trace: "" })
      assert.strictEqual(stopped, 2)
      subscription.end(() => stopped++)
      assert.strictEqual(stopped, 3)
    }))
})
