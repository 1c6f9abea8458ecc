import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Capacity, Places } from "../../../src/internal/scheduler/capacity.ts"
import type { TaskEntry } from "../../../src/internal/scheduler/producer.ts"
import { WorkerCounts } from "../../../src/internal/scheduler/statistics.ts"
import { Chunk, WorkerState } from "../../../src/internal/scheduler/workerState.ts"
import { entryOf, FakeWorker, ListProducer, subscriptionTo } from "../../support/scheduler/fixtures.ts"

const Step = Schema.Union([
  Schema.Struct({ do: Schema.Literal("acquire"), producer: Schema.Literals([0, 1, 2]), forced: Schema.Boolean }),
  Schema.Struct({ do: Schema.Literal("release"), producer: Schema.Literals([0, 1, 2]) }),
  Schema.Struct({ do: Schema.Literal("close"), producer: Schema.Literals([0, 1, 2]) }),
  Schema.Struct({ do: Schema.Literal("assign"), worker: Schema.Literals([0, 1]), size: Schema.Literals([1, 2, 5]) }),
  Schema.Struct({ do: Schema.Literal("finish"), worker: Schema.Literals([0, 1]) }),
  Schema.Struct({ do: Schema.Literal("leave"), worker: Schema.Literals([0, 1]) })
])

describe("Capacity", () => {
  it.effect.prop(
    "counts the places of all producers and what workers hold beyond their concurrency",
    {
      steps: Schema.Array(Step).check(Schema.isMinLength(40), Schema.isMaxLength(80)),
      limit: Schema.Literals([1, 3, 1e9])
    },
    ({ limit, steps }) =>
      Effect.sync(() => {
        const capacity = new Capacity(limit)
        const held: Array<Set<TaskEntry>> = [new Set(), new Set(), new Set()]
        const places = held.map(() => new Places(capacity, new ListProducer()))
        const closed = new Set<number>()
        // The second starts all that it takes, since its window is its concurrency.
        const workers = [
          {
            concurrency: 2,
            state: new WorkerState(new FakeWorker({ concurrency: 2, window: 10 }), new WorkerCounts("worker"), capacity)
          },
          {
            concurrency: Infinity,
            state: new WorkerState(new FakeWorker({ concurrency: 2 }), new WorkerCounts("worker"), capacity)
          }
        ]
        const chunks: Array<Array<Chunk>> = [[], []]
        const owner = subscriptionTo(new ListProducer())
        const left = new Set<number>()
        const expected = () =>
          held.reduce((sum, entries) => sum + entries.size, 0) + workers.reduce((sum, { concurrency }, at) => {
            const open = chunks[at].reduce((sum, chunk) => sum + chunk.open, 0)
            return sum + (left.has(at) ? 0 : Math.max(0, open - concurrency))
          }, 0)
        for (const step of steps) {
          if (step.do === "acquire") {
            const entry = entryOf(0)
            const admitted = held[step.producer].size === 0 || expected() < limit
            // Twice, since an entry has one place however often it is given one.
            if (step.forced) { for (let i = 0; i < 2; i++) places[step.producer].acquire(entry) }
            else assert.strictEqual(places[step.producer].tryAcquire(entry), admitted)
            if ((step.forced || admitted) && !closed.has(step.producer)) held[step.producer].add(entry)
          } else if (step.do === "release") {
            const [entry] = held[step.producer]
            if (entry === undefined) continue
            held[step.producer].delete(entry)
            assert.isTrue(places[step.producer].release(entry))
            assert.isFalse(places[step.producer].release(entry))
          } else if (step.do === "close") {
            places[step.producer].close()
            closed.add(step.producer)
            held[step.producer].clear()
          } else if (step.do === "assign") {
            const { state } = workers[step.worker]
            if (left.has(step.worker)) continue
            const chunk = new Chunk(0, Array.from({ length: step.size }, (_, i) => entryOf(i)), state)
            for (const entry of chunk.items) Object.assign(entry, { subscription: owner, assignment: chunk })
            chunks[step.worker].push(chunk)
            state.add(chunk)
          } else if (step.do === "finish") {
            const chunk = chunks[step.worker].find((chunk) => chunk.open > 0)
            const entry = chunk?.items.find(({ assignment }) => assignment === chunk)
            if (chunk === undefined || entry === undefined) continue
            entry.assignment = undefined
            workers[step.worker].state.remove(chunk, entry)
            owner.released(entry)
          } else if (!left.has(step.worker)) {
            left.add(step.worker)
            workers[step.worker].state.leave()
          }
          assert.strictEqual(capacity.waiting, expected())
          assert.deepStrictEqual(places.map(({ count }) => count), held.map(({ size }) => size))
        }
      }),
    { arbitrary: { runs: 200 } }
  )

  const full = () => {
    const capacity = new Capacity(1)
    const make = () => {
      const producer = new ListProducer()
      const places = new Places(capacity, producer)
      const first = entryOf(0)
      places.acquire(first)
      return { producer, places, first }
    }
    return { capacity, make }
  }

  it("notifies every refused producer once after a release", () => {
    const { capacity, make } = full()
    const [one, two, never] = [make(), make(), make()]
    for (const { places } of [one, one, two]) assert.isFalse(places.tryAcquire(entryOf(1)))
    one.places.release(one.first)
    capacity.notify()
    capacity.notify()
    assert.deepStrictEqual([one, two, never].map(({ producer }) => producer.notified), [1, 1, 0])
  })

  it("notifies a producer that is refused again only after the next release", () => {
    const { capacity, make } = full()
    const { places, producer } = make()
    producer.onNotified = () => assert.isFalse(places.hasRoom())
    assert.isFalse(places.hasRoom())
    capacity.notify()
    assert.strictEqual(producer.notified, 1)
    capacity.notify()
    assert.strictEqual(producer.notified, 2)
  })

  it("notifies the others when a producer is closed, and the closed one no more", () => {
    const { capacity, make } = full()
    const [closed, other] = [make(), make()]
    for (const { places } of [closed, other]) assert.isFalse(places.hasRoom())
    // The other, when notified, finds the place of the closed one free.
    closed.places.close()
    capacity.notify()
    assert.deepStrictEqual([closed.producer.notified, other.producer.notified], [0, 1])
    assert.strictEqual(capacity.waiting, 1)
  })

  it("does not notify a producer that another one closed while it was notified", () => {
    const { capacity, make } = full()
    const [first, second] = [make(), make()]
    for (const { places } of [first, second]) assert.isFalse(places.hasRoom())
    first.producer.onNotified = () => second.places.close()
    capacity.notify()
    assert.strictEqual(second.producer.notified, 0)
  })
})
