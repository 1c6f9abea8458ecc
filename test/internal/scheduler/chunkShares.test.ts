import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Assignments } from "../../../src/internal/scheduler/assignments.ts"
import { Capacity } from "../../../src/internal/scheduler/capacity.ts"
import { ChunkSizes } from "../../../src/internal/scheduler/distribution.ts"
import { Observers } from "../../../src/internal/scheduler/observer.ts"
import type { TaskEntry } from "../../../src/internal/scheduler/producer.ts"
import { RunTimes } from "../../../src/internal/scheduler/runTimes.ts"
import { SpanLimit } from "../../../src/internal/scheduler/spanLimit.ts"
import { WorkerCounts } from "../../../src/internal/scheduler/statistics.ts"
import { type Chunk, WorkerState } from "../../../src/internal/scheduler/workerState.ts"
import { entryOf, FakeWorker, ListProducer, subscriptionTo } from "../../support/scheduler/fixtures.ts"

/** Which producer each item of a chunk comes from; or an entry that is released, by its place among those held. */
const Step = Schema.Union([
  Schema.NonEmptyArray(Schema.Literals([0, 1, 2])).check(Schema.isMaxLength(6)),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))
])

describe("AssignedShares", () => {
  it.effect.prop(
    "finds exactly the entries of its producer that workers hold, the newest chunk first",
    { steps: Schema.Array(Step).check(Schema.isMinLength(10), Schema.isMaxLength(40)) },
    ({ steps }) =>
      Effect.sync(() => {
        const capacity = new Capacity(Infinity)
        const spans = new SpanLimit(Infinity, () => 0)
        const assignments = new Assignments(
          capacity,
          new ChunkSizes(),
          new Observers(() => 0, new RunTimes()),
          spans,
          () => {}
        )
        const workers = [new FakeWorker(), new FakeWorker()].map((handle) =>
          new WorkerState(handle, new WorkerCounts(handle.name), capacity)
        )
        const producers = Array.from({ length: 3 }, () => subscriptionTo(new ListProducer()))
        let held: Array<{ readonly chunk: Chunk; readonly entries: Array<TaskEntry> }> = []
        let index = 0
        for (const step of steps) {
          if (typeof step === "number") {
            const all = held.flatMap(({ chunk, entries }) => entries.map((entry) => ({ chunk, entry, entries })))
            if (all.length === 0) continue
            const { chunk, entries, entry } = all[step % all.length]
            entries.splice(entries.indexOf(entry), 1)
            assert.isTrue(assignments.release(chunk, entry))
            assert.isFalse(assignments.release(chunk, entry))
          } else {
            const entries = step.map((producer) => {
              const entry = entryOf(index++)
              entry.subscription = producers[producer]
              return entry
            })
            const chunk = assignments.assign(workers[index % 2], [...entries])!
            held = [{ chunk, entries }, ...held]
          }
          for (const producer of producers) {
            for (const after of [-1, Math.floor(index / 2)]) {
              const expected = held.flatMap(({ entries }) =>
                entries.filter((entry) => entry.subscription === producer && entry.index > after)
              )
              const found = producer.assigned.above(after)
              const sorted = (entries: ReadonlyArray<TaskEntry>) =>
                entries.map(({ index }) => index).toSorted((a, b) => a - b)
              assert.deepStrictEqual(sorted(found), sorted(expected))
              const ids = found.map(({ assignment }) => (assignment as Chunk).id)
              assert.deepStrictEqual(ids, ids.toSorted((a, b) => b - a))
            }
            assert.strictEqual(producer.assigned.size, producer.assigned.above(-1).length)
            // Chunks that are done are retained by nobody.
            if (held.every(({ entries }) => entries.length === 0)) {
              assert.isUndefined(Reflect.get(producer.assigned, "newest"))
            }
          }
        }
        const open = held.filter(({ entries }) => entries.length > 0)
        for (const worker of workers) {
          const chunks: Array<Chunk> = []
          for (let chunk = worker.newestChunk; chunk !== undefined; chunk = chunk.older) chunks.push(chunk)
          assert.deepStrictEqual(
            chunks.map(({ id }) => id),
            open.filter(({ chunk }) => chunk.worker === worker).map(({ chunk }) => chunk.id)
          )
          assert.strictEqual(worker.assigned, chunks.reduce((sum, chunk) => sum + chunk.open, 0))
        }
      }),
    { arbitrary: { runs: 200 } }
  )
})
