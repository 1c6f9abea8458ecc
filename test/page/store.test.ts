import { assert, describe, it } from "@effect/vitest"
import { Store } from "../../page/store.ts"
import type * as Model from "../../src/internal/recorder/model.ts"
import { frame, segments, snapshot, TOTALS } from "../support/recording/data.ts"

const rowOf = (store: Store) => store.rows[0].rows[0].map(({ from }) => from)

describe("Store of the page", () => {
  it("takes frames in order only", () => {
    const store = new Store()
    store.snapshot(snapshot({ sequence: 7 }))
    assert.isFalse(store.frame(frame(7)))
    assert.isFalse(store.frame(frame(9)))
    assert.isTrue(store.frame(frame(8)))
    assert.isTrue(store.frame(frame(9)))
  })

  it("draws no segment, failure or event twice that the first frame repeats", () => {
    const event = (id: number): Model.WorkerEvent => ({
      id,
      at: id,
      worker: "w",
      kind: "joined",
      detail: null,
      tasks: 0
    })
    const store = new Store()
    store.snapshot(snapshot({ segments: segments(0, 20), segmentCount: 12, events: [event(2), event(1)] }))
    store.frame(frame(1, { segments: segments(20, 40), segmentCount: 13, events: [event(3), event(2)] }))
    assert.deepStrictEqual(rowOf(store), [0, 20, 40])
    assert.deepStrictEqual(store.events.map(({ id }) => id), [3, 2, 1])
    // More than a frame can hold.
    store.frame(frame(2, { segments: segments(80, 100), segmentCount: 20 }))
    assert.deepStrictEqual(rowOf(store), [0, 20, 40, 80, 100])
  })

  it("does not give a worker the bars of the one whose id it has", () => {
    const worker = (joinedAt: number) => ({ id: 0, name: `thread-${joinedAt}`, joinedAt }) as Model.WorkerSummary
    const store = new Store()
    store.snapshot(snapshot({ workers: [worker(0)], segments: segments(0, 20), segmentCount: 2 }))
    store.frame(frame(1, { workers: [worker(0)], segments: segments(40), segmentCount: 3 }))
    assert.deepStrictEqual(rowOf(store), [0, 20, 40])
    store.frame(frame(2, { workers: [worker(50)], segments: segments(60), segmentCount: 4 }))
    assert.deepStrictEqual(rowOf(store), [60])
  })

  it("keeps the bars of a worker that came before the worker", () => {
    const store = new Store()
    store.snapshot(snapshot())
    store.frame(frame(1, { segments: segments(0, 20), segmentCount: 2 }))
    const worker = { id: 0, name: "thread-1", joinedAt: 0 } as Model.WorkerSummary
    store.frame(frame(2, { workers: [worker], segments: segments(40), segmentCount: 3 }))
    assert.deepStrictEqual(rowOf(store), [0, 20, 40])
    // After lost frames, another worker has its id.
    const other = { ...worker, joinedAt: 50 }
    store.snapshot(snapshot({ duration: 1500, workers: [other], segments: segments(60), segmentCount: 4 }))
    assert.deepStrictEqual(rowOf(store), [60])
  })

  it("keeps the latest bars, however many workers have had an id", () => {
    const store = new Store()
    store.snapshot(snapshot())
    let segmentCount = 0
    for (let n = 1; n <= 400; n++) {
      const worker = { id: 0, name: `thread-${n}`, joinedAt: Math.min(n, 390) } as Model.WorkerSummary
      const starts = Array.from({ length: 400 }, (_, i) => n * 500 + i)
      segmentCount += 400
      store.frame(frame(n, { workers: [worker], segments: segments(...starts), segmentCount }))
    }
    // Of the last worker.
    assert.lengthOf(rowOf(store), 11 * 400)
  })

  it("has the rates of the last minute", () => {
    const store = new Store()
    store.snapshot(snapshot({ duration: 0 }))
    for (let n = 1; n <= 400; n++) {
      // 10 tasks a second, then 30.
      const succeeded = n <= 200 ? 5 * n : 1000 + 15 * (n - 200)
      store.frame(frame(n, { totals: { ...TOTALS, succeeded } }))
    }
    const { length, succeeded } = store.recent
    assert.closeTo(succeeded / length * 1000, 30, 0.01)
    assert.closeTo(length, 60_000, 500)
    assert.deepStrictEqual(store.throughput(4).succeeded, [30, 30, 30, 15])
  })

  it("shows the whole recording when nothing is known of the last minute", () => {
    const store = new Store()
    store.snapshot(snapshot({ duration: 10_000, totals: { ...TOTALS, succeeded: 100 } }))
    assert.deepInclude(store.recent, { length: 10_000, succeeded: 100 })
  })

  it("keeps bounded memory for days", () => {
    const store = new Store()
    store.snapshot(snapshot())
    let sequence = 0
    for (let at = 0; at < 1_000_000; at += 500) {
      const starts = Array.from({ length: 400 }, (_, i) => at + i)
      sequence++
      store.frame({ ...frame(sequence), at, segments: segments(...starts), segmentCount: 400 * sequence })
    }
    assert.isAtMost(rowOf(store).length, 65_536)
    assert.strictEqual(rowOf(store).at(-1), 999_500 + 399)
  })

  it("has the groups in the order of their last failures, and drops the oldest", () => {
    const group = (id: number, last: number) => ({ id, last, count: id }) as unknown as Model.FailureGroup
    const store = new Store()
    store.snapshot(snapshot({ groups: Array.from({ length: 99 }, (_, i) => group(i + 1, 99 - i)), ungrouped: 1 }))
    store.frame(frame(1, { groups: [group(102, 300), group(101, 200), group(99, 400)], ungrouped: 3 }))
    assert.deepStrictEqual(store.groups.slice(0, 4).map(({ id }) => id), [99, 102, 101, 1])
    assert.deepStrictEqual([store.groups.length, store.groups.at(-1)!.id, store.ungrouped], [100, 97, 3])
  })

  it("keeps what it knows when a snapshot continues the recording, and nothing of another one", () => {
    const store = new Store()
    store.snapshot(snapshot())
    for (let n = 1; n <= 20; n++) {
      store.frame(frame(n, { segments: segments(n * 500), segmentCount: n, totals: { ...TOTALS, succeeded: 5 * n } }))
    }
    const next = { sequence: 20, duration: 10_400, segments: segments(10_000, 10_300), segmentCount: 21 }
    store.snapshot(snapshot({ ...next, totals: { ...TOTALS, succeeded: 104 } }))
    assert.lengthOf(rowOf(store), 21)
    assert.deepStrictEqual(store.throughput(3).succeeded, [10, 10, 9])
    assert.deepStrictEqual([store.recent.length, store.recent.succeeded], [10_400, 104])
    store.snapshot(snapshot({ ...next, startedAt: 1 }))
    assert.deepStrictEqual(rowOf(store), [10_000, 10_300])
  })
})
