import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import type * as Executor from "papyros/Executor"
import * as Task from "papyros/Task"
import { CHUNK_MICROS } from "../../../../src/internal/remote/client/inFlight.ts"
import { ProcessHandle } from "../../../../src/internal/remote/client/workerHandle.ts"
import { maxFrameSize } from "../../../../src/internal/remote/options.ts"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { Commands, type Events } from "../../../../src/internal/remote/protocol/messages.ts"
import { encodeFrames, FRAME_BYTES, toNumbers16 } from "../../../../src/internal/remote/protocol/payloads.ts"

class Work extends Task.Class<Work>()("Work", {
  payload: { n: Schema.optionalKey(Schema.Int), text: Schema.optionalKey(Schema.String) },
  success: Schema.Int
}) {}

const catalog = new TaskCatalog(new Map<string, Task.AnyClass>([["Work", Work]]))

interface ChunkOptions {
  readonly length?: number
  readonly micros?: number
  readonly quarantined?: boolean
  readonly idempotent?: boolean
  readonly payload?: unknown
  readonly span?: Executor.Item["span"]
  readonly taskTimeout?: number
}

/** A scheduler that hands out chunks of a list and records each call. */
const makeScheduler = (chunks: ReadonlyArray<ChunkOptions>) => {
  const calls: Array<ReadonlyArray<unknown>> = []
  const losses: Array<NonNullable<Parameters<Executor.Scheduler["leave"]>[1]>> = []
  let id = 0
  const take = (): Executor.Chunk | undefined => {
    const options = chunks[id]
    if (options === undefined) return undefined
    const { idempotent = true, length = 1, micros = 0, payload, quarantined = false, span, taskTimeout } = options
    id++
    const item = {
      name: "Work",
      payload: payload ?? { n: id },
      attempt: 1,
      taskTimeout,
      idempotent,
      transfer: undefined,
      span,
      depth: 0
    }
    return {
      id,
      items: Array.from({ length }, () => item),
      size: length,
      expectedMicros: micros,
      quarantined,
      bytes: 0,
      note: undefined
    }
  }
  const scheduler: Executor.Scheduler = {
    join: () => calls.push(["join"]),
    take,
    succeed: (chunk, at, value) => calls.push(["succeed", chunk.id, at, value]),
    fail: (chunk, at, { _tag }) => calls.push(["fail", chunk.id, at, _tag]),
    failRunning: () => {},
    recordBusy: () => {},
    starting: () => {},
    replaced: () => {},
    connected: () => () => {},
    requeue: (chunk, from, to) => calls.push(["requeue", chunk.id, from, to]),
    leave: (_handle, loss) => {
      calls.push(["leave"])
      if (loss !== undefined) losses.push(loss)
    },
    unavailable: () => {},
    now: () => performance.now(),
    demand: () => 0,
    spanAttributes: (worker) => ({ "papyros.dispatcher": "test", "papyros.worker": worker }),
    after: () => () => {}
  }
  return { scheduler, calls, losses, taken: () => id }
}

const make = (...chunks: ReadonlyArray<ChunkOptions>) => {
  const recorded = makeScheduler(chunks)
  let left = false
  const handle = new ProcessHandle({
    name: "worker",
    slots: 2,
    maxTaskBytes: 8_000_000,
    catalog,
    unsupported: () => undefined,
    scheduler: recorded.scheduler,
    onJoined: () => {},
    onLeft: () => left = true
  })
  let seq = 0
  const on = (events: Partial<typeof Events.Type>) =>
    handle.onMessage({ seq: ++seq, ack: 0, outcomes: [], returned: [], claims: [], ...events })
  return { ...recorded, handle, on, hasLeft: () => left }
}

/** The outcome of a chunk whose tasks have all succeeded. */
const succeeded = (chunk: number, length: number) => {
  const values = Array.from({ length }, (_, at) => ({ nameIndex: 0, value: 10 * at }))
  const [frame] = encodeFrames(values, [catalog.values("Work")?.success], 1000, () => {})
  return { chunk, succeeded: toNumbers16(values.map((_, at) => at)), values: frame.values, failures: [], micros: 0 }
}

describe("ProcessHandle", () => {
  it("joins with the first credit, and takes no chunk beyond its credit", () => {
    const { calls, handle, on, taken } = make({}, {}, {}, {})
    handle.wake()
    on({ credit: 0 })
    assert.deepStrictEqual([calls.length, taken()], [0, 0])
    on({ credit: 2 })
    assert.deepStrictEqual([calls, taken()], [[["join"]], 2])
    on({ outcomes: [succeeded(1, 1)] })
    assert.deepStrictEqual([calls.at(-1), taken()], [["succeed", 1, 0, 0], 3])
    on({ credit: 3 })
    assert.strictEqual(taken(), 4)
  })

  it("counts a chunk by its expected work, but at least as a sixteenth", () => {
    const half = Array.from({ length: 9 }, () => ({ micros: CHUNK_MICROS / 2 }))
    const tiny = Array.from({ length: 99 }, () => ({ micros: 1 }))
    for (const [chunks, expected] of [[half, 4], [tiny, 32]] as const) {
      const { on, taken } = make(...chunks)
      on({ credit: 2 })
      assert.strictEqual(taken(), expected)
    }
  })

  it.effect("sends what it has taken, and fails alone a payload that is too large", () =>
    Effect.gen(function*() {
      const { calls, handle, on, taken } = make({ length: 2 }, { payload: { text: "x".repeat(9_000_000) } }, {})
      on({ credit: 2 })
      const { runs } = yield* handle.commands.take
      assert.deepStrictEqual(runs.map(({ chunk, first, names }) => [chunk, first, names]), [[1, 0, ["Work"]]])
      assert.deepStrictEqual(calls.at(-1), ["fail", 2, 0, "Undecodable"])
      // The failed chunk has freed credit.
      const next = yield* handle.commands.take
      assert.deepStrictEqual([next.runs.map(({ chunk }) => chunk), taken()], [[3], 3])
    }))

  it.effect("keeps messages of many small tasks below the limit of the worker, also with spans and timeouts", () =>
    Effect.gen(function*() {
      const span = Tracer.externalSpan({ traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: true })
      const count = 300
      const chunk = { length: 1024, payload: {}, span, taskTimeout: 1000 }
      const { handle, on, taken } = make(...Array.from({ length: count }, () => chunk))
      on({ credit: count })
      assert.strictEqual(taken(), count)
      const { encode } = SchemaBinary.encoder(Commands, { fingerprint: true })
      for (let tasks = 0, seq = 1; tasks < 1024 * count; seq++) {
        const commands = yield* handle.commands.take
        for (const { nameIndexes } of commands.runs) tasks += nameIndexes.length / 2
        assert.isAtMost(encode(commands).length, maxFrameSize(8_000_000))
        on({ ack: seq })
      }
    }))

  it.effect("keeps every message below the limit of the worker, and cancels no task that was not sent", () =>
    Effect.gen(function*() {
      const { handle, on } = make(
        { length: 40, payload: { text: "x".repeat(100_000) } },
        { length: 2, payload: { text: "x".repeat(3_000_000) } }
      )
      on({ credit: 2 })
      handle.cancel({ id: 1 } as Executor.Chunk, 39)
      const sent: Array<number> = []
      while (sent.length < 42) {
        const { cancels, runs } = yield* handle.commands.take
        const bytes = runs.flatMap(({ payloads }) => payloads).reduce((sum, { length }) => sum + length, 0)
        const items = runs.flatMap(({ first, nameIndexes }) =>
          Array.from({ length: nameIndexes.length / 2 }, (_, i) => first + i)
        )
        sent.push(...items)
        if (items.length > 1) assert.isAtMost(bytes, FRAME_BYTES)
        // The last of the first chunk.
        assert.strictEqual(cancels.length, items.includes(39) ? 1 : 0)
      }
      assert.deepStrictEqual(sent, [...Array.from({ length: 40 }, (_, i) => i), 0, 1])
    }))

  it.effect("reports of a chunk that was sent in part, which tasks may have started", () =>
    Effect.gen(function*() {
      const { handle, losses, on } = make({ length: 40, payload: { text: "x".repeat(100_000) } })
      on({ credit: 2 })
      const { runs } = yield* handle.commands.take
      const sent = runs.reduce((sum, { nameIndexes }) => sum + nameIndexes.length / 2, 0)
      assert.isBelow(sent, 40)
      handle.lost()
      const [{ started }] = losses[0].chunks
      assert.deepStrictEqual([started(0), started(sent - 1), started(sent)], [true, true, false])
    }))

  it.effect("leaves a worker that drains also if the last task in flight cannot be sent", () =>
    Effect.gen(function*() {
      const { calls, handle, hasLeft, on } = make({ payload: { text: 1 } })
      on({ credit: 1 })
      on({ credit: 0 })
      assert.isFalse(hasLeft())
      // It finds that there is nothing to send.
      yield* Effect.forkChild(handle.commands.take, { startImmediately: true })
      yield* Effect.yieldNow
      assert.deepStrictEqual(calls.at(-1), ["fail", 1, 0, "Undecodable"])
      assert.isTrue(hasLeft())
    }))

  it("refuses reports about tasks that a chunk does not have", () => {
    const { on } = make({ length: 2 })
    on({ credit: 1 })
    const [{ failures, ...outcomes }] = [succeeded(1, 2)]
    const failure = { attempt: 1, worker: "w", failure: { _tag: "UnknownTask" as const } }
    for (const at of [-1, 2, 0.5, NaN]) {
      assert.throws(() => on({ returned: [{ chunk: 1, at }] }))
      assert.throws(() => on({ claims: [{ chunk: 1, at }] }))
      assert.throws(() => on({ outcomes: [{ ...outcomes, failures: [...failures, { ...failure, at }] }] }))
    }
    assert.throws(() => on({ outcomes: [{ ...succeeded(1, 2), succeeded: toNumbers16([0, 2]) }] }))
    for (const micros of [-1, NaN, Infinity, 1e300]) {
      assert.throws(() => on({ outcomes: [{ ...succeeded(1, 2), micros }] }))
    }
  })

  it("has no task for a worker that does not support any of its tasks", () => {
    const { handle, on } = make({})
    const unsupported = (names: ReadonlyArray<string>) => ({
      unsupported: (name: string) => names.find((n) => n === name)
    })
    assert.isFalse(handle.hasTaskFor(unsupported([])))
    on({ credit: 1 })
    assert.isTrue(handle.hasTaskFor(unsupported(["Other"])))
    assert.isFalse(handle.hasTaskFor(unsupported(["Work"])))
  })

  it("fails a task whose result it cannot decode", () => {
    const { calls, on } = make({ length: 2 })
    on({ credit: 1 })
    on({ outcomes: [{ ...succeeded(1, 2), values: [new Uint8Array([1, 2, 3])] }] })
    assert.deepStrictEqual(calls.slice(1), [["fail", 1, 0, "Undecodable"], ["fail", 1, 1, "Undecodable"]])
  })

  it.effect("collects the commands of one turn in one message", () =>
    Effect.gen(function*() {
      const { handle, on } = make({ length: 2, quarantined: true })
      const taking = yield* Effect.forkChild(handle.commands.take, { startImmediately: true })
      on({ credit: 1 })
      on({ claims: [{ chunk: 1, at: 0 }] })
      const message = yield* Fiber.join(taking)
      assert.deepStrictEqual(message.runs.map(({ confirmStart }) => confirmStart), [true])
      assert.deepStrictEqual(message.confirmed, [{ chunk: 1, at: 0 }])
    }))

  it("returns adjacent tasks together", () => {
    const { calls, on } = make({ length: 5 })
    on({ credit: 1 })
    on({ returned: [4, 1, 0, 2].map((at) => ({ chunk: 1, at })) })
    assert.deepStrictEqual(calls.slice(1), [["requeue", 1, 0, 3], ["requeue", 1, 4, 5]])
  })

  it.effect("confirms no claim of a task that is closed", () =>
    Effect.gen(function*() {
      const { handle, losses, on } = make({ length: 2, idempotent: false })
      on({ credit: 1 })
      yield* handle.commands.take
      on({ returned: [{ chunk: 1, at: 0 }] })
      on({ claims: [{ chunk: 1, at: 0 }, { chunk: 1, at: 1 }] })
      assert.deepStrictEqual((yield* handle.commands.take).confirmed, [{ chunk: 1, at: 1 }])
      handle.lost()
      assert.deepStrictEqual([0, 1].map(losses[0].chunks[0].started), [false, true])
    }))

  it.effect("reports at a loss which tasks may have started", () =>
    Effect.gen(function*() {
      const { handle, losses, on } = make({}, { idempotent: false }, { quarantined: true }, { quarantined: true })
      on({ credit: 4 })
      yield* handle.commands.take
      on({ claims: [{ chunk: 4, at: 0 }] })
      handle.lost()
      handle.lost()
      assert.strictEqual(losses.length, 1)
      const started = losses[0].chunks.map(({ chunk, started }) => [chunk.id, started(0)])
      assert.deepStrictEqual(started, [[1, true], [2, false], [3, false], [4, true]])
      assert.isUndefined(losses[0].attribution)
    }))

  it("reports no chunk that was not sent", () => {
    const { handle, losses, on } = make({})
    on({ credit: 1 })
    handle.lost()
    assert.deepStrictEqual(losses[0].chunks, [])
  })

  it("attributes the loss of a draining worker to nobody, and has left once nothing is in flight", () => {
    const { handle, hasLeft, losses, on, taken } = make({}, {})
    on({ credit: 1 })
    on({ credit: 0 })
    assert.deepStrictEqual([hasLeft(), handle.idle], [false, false])
    on({ outcomes: [succeeded(1, 1)] })
    assert.deepStrictEqual([hasLeft(), taken()], [true, 1])
    handle.lost()
    assert.strictEqual(losses[0].attribution, "nobody")
  })

  it.effect("asks for unstarted tasks only without progress for 40 ms, and only beyond the slots", () =>
    Effect.gen(function*() {
      const { handle, on } = make({ length: 3 })
      on({ credit: 1 })
      yield* handle.commands.take
      const now = performance.now()
      handle.requestSteal(now)
      handle.requestSteal(now + 100)
      assert.isTrue((yield* handle.commands.take).steal)
      handle.requestSteal(now + 130)
      on({ returned: [{ chunk: 1, at: 2 }] })
      handle.requestSteal(now + 1000)
      handle.cancel({ id: 1 } as Executor.Chunk, 0)
      assert.deepInclude(yield* handle.commands.take, { steal: false, cancels: [{ chunk: 1, at: 0 }] })
    }))
})
