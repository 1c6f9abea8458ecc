import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Store } from "../../../page/store.ts"
import { MergedRecording } from "../../../src/internal/recorder/merge.ts"
import type * as Model from "../../../src/internal/recorder/model.ts"
import type { Part } from "../../../src/internal/recorder/part.ts"
import { Followed } from "../../../src/internal/remote/operator/recordings.ts"
import { BUDGET, frame, segments, snapshot, TOTALS } from "../../support/recording/data.ts"

const type = (id: number, name: string, succeeded: number): Model.TypeSummary => ({
  id,
  name,
  succeeded,
  failed: 0,
  retried: 0,
  restarted: 0,
  cancelled: 0,
  reasons: {},
  busy: succeeded,
  runs: { from: 56, counts: [succeeded] },
  mean: 1,
  p50: 1,
  p95: 1,
  p99: 1,
  chunk: 4
})

const worker = (id: number, name: string, part: Partial<Model.WorkerSummary> = {}): Model.WorkerSummary => ({
  id,
  name,
  slots: 1,
  state: "up",
  joinedAt: 0,
  leftAt: null,
  held: 0,
  tasks: 0,
  failed: 0,
  busy: 0,
  occupied: 0,
  share: 0,
  heap: null,
  oldest: null,
  ...part
})

const failure = (id: number, group: number): Model.FailureSummary => ({
  id,
  at: 5,
  task: "Add",
  index: id,
  reason: "Failed",
  error: null,
  worker: "thread-1",
  attempt: 1,
  message: "no",
  group
})

const group = (id: number, sample: Model.FailureSummary): Model.FailureGroup => ({
  id,
  task: "Add",
  reason: "Failed",
  error: null,
  place: null,
  count: 1,
  first: 5,
  last: 5,
  sample
})

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

/** Two worker processes whose recordings have the same ids for other things. */
const two = (now = { at: 1000 }) => {
  const merged = new MergedRecording("all", 0, () => now.at)
  const part = (prefix: string, types: ReadonlyArray<Model.TypeSummary>, duration: number): Part =>
    merged.snapshot(
      prefix,
      snapshot({
        startedAt: duration,
        duration,
        types,
        workers: [worker(0, "thread-1", { oldest: { type: 0, tasks: 1, age: 3 } })],
        totals: { ...TOTALS, succeeded: types.reduce((sum, { succeeded }) => sum + succeeded, 0), running: 1 },
        budget: { ...BUDGET, running: duration },
        segments: segments(10, 20),
        segmentCount: 7,
        failures: 1,
        latestFailures: [failure(3, 1)],
        groups: [group(1, failure(3, 1))],
        events: [{ id: 1, at: 1, worker: "thread-1", kind: "joined", detail: null, tasks: 0 }]
      })
    )
  return {
    now,
    merged,
    a: part("a ", [type(0, "Add", 10), type(1, "Sub", 1)], 400),
    b: part("b ", [type(0, "Sub", 100)], 100)
  }
}

describe("MergedRecording", () => {
  it("gives types of one name one id, and workers, failures and groups of their own", () => {
    const { merged } = two()
    const all = merged.toSnapshot()
    assert.deepStrictEqual(all.types.map(({ name, succeeded }) => [name, succeeded]), [["Add", 10], ["Sub", 101]])
    assert.deepStrictEqual(all.workers.map(({ id, name, oldest }) => [id, name, oldest!.type]), [
      [0, "a thread-1", 0],
      [1, "b thread-1", 1]
    ])
    assert.strictEqual(all.totals.succeeded, 111)
    assert.strictEqual(all.totals.running, 2)
    assert.strictEqual(all.budget.running, 500)
    assert.strictEqual(all.failures, 2)
    assert.strictEqual(new Set(all.latestFailures.map(({ id }) => id)).size, 2)
    assert.strictEqual(new Set(all.groups.map(({ id }) => id)).size, 2)
    // The sample of a group is the failure of the list.
    for (const { id, sample } of all.groups) {
      assert.deepStrictEqual(all.latestFailures.find(({ id }) => id === sample.id), sample)
      assert.strictEqual(sample.group, id)
    }
    const [latest] = all.latestFailures
    assert.deepInclude(merged.originOf(latest.id), { id: 3 })
    assert.strictEqual(all.types[0].chunk, 4)
    assert.strictEqual(all.types[1].p50, all.types[0].p50)
  })

  it("places the times of a part when its snapshot comes", () => {
    const all = two().merged.toSnapshot()
    // a began at 600, b at 900.
    assert.deepStrictEqual(all.segments.from, [610, 620, 910, 920])
    assert.deepStrictEqual(all.segments.worker, [0, 0, 1, 1])
    assert.deepStrictEqual(all.segments.type, [0, 0, 1, 1])
    assert.strictEqual(all.segmentCount, 14)
    assert.deepStrictEqual(all.events.map(({ at, worker }) => [at, worker]), [[901, "b thread-1"], [601, "a thread-1"]])
  })

  it("follows frames, refuses one after a gap, and takes nothing twice", () => {
    const { a, merged } = two()
    merged.toFrame()
    assert.isFalse(merged.frame(a, frame(2)))
    const next = frame(1, {
      types: [type(0, "Add", 20)],
      totals: { ...TOTALS, succeeded: 21 },
      segments: segments(20, 30),
      segmentCount: 8,
      latestFailures: [failure(4, 2), failure(3, 1)],
      groups: [group(2, failure(4, 2))],
      failures: 2
    })
    assert.isTrue(merged.frame(a, next))
    const { latestFailures, segments: fresh, sequence, totals, types } = merged.toFrame()
    assert.strictEqual(sequence, 2)
    assert.deepStrictEqual(fresh.from, [630])
    assert.lengthOf(latestFailures, 1)
    assert.strictEqual(types[0].succeeded, 20)
    assert.strictEqual(totals.succeeded, 121)
    assert.deepStrictEqual(merged.toFrame().segments.from, [])
  })

  it("holds back segments until their type is known, for a bounded number of segments", () => {
    const { a, merged } = two()
    merged.toFrame()
    const of = (type: number, ...from: ReadonlyArray<number>) => ({ ...segments(...from), type: from.map(() => type) })
    // The second type of the part has no name yet.
    merged.frame(a, frame(1, { segments: of(2, 100), segmentCount: 8 }))
    merged.frame(a, frame(2, { segments: of(0, 110), segmentCount: 9 }))
    const before = merged.toFrame()
    assert.deepStrictEqual(before.segments.from, [])
    merged.frame(a, frame(3, { types: [type(2, "Mul", 1)], segmentCount: 9 }))
    const after = merged.toFrame()
    assert.deepStrictEqual(after.segments.from, [700, 710])
    assert.deepStrictEqual(after.segments.type.map((id) => after.types[id].name), ["Mul", "Add"])
    assert.strictEqual(after.segmentCount, before.segmentCount + 2)
    // A chunk of a type without a name is not shown as one of another type.
    merged.frame(
      a,
      frame(4, { workers: [worker(0, "thread-1", { oldest: { type: 9, tasks: 1, age: 3 } })], segmentCount: 9 })
    )
    assert.isNull(merged.toFrame().workers[0].oldest)
    // A part that never tells the name of a type loses these segments, and no others.
    const count = 9 + 3000
    const many = Array.from({ length: 3000 }, (_, i) => 200 + 20 * i)
    merged.frame(a, frame(5, { segments: of(9, ...many), segmentCount: count }))
    merged.frame(a, frame(6, { segments: of(0, 99_000), segmentCount: count + 1 }))
    assert.isAtMost(a.waiting.length, 2000)
    for (let i = 0; i < 2001; i++) {
      merged.frame(a, frame(7 + i, { segments: of(9, 99_100 + 20 * i), segmentCount: count + 2 + i }))
    }
    assert.deepStrictEqual(merged.toFrame().segments.from, [99_600])
    assert.strictEqual(merged.toFrame().segmentCount + a.waiting.length, 7 + count + 2001 + 1)
  })

  it("keeps the counts of a part that is gone, and continues the part of the same recording", () => {
    const { a, merged, now } = two()
    merged.leave(a)
    const gone = merged.toSnapshot()
    assert.strictEqual(gone.totals.succeeded, 111)
    assert.strictEqual(gone.totals.running, 1)
    assert.deepStrictEqual(gone.workers.map(({ state }) => state), ["lost", "up"])
    now.at = 5000
    const again = merged.snapshot(
      "a ",
      snapshot({
        startedAt: 400,
        duration: 4400,
        types: [type(0, "Add", 30)],
        workers: [worker(0, "thread-1")],
        totals: { ...TOTALS, succeeded: 30 }
      })
    )
    assert.strictEqual(again, a)
    const back = merged.toSnapshot()
    assert.strictEqual(back.totals.succeeded, 130)
    assert.deepStrictEqual(back.workers.map(({ state }) => state), ["up", "up"])
    // Another recording: the process was started again.
    merged.snapshot("a ", snapshot({ startedAt: 4999, totals: { ...TOTALS, succeeded: 1 } }))
    assert.strictEqual(merged.toSnapshot().totals.succeeded, 131)
  })

  it("forgets the groups of failures that are not kept any more", () => {
    const { a, merged } = two()
    const first = () => merged.toSnapshot().groups.find(({ task }) => task === "First")!.id
    const next = (n: number) => merged.frame(a, frame(n, { groups: [{ ...group(2, failure(4, 2)), task: "First" }] }))
    next(1)
    const id = first()
    for (let n = 2; n <= 2000; n++) {
      // One that fails now and then, among others.
      if (n % 50 === 0) next(n)
      else merged.frame(a, frame(n, { groups: [group(100 + n, failure(n, 100 + n))] }))
    }
    assert.isAtMost(a.groups.size, 600)
    assert.strictEqual(first(), id)
  })

  it("keeps the counts of a process that starts again and again, and bounded memory", () => {
    const now = { at: 0 }
    const merged = new MergedRecording("all", 0, () => now.at)
    const store = new Store()
    const starts = 50
    for (let n = 1; n <= starts; n++) {
      now.at = 1000 * n
      const part = merged.snapshot(
        "a ",
        snapshot({
          startedAt: n,
          duration: 100,
          types: [{ ...type(0, "Add", 10), reasons: { [`Reason${n}`]: 1, Failed: 2 } }, type(1, `Type${n % 2}`, n)],
          workers: [worker(0, "thread-1"), worker(1, "thread-2")],
          totals: { ...TOTALS, succeeded: 10 + n, running: 1 },
          budget: { ...BUDGET, running: 100 },
          segments: segments(10, 20),
          segmentCount: 2,
          failures: 2
        })
      )
      if (n === 1) store.snapshot(merged.toSnapshot())
      else assert.isTrue(store.frame(merged.toFrame()))
      if (n < starts) merged.leave(part)
    }
    const { budget, failures, segments: { worker: bars }, totals, types, workers } = merged.toSnapshot()
    assert.deepStrictEqual([totals.succeeded, totals.running, failures], [10 * starts + 1275, 1, 2 * starts])
    assert.strictEqual(budget.running, 100 * starts)
    assert.deepStrictEqual(types.map(({ name, runs, succeeded }) => [name, succeeded, sum(runs.counts)]), [
      ["Add", 10 * starts, 10 * starts],
      ["Type1", 625, 625],
      ["Type0", 650, 650]
    ])
    assert.strictEqual(types[0].reasons.Failed, 2 * starts)
    assert.strictEqual(sum(Object.values(types[0].reasons)), 3 * starts)
    // Of the latest four starts, without those whose worker has another one's id.
    assert.deepStrictEqual(workers.map(({ state }) => state).toSorted(), [...Array(6).fill("lost"), "up", "up"])
    assert.lengthOf(bars, 8)
    assert.isTrue(store.rows.every(({ rows }) => rows.every((row) => row.length <= 2)))
    // No worker can fill the memory by its names.
    for (let n = 0; n < 20; n++) {
      const names = Array.from({ length: 100 }, (_, i) => type(i, `Lie${n} ${i}`, 1))
      const named = names.map((one, i) => ({ ...one, reasons: { [`Lie${n} ${i}`]: 1 } }))
      merged.snapshot("b ", snapshot({ startedAt: n, types: named }))
    }
    const lied = merged.toSnapshot().types
    assert.isAtMost(lied.length, 1001)
    assert.isTrue(lied.every(({ reasons }) => Object.keys(reasons).length <= 65))
    assert.strictEqual(sum(lied.map(({ succeeded }) => succeeded)), 10 * starts + 1275 + 2000)
  })

  it("survives a part that skips ids of workers", () => {
    const merged = new MergedRecording("all", 0, () => 1000)
    merged.leave(merged.snapshot("a ", snapshot({ workers: [worker(5, "thread-6")] })))
    const [{ name, state }] = merged.toSnapshot().workers
    assert.deepStrictEqual([name, state], ["a thread-6", "lost"])
  })

  it.effect("takes no snapshot of a worker that lies", () =>
    Effect.gen(function*() {
      const decode = (part: object) =>
        Effect.exit(Schema.decodeEffect(Followed)(JSON.stringify({ snapshot: { ...snapshot(), ...part } })))
      assert.strictEqual((yield* decode({}))._tag, "Success")
      const lies: ReadonlyArray<object> = [
        { duration: null },
        { workers: [worker(1e9, "thread-1")] },
        { workers: [worker(0, "x".repeat(1000))] },
        { workers: [worker(0, "x", { slots: null as never })] },
        { types: [type(-1, "Add", 1)] },
        { segments: { ...segments(1, 2), from: [1] } },
        { segments: segments(...Array.from({ length: 8001 }, (_, i) => i)) },
        { totals: { ...TOTALS, succeeded: "many" } },
        { totals: { ...TOTALS, succeeded: 1e300 } },
        { duration: 1e300 },
        { segments: { ...segments(1), to: [-1e300] } },
        { types: [{ ...type(0, "Add", 1), reasons: { ["x".repeat(1000)]: 1 } }] },
        {
          types: [{ ...type(0, "Add", 1), reasons: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, 1])) }]
        }
      ]
      for (const lie of lies) assert.strictEqual((yield* decode(lie))._tag, "Failure", JSON.stringify(lie).slice(0, 80))
    }))
})
