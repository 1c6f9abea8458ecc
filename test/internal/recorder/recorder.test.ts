import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import type * as Model from "../../../src/internal/recorder/model.ts"
import { pack } from "../../../src/internal/recorder/pack.ts"
import { Recorder } from "../../../src/internal/recorder/recorder.ts"
import { snapshotOf } from "../../../src/internal/recorder/summary.ts"
import type { Chunk } from "../../../src/internal/scheduler/workerState.ts"
import { Dice } from "../../../src/testing/random.ts"
import { entryOf, FakeWorker, ListProducer, makeScheduler, Number, Once } from "../../support/scheduler/fixtures.ts"

const OPTIONS = { name: undefined, window: 120_000, payloads: false }

/** Counted beside the recorder, from what the workers of the test do. */
class Oracle {
  readonly succeeded = new Map<string, number>()
  failures = 0
  busy = 0
  ended = 0
  readonly slotTime = new Map<FakeWorker, number>()
  /** In which a worker of one slot held a task. */
  readonly heldTime = new Map<FakeWorker, number>()
}

class Worker extends FakeWorker {
  /** Its chunks, with the items that it has not settled. */
  held: Array<{ readonly chunk: Chunk; readonly open: Set<number> }> = []
}

/** Random workers take, report, settle, give back and are lost, as time passes. */
const history = Effect.fnUntraced(function*(seed: number, recorders: number) {
  const dice = new Dice(seed)
  const { scheduler, subscribe } = yield* makeScheduler({ boundary: "none" }, { maxWorkerLosses: 2 })
  const recorder = () => new Recorder([scheduler], OPTIONS, 0)
  const all = Array.from({ length: recorders }, recorder)
  const oracle = new Oracle()
  let workers: Array<Worker> = []
  let count = 0
  let tasks = 0
  const join = () => {
    const concurrency = dice.pick([1, 1, 1, 2, 4, 40])
    const worker = new Worker({ name: `worker-${count++}`, concurrency, window: concurrency * dice.pick([1, 2]) })
    worker.onCancel = (chunk, at) => scheduler.requeue(chunk as Chunk, at, at + 1)
    workers.push(worker)
    scheduler.join(worker)
  }
  const take = (worker: Worker) => {
    const chunk = scheduler.take(worker, dice.between(1, 6))
    if (chunk !== undefined) worker.held.push({ chunk, open: new Set(chunk.items.keys()) })
  }
  const settle = (worker: Worker) => {
    const held = dice.pick(worker.held)
    const items = Array.from(held.open).slice(0, dice.between(1, held.open.size))
    if (dice.chance(0.8)) {
      const micros = dice.between(0, 5000)
      oracle.busy += micros
      scheduler.recordBusy(items.map((at) => held.chunk.items[at]), micros)
    }
    for (const at of items) {
      const { name } = held.chunk.items[at]
      held.open.delete(at)
      if (held.open.size === 0) worker.held.splice(worker.held.indexOf(held), 1)
      oracle.ended++
      if (dice.chance(0.8)) {
        oracle.succeeded.set(name, (oracle.succeeded.get(name) ?? 0) + 1)
        scheduler.succeed(held.chunk, at, undefined)
      } else {
        oracle.failures++
        scheduler.fail(held.chunk, at, { _tag: "Defect", defect: new Error("on purpose"), trace: "" })
      }
    }
  }
  const giveBack = (worker: Worker) => {
    const held = dice.pick(worker.held)
    const items = Array.from(held.open)
    const from = dice.pick(items)
    for (const at of items) {
      if (at < from) continue
      held.open.delete(at)
      if (held.open.size === 0) worker.held.splice(worker.held.indexOf(held), 1)
      scheduler.requeue(held.chunk, at, at + 1)
    }
  }
  const leave = (worker: Worker) => {
    workers = workers.filter((other) => other !== worker)
    const { held } = worker
    worker.held = []
    if (dice.chance(0.3)) return scheduler.leave(worker)
    // Those that have started end with it.
    const started = dice.chance(0.5)
    if (started) { for (const { open } of held) oracle.ended += open.size }
    scheduler.leave(worker, {
      outOfMemory: dice.chance(0.5),
      exitCode: 1,
      chunks: held.map(({ chunk }) => ({ chunk, started: () => started }))
    })
  }
  const pass = Effect.fnUntraced(function*(millis: number) {
    for (const worker of workers) {
      oracle.slotTime.set(worker, (oracle.slotTime.get(worker) ?? 0) + millis * worker.concurrency)
      const holds = worker.held.length > 0
      if (worker.concurrency === 1 && holds) {
        oracle.heldTime.set(worker, (oracle.heldTime.get(worker) ?? 0) + millis)
      }
    }
    yield* TestClock.adjust(millis)
    if (dice.chance(0.5)) { for (const recorder of all) recorder.sample() }
  })
  join()
  for (let step = 0; step < 400; step++) {
    const worker = workers.length === 0 ? undefined : dice.pick(workers)
    const holds = worker !== undefined && worker.held.length > 0
    const choice = dice.below(20)
    if (choice < 2) {
      const entries = Array.from({ length: dice.between(1, 10) }, () => {
        const n = tasks++
        return entryOf(n, dice.chance(0.7) ? new Number({ n }) : new Once({ n }))
      })
      subscribe(new ListProducer(entries)).ready()
    } else if (choice === 2 && workers.length < 8) join()
    else if (choice === 3 && worker !== undefined && dice.chance(0.3)) leave(worker)
    else if (choice === 4 && holds) giveBack(worker)
    else if (choice < 10 && worker !== undefined) take(worker)
    else if (choice < 16 && holds) settle(worker)
    else yield* pass(dice.pick([0, 1, 1, 3, 10, 200, 5000]))
  }
  for (const worker of workers.slice()) while (worker.held.length > 0) settle(worker)
  return { recorders: all, oracle, scheduler }
})

const sum = (values: Iterable<number>): number => Array.from(values).reduce((total, value) => total + value, 0)

const near = (actual: number, expected: number, what: string) =>
  assert.closeTo(actual, expected, 0.1 + 1e-6 * Math.abs(expected), what)

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

const countsOutcomes = ({ totals, types }: Model.Snapshot, oracle: Oracle) => {
  for (const type of types) assert.strictEqual(type.succeeded, oracle.succeeded.get(type.name) ?? 0)
  assert.strictEqual(totals.succeeded, sum(oracle.succeeded.values()))
  // Those that are lost with their workers fail as well.
  assert.isAtLeast(totals.failed, oracle.failures)
  assert.strictEqual(totals.failed, sum(types.flatMap(({ reasons }) => Object.values(reasons))))
  assert.strictEqual(sum(types.map(({ reasons }) => reasons.Defect ?? 0)), oracle.failures)
}

const addsUpTime = ({ budget, workers }: Model.Snapshot, oracle: Oracle) => {
  near(sum(Object.values(budget)), sum(oracle.slotTime.values()), "the budget adds up to slots × time")
  for (const [name, millis] of Object.entries(budget)) assert.isAtLeast(millis, 0, name)
  for (const [worker, millis] of oracle.heldTime) {
    near(workers.find(({ name }) => name === worker.name)!.occupied, millis, worker.name)
  }
  for (const { busy, occupied } of workers) assert.isAtMost(busy, occupied + 0.01)
}

const hasNoOverlaps = ({ segments, workers }: Model.Snapshot) => {
  const ends = new Map<string, number>()
  for (let i = 0; i < segments.from.length; i++) {
    const row = `${segments.worker[i]} ${segments.row[i]}`
    assert.isAtLeast(segments.from[i], ends.get(row) ?? 0)
    assert.isAtLeast(segments.to[i], segments.from[i])
    assert.isBelow(segments.row[i], Math.min(32, workers[segments.worker[i]].slots))
    ends.set(row, segments.to[i])
  }
}

const mergesWithoutLoss = ({ segments, series, workers }: Model.Snapshot, oracle: Oracle, recorder: Recorder) => {
  assert.strictEqual(sum(segments.tasks), oracle.ended)
  assert.strictEqual(sum(segments.tasks), sum(workers.map(({ tasks }) => tasks)))
  assert.strictEqual(sum(segments.failed), oracle.failures)
  assert.strictEqual(sum(workers.map(({ failed }) => failed)), oracle.failures)
  const columns = recorder.workers.flatMap(({ busyByType }) => busyByType.map((values) => sum(values ?? [])))
  near(sum(columns) / 1000, oracle.busy / 1000, "busy time in columns")
  near(sum(segments.busy), oracle.busy / 1000, "busy time in segments")
  near(sum(recorder.workers.map(({ busy }) => busy)) / 1000, oracle.busy / 1000, "busy time of workers")
  assert.strictEqual(sum(series.succeeded), sum(oracle.succeeded.values()))
}

describe("Recorder", () => {
  it.effect.prop("agrees with an oracle over random histories", { seed: Seed }, ({ seed }) =>
    Effect.gen(function*() {
      const { oracle, recorders } = yield* history(seed, 1)
      const snapshot = snapshotOf(recorders[0], 0)
      countsOutcomes(snapshot, oracle)
      addsUpTime(snapshot, oracle)
      hasNoOverlaps(snapshot)
      mergesWithoutLoss(snapshot, oracle, recorders[0])
      assert.deepStrictEqual(JSON.parse(JSON.stringify(snapshot)), snapshot)
    }), { arbitrary: { runs: 30 } })

  it.effect.prop(
    "packs its history without losing a segment or busy time",
    { seed: Seed },
    ({ seed }) =>
      Effect.gen(function*() {
        const { recorders: [recorder] } = yield* history(seed, 1)
        const bytes = pack(recorder)
        const view = new DataView(bytes.buffer)
        const length = view.getUint32(0, true)
        const header: Model.HistoryHeader = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
        let at = Math.ceil((4 + length) / 8) * 8
        const column = () => Array.from({ length: header.columns }, () => view.getUint16((at += 2) - 2, true))
        for (const [i, { slots, types }] of header.workers.entries()) {
          const shares = sum(types.flatMap(column)) / 65_535
          const record = recorder.workers[i]
          const busy = sum(record.busyByType.flatMap((values) => Array.from(values ?? []))) / 1000
          // Each number is rounded, and no share is above 1.
          const lost = header.columns * types.length * header.width * slots / 65_535
          assert.isAtMost(shares * header.width * slots, busy + lost)
          assert.strictEqual(sum(column()), record.failed)
        }
        const { segments } = snapshotOf(recorder, 0)
        assert.strictEqual(header.segments, segments.from.length)
        for (let i = 0; i < header.segments; i++, at += 20) {
          assert.strictEqual(view.getUint16(at, true), segments.worker[i])
          assert.strictEqual(view.getUint8(at + 2), segments.row[i])
          assert.strictEqual(header.types[view.getUint8(at + 3)], header.types[segments.type[i]])
          near(header.segmentsFrom + view.getUint32(at + 8, true) / 100, segments.from[i], "from")
          near(view.getUint32(at + 12, true) / 100, segments.to[i] - segments.from[i], "length")
          assert.strictEqual(view.getUint32(at + 16, true), segments.tasks[i])
        }
        assert.strictEqual(at, bytes.length)
      }),
    { arbitrary: { runs: 5 } }
  )

  it.effect.prop("records the same for two observers", { seed: Seed }, ({ seed }) =>
    Effect.gen(function*() {
      const { recorders } = yield* history(seed, 2)
      const [first, second] = recorders.map((recorder) => ({ ...snapshotOf(recorder, 0), mainThread: 0 }))
      assert.deepStrictEqual(first, second)
    }), { arbitrary: { runs: 5 } })

  it.effect("has one event for the tasks that start again because of one loss, and keeps all other events", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({ boundary: "none" })
      const recorder = new Recorder([scheduler], OPTIONS, 0)
      const tasks = 2000
      const worker = new FakeWorker({ concurrency: tasks })
      scheduler.join(worker)
      subscribe(new ListProducer(Array.from({ length: tasks }, (_, n) => entryOf(n))))
      const held: Array<Chunk> = []
      for (let taken = 0; taken < tasks; taken += held.at(-1)!.items.length) {
        held.push(scheduler.take(worker, tasks) as Chunk)
      }
      scheduler.leave(worker, {
        outOfMemory: true,
        chunks: held.map((chunk) => ({ chunk, started: () => true }))
      })
      const { events } = snapshotOf(recorder, 0)
      assert.deepStrictEqual(events.map(({ detail, kind, tasks }) => [kind, tasks, detail]), [
        ["lost", 0, "out of memory"],
        ["restarted", tasks, "Number"],
        ["joined", 0, null]
      ])
    }))

  it.effect("has the earlier attempts of a task that fails: retries, and losses of its worker", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({ boundary: "none" }, { maxWorkerLosses: 3 })
      const recorder = new Recorder([scheduler], OPTIONS, 0)
      const entry = entryOf(7)
      const other = entryOf(7)
      const producer = new ListProducer([entry])
      subscribe(producer)
      const lose = (name: string) => {
        const worker = new FakeWorker({ name })
        scheduler.join(worker)
        const chunk = scheduler.take(worker, 1) as Chunk
        scheduler.leave(worker, { outOfMemory: true, chunks: [{ chunk, started: () => true }] })
      }
      lose("worker-1")
      yield* TestClock.adjust(5)
      lose("worker-2")
      yield* TestClock.adjust(5)
      const worker = new FakeWorker({ name: "worker-3" })
      scheduler.join(worker)
      const chunk = scheduler.take(worker, 1) as Chunk
      scheduler.fail(chunk, 0, { _tag: "Defect", defect: new Error("on purpose"), trace: "" })
      const [{ id }] = snapshotOf(recorder, 0).latestFailures
      const details = recorder.failures.find(id)!
      const message = "out of memory; this task ended the worker"
      assert.deepStrictEqual(details.attempts, [
        { attempt: 1, at: 0, worker: "worker-1", reason: "WorkerLost", message },
        { attempt: 2, at: 5, worker: "worker-2", reason: "WorkerLost", message }
      ])
      assert.strictEqual(details.attempt, 3)
      // Another task with the same index has none.
      assert.deepStrictEqual(recorder.failures.attempts.of(other), [])
    }))

  it.effect("counts an attempt once that goes on after its timeout", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({ boundary: "none" })
      const recorder = new Recorder([scheduler], OPTIONS, 0)
      const worker = new FakeWorker()
      scheduler.join(worker)
      subscribe(new ListProducer([entryOf(0)]))
      const chunk = scheduler.take(worker, 1) as Chunk
      const started = () => snapshotOf(recorder, 0).totals.started
      assert.strictEqual(started(), 1)
      scheduler.failRunning(chunk, 0, { _tag: "TimedOut", millis: 1 })
      assert.strictEqual(started(), 1)
      scheduler.fail(chunk, 0, { _tag: "Interrupted", trace: "" })
      assert.strictEqual(started(), 1)
    }))

  it.effect("has the whole time of slots whose tasks end one after the other within a chunk", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({ boundary: "none" })
      const recorder = new Recorder([scheduler], OPTIONS, 0)
      const worker = new FakeWorker({ concurrency: 8, window: 64 })
      scheduler.join(worker)
      subscribe(new ListProducer(Array.from({ length: 64 }, (_, n) => entryOf(n)), 64))
      const chunk = scheduler.take(worker, 64) as Chunk
      assert.strictEqual(chunk.size, 64)
      // Eight at a time, for a second each. The last one of all takes a second more.
      for (let at = 0; at < 72; at += 8) {
        for (let tenth = 0; tenth < 10; tenth++) {
          yield* TestClock.adjust(100)
          recorder.sample()
        }
        for (let i = at; i < at + 8; i++) if (i < 63 || i === 64) scheduler.succeed(chunk, Math.min(i, 63), undefined)
        recorder.sample()
      }
      near(snapshotOf(recorder, 0).workers[0].occupied, 64_000 + 1000, "occupied")
    }))

  it.effect("keeps a row for each worker that is up, however many have left, and loses no sum", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler({ boundary: "none" })
      const recorder = new Recorder([scheduler], OPTIONS, 0)
      const workers = 600
      subscribe(new ListProducer(Array.from({ length: workers }, (_, n) => entryOf(n))))
      const permanent = new FakeWorker({ name: "permanent" })
      scheduler.join(permanent)
      for (let n = 0; n < workers; n++) {
        const worker = new FakeWorker({ name: `worker-${n}` })
        scheduler.join(worker)
        const chunk = scheduler.take(worker, 1)!
        yield* TestClock.adjust(10)
        scheduler.recordBusy(chunk.items, 5000)
        scheduler.succeed(chunk, 0, undefined)
        if (n < workers - 1) scheduler.leave(worker)
      }
      recorder.sample()
      const snapshot = snapshotOf(recorder, 0)
      const up = snapshot.workers.filter(({ state }) => state === "up").map(({ name }) => name)
      assert.deepStrictEqual(up.sort(), ["permanent", `worker-${workers - 1}`])
      assert.lengthOf(snapshot.workers, 257)
      assert.strictEqual(sum(snapshot.workers.map(({ tasks }) => tasks)), workers)
      near(sum(snapshot.workers.map(({ busy }) => busy)), 5 * workers, "busy")
      // The permanent worker, and one other at a time.
      near(sum(Object.values(snapshot.budget)), 2 * 10 * workers, "budget")
      // Bars of workers whose places were needed are those of the others.
      const others = snapshot.workers.findIndex(({ name }) => name === "others")
      const own = new Set(snapshot.workers.map(({ id }) => id))
      assert.isTrue(snapshot.segments.worker.every((id) => own.has(id)))
      assert.lengthOf(snapshot.segments.worker.filter((id) => id === others), workers - 255)
      near(sum(recorder.series.occupied), 10 * workers, "occupied")
    }))
})
