import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { entryOf, FakeWorker, ListProducer, makeScheduler, Move, Number } from "../../support/scheduler/fixtures.ts"

const entries = (count: number) => Array.from({ length: count }, (_, i) => entryOf(i))

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))

describe("ChunkFiller", () => {
  it.effect.prop(
    "gives every producer its share of a chunk",
    { counts: Schema.NonEmptyArray(Count).check(Schema.isMaxLength(5)), max: Schema.Literals([1, 4, 10, 50]) },
    ({ counts, max }) =>
      Effect.gen(function*() {
        const { scheduler, subscribe } = yield* makeScheduler()
        const worker = new FakeWorker({ concurrency: 1000 })
        scheduler.join(worker)
        const producers = counts.map((count) => new ListProducer(entries(count)))
        for (const producer of producers) subscribe(producer)
        const chunk = scheduler.take(worker, max)
        assert.isAtMost(chunk?.items.length ?? 0, max)
        const share = Math.floor(max / counts.length)
        producers.forEach((producer, i) => {
          assert.isAtLeast(counts[i] - producer.waiting.length, Math.min(counts[i], share))
        })
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect("serves producers in turn across chunks", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const worker = new FakeWorker({ concurrency: 1000 })
      scheduler.join(worker)
      const producers = Array.from({ length: 3 }, () => new ListProducer(entries(10)))
      for (const producer of producers) subscribe(producer)
      for (let i = 0; i < 9; i++) scheduler.take(worker, 1)
      assert.deepStrictEqual(producers.map(({ waiting }) => waiting.length), [7, 7, 7])
    }))

  it.effect("never takes more of the capacity than is free", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({}, { capacity: 5 })
      const worker = new FakeWorker({ concurrency: 2, window: 100 })
      scheduler.join(worker)
      for (let i = 0; i < 2; i++) subscribe(new ListProducer(entries(50)))
      // Two run, five wait on the worker.
      assert.strictEqual(scheduler.take(worker, 100)?.items.length, 7)
      assert.isUndefined(scheduler.take(worker, 100))
      assert.strictEqual(scheduler.status.waiting, 5)
    }))

  it.effect("doubles chunks of tasks of known duration up to the target", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({ boundary: "codec", chunkMicros: 100 })
      const worker = new FakeWorker({ concurrency: 1000 })
      scheduler.join(worker)
      subscribe(new ListProducer(entries(100)))
      const sizes: Array<number> = []
      for (let i = 0; i < 6; i++) {
        const chunk = scheduler.take(worker, 100)!
        sizes.push(chunk.items.length)
        scheduler.recordBusy(chunk.items, 10 * chunk.items.length)
      }
      assert.deepStrictEqual(sizes, [1, 2, 4, 8, 10, 10])
    }))

  it.effect("spreads the end of a source over the workers", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const workers = Array.from({ length: 3 }, () => new FakeWorker({ concurrency: 100 }))
      for (const worker of workers) scheduler.join(worker)
      subscribe(new ListProducer(entries(9)))
      const sizes = workers.map((worker) => scheduler.take(worker, 100)?.items.length)
      assert.deepStrictEqual(sizes, [3, 2, 2])
    }))

  it.effect("sends a task whose payload is moved alone", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const worker = new FakeWorker({ concurrency: 100, moves: true })
      scheduler.join(worker)
      const tasks = [
        new Number({ n: 0 }),
        new Number({ n: 1 }),
        new Move({ n: 2 }),
        new Move({ n: 3 }),
        new Number({ n: 4 })
      ]
      subscribe(new ListProducer(tasks.map((task, i) => entryOf(i, task))))
      const chunks = Array.from({ length: 4 }, () => scheduler.take(worker, 100)!.items.map(({ name }) => name))
      assert.deepStrictEqual(chunks, [["Number", "Number"], ["Move"], ["Move"], ["Number"]])
    }))

  const kinds = [
    ["is not idempotent", { idempotent: { value: false } }],
    ["has a timeout", { taskTimeout: { value: 100 } }]
  ] as const

  it.effect.each(kinds)(
    "sends a task that %s alone to a worker that gives nothing back",
    ([, properties]) =>
      Effect.gen(function*() {
        const sizes = function*(retracts: boolean) {
          const { scheduler, subscribe } = yield* makeScheduler()
          const worker = new FakeWorker({ concurrency: 100, retracts })
          scheduler.join(worker)
          const tasks = entries(5)
          for (const at of [2, 3]) Object.defineProperties(tasks[at], properties)
          subscribe(new ListProducer(tasks))
          const chunks: Array<number> = []
          for (let left = 5; left > 0; left -= chunks.at(-1)!) chunks.push(scheduler.take(worker, 100)!.items.length)
          return chunks
        }
        assert.deepStrictEqual(yield* sizes(false), [2, 1, 1, 1])
        assert.deepStrictEqual(yield* sizes(true), [5])
      })
  )
})
