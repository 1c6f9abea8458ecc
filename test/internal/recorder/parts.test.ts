import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { remedies } from "../../../src/cli/remedies.ts"
import { type AdviceFacts, advise } from "../../../src/internal/recorder/advice.ts"
import { COLUMNS, Columns } from "../../../src/internal/recorder/columns.ts"
import { Failures } from "../../../src/internal/recorder/failures.ts"
import { NO_BUDGET, NO_TOTALS } from "../../../src/internal/recorder/part.ts"
import { payloadOf } from "../../../src/internal/recorder/payload.ts"
import { SegmentRing, SEGMENTS } from "../../../src/internal/recorder/segments.ts"
import { TypeRecords, TYPES } from "../../../src/internal/recorder/types.ts"
import * as TaskFailure from "../../../src/TaskFailure.ts"
import { entryOf, Number } from "../../support/scheduler/fixtures.ts"

describe("SegmentRing", () => {
  it("keeps the latest segments, and counts all", () => {
    const ring = new SegmentRing()
    const count = SEGMENTS + 1000
    for (let n = 0; n < count; n++) {
      ring.add({ worker: n % 7, row: n % 3, type: n % 5, from: n, to: n + 0.5, tasks: n, failed: 0, busy: n / 4 })
    }
    assert.deepStrictEqual([ring.first, ring.count], [1000, count])
    for (const n of [1000, 1001, count - 1]) {
      assert.deepStrictEqual(ring.get(n), {
        worker: n % 7,
        row: n % 3,
        type: n % 5,
        from: n,
        to: n + 0.5,
        tasks: n,
        failed: 0,
        busy: n / 4
      })
    }
  })
})

describe("Columns", () => {
  it.effect.prop(
    "keep the sum of all amounts, however often they merge",
    {
      amounts: Schema.Array(Schema.Tuple([
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })),
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
      ]))
    },
    ({ amounts }) =>
      Effect.sync(() => {
        const columns = new Columns()
        const values = columns.make()
        for (const [from, length, amount] of amounts) columns.spread(values, from, from + length, amount)
        const total = amounts.reduce((sum, [, , amount]) => sum + amount, 0)
        assert.closeTo(values.reduce((sum, value) => sum + value, 0), total, 0.001 * total)
        assert.strictEqual(values.length, COLUMNS)
        for (const [from, length] of amounts) assert.isBelow(columns.at(from + length), COLUMNS)
      })
  )
})

describe("TypeRecords", () => {
  it("share one record beyond the largest number", () => {
    const types = new TypeRecords()
    const names = Array.from({ length: TYPES + 10 }, (_, n) => `Task${n}`)
    const ids = names.map((name) => types.get(name).id)
    assert.deepStrictEqual(ids, names.map((_, n) => Math.min(n, TYPES)))
    assert.strictEqual(types.get("Task3").id, 3)
    assert.strictEqual(types.all[TYPES].name, "others")
  })
})

describe("Failures", () => {
  const fail = (error: unknown, trace = "Error\n    at f (file.ts:1:2)\n    at g") =>
    TaskFailure.make({
      task: new Number({ n: 1 }),
      attempt: 1,
      worker: "worker",
      trace,
      reason: new TaskFailure.Defect({ defect: error })
    })

  it("groups those with the same error and place", () => {
    const failures = new Failures(false)
    failures.add(fail(new TypeError("a")), entryOf(1), 0)
    failures.add(fail(new TypeError("b")), entryOf(2), 5)
    failures.add(fail(new TypeError("b"), "Error\n    at h (file.ts:9:9)"), entryOf(3), 6)
    failures.add(fail(new RangeError("c")), entryOf(4), 7)
    const groups = failures.groupSummaries
    assert.deepStrictEqual(groups.map(({ count, error, first, last, place }) => [error, place, count, first, last]), [
      ["RangeError", "f (file.ts:1:2)", 1, 7, 7],
      ["TypeError", "h (file.ts:9:9)", 1, 6, 6],
      ["TypeError", "f (file.ts:1:2)", 2, 0, 5]
    ])
    assert.deepStrictEqual(failures.after(0).map(({ index }) => index), [4, 3, 2, 1])
    assert.deepStrictEqual(failures.after(3).map(({ index }) => index), [4])
    assert.include(failures.find(2)?.trace, "at f")
    assert.isNull(failures.find(2)!.payload)
  })

  it("count every failure, and keep a bounded number of details", () => {
    const failures = new Failures(true)
    const count = 10_000
    let rendered = 0
    for (let n = 0; n < count; n++) {
      const failure = fail(new TypeError("x".repeat(5000)))
      Object.defineProperty(failure, "trace", { get: () => (rendered++, `Error\n    at f${n % 500} (file.ts)`) })
      // 1,000 a second.
      failures.add(failure, entryOf(n), n)
    }
    assert.isBelow(rendered, 50 * 10 + 300)
    const groups = failures.groupSummaries
    assert.isAtMost(groups.length, 100)
    assert.strictEqual(groups.reduce((sum, group) => sum + group.count, failures.ungrouped), count)
    assert.strictEqual(failures.count, count)
    assert.isAtMost(failures.after(0).length, 200)
    assert.isBelow(JSON.stringify(failures.after(0)).length, 200 * 700)
  })

  it("render a bounded number of stacks, though each failure has another error", () => {
    const failures = new Failures(false)
    const count = 10_000
    let rendered = 0
    for (let n = 0; n < count; n++) {
      const failure = fail(Object.assign(new Error("x"), { name: `Error${n}` }))
      Object.defineProperty(failure, "trace", { get: () => (rendered++, `Error\n    at f (file.ts)`) })
      // 1,000 a second.
      failures.add(failure, entryOf(n), n)
    }
    assert.isBelow(rendered, 50 * 10 + 300)
    const groups = failures.groupSummaries
    assert.strictEqual(groups.reduce((sum, group) => sum + group.count, failures.ungrouped), count)
    // Many of one cause do not hide another.
    for (let n = 0; n < 1000; n++) failures.add(fail(new TypeError("x")), entryOf(n), count + n)
    failures.add(fail(new RangeError("y")), entryOf(0), count + 1000)
    assert.include(failures.groupSummaries.map(({ error }) => error), "RangeError")
  })

  it("look at the start of a payload only", () => {
    let values = 0
    const bytes = Object.defineProperty(Buffer.alloc(10_000_000), "toJSON", {
      value: () => assert.fail("it would make an array of all bytes")
    })
    const many = (): object => {
      values++
      return {
        "__proto__": 1,
        get more() {
          return [many(), many()]
        },
        text: "x".repeat(1_000_000),
        bytes
      }
    }
    const task = Object.assign(new Number({ n: 1 }), { secret: Redacted.make("hidden"), many: many() })
    const text = payloadOf(task)!
    assert.isAtMost(text.length, 2048)
    assert.isAtMost(values, 2048)
    assert.match(text, /^\{"_tag":"Number","n":1,"secret":"<redacted>","many":\{/)
    assert.strictEqual(payloadOf(new Number({ n: 1 })), JSON.stringify(new Number({ n: 1 })))
    assert.isNull(payloadOf(Object.assign(new Number({ n: 1 }), { n: 1n })))
  })

  it("have the latest attempts before each, and a bounded number of them", () => {
    const failures = new Failures(false)
    const entry = entryOf(1)
    const failed = (attempt: number) => Object.assign(fail(new TypeError(`attempt ${attempt}`)), { attempt })
    for (let attempt = 1; attempt <= 12; attempt++) failures.add(failed(attempt), entry, attempt)
    const attempts = (id: number) => failures.find(id)!.attempts.map(({ attempt, at }) => [attempt, at])
    assert.deepStrictEqual(attempts(1), [])
    assert.deepStrictEqual(attempts(3), [[1, 1], [2, 2]])
    assert.deepStrictEqual(attempts(12), Array.from({ length: 8 }, (_, i) => [i + 4, i + 4]))
    // Of a storm of failures, only some are kept.
    const storm = Array.from({ length: 10_000 }, (_, n) => entryOf(n))
    for (const entry of storm) failures.attempts.addLoss(entry, 1, "worker", { outOfMemory: false }, false, 100)
    assert.isAtMost(storm.filter((entry) => failures.attempts.of(entry).length > 0).length, 200)
  })

  it("have the span of a caller that is sampled", () => {
    const failures = new Failures(false)
    const span = (sampled: boolean) => Tracer.externalSpan({ traceId: "trace", spanId: "span", sampled })
    failures.add(fail(new TypeError("a")), { index: 0, span: span(true) }, 0)
    failures.add(fail(new TypeError("a")), { index: 1, span: span(false) }, 0)
    assert.deepStrictEqual(failures.find(1)!.span, { traceId: "trace", spanId: "span" })
    assert.isNull(failures.find(2)!.span)
    assert.notProperty(failures.after(0)[0], "span")
  })

  it("keep what cannot be printed", () => {
    const failures = new Failures(true)
    const hostile = new Proxy({}, {
      get: () => {
        throw new Error("on purpose")
      }
    })
    failures.add(fail(hostile), entryOf(0), 0)
    assert.strictEqual(failures.count, 1)
  })
})

describe("advise", () => {
  const facts: AdviceFacts = {
    duration: 10_000,
    budget: { ...NO_BUDGET, running: 80_000 },
    totals: { ...NO_TOTALS, started: 1000, succeeded: 1000, slots: 8 },
    meanRun: 80,
    longestRun: 100,
    longestType: "Resize",
    tail: 0,
    mainThread: 0.1,
    workerThreads: 0.99,
    sharesThread: false,
    chunkSize: undefined,
    cpus: 8,
    lostTask: undefined,
    lostCause: undefined
  }
  const half = { ...facts.budget, running: 40_000 }

  it.each<[string, Partial<AdviceFacts>, ReadonlyArray<string>]>([
    ["all well", {}, []],
    ["a run under 2 s", { duration: 1999, budget: { ...half, input: 40_000 } }, []],
    ["waiting for input", { budget: { ...half, input: 40_000 } }, ["input"]],
    ["waiting for the consumer", { budget: { ...half, consumer: 40_000 } }, ["consumer"]],
    ["waiting for order", { budget: { ...half, order: 40_000 } }, ["order"]],
    ["a little waiting for input", { budget: { ...facts.budget, running: 70_000, input: 10_000 } }, []],
    ["a long task at the end", {
      budget: { ...half, noTasks: 40_000 },
      tail: 40_000,
      longestRun: 6000
    }, ["tail"]],
    ["large chunks at the end", {
      budget: { ...half, noTasks: 40_000 },
      tail: 40_000,
      chunkSize: 1000
    }, ["chunkSize"]],
    ["nothing to do, and nothing running", { budget: { ...half, noTasks: 40_000 } }, []],
    ["one thread", { sharesThread: true, mainThread: 0.99, workerThreads: undefined }, ["oneThread"]],
    ["one thread of one CPU", { sharesThread: true, mainThread: 0.99, workerThreads: undefined, cpus: 1 }, []],
    ["threads that wait", { workerThreads: 0.1 }, ["waiting"]],
    ["tasks that are too small", {
      budget: { ...facts.budget, running: 1000, sending: 79_000 },
      meanRun: 0.001,
      mainThread: 0.95,
      totals: { ...facts.totals, succeeded: 1_000_000 }
    }, ["small"]],
    ["a small fixed chunk size", {
      budget: { ...half, sending: 40_000 },
      meanRun: 0.01,
      chunkSize: 1
    }, ["chunkSize"]],
    ["lost work", { totals: { ...facts.totals, restarted: 200 }, lostTask: "Resize" }, ["lost"]],
    ["three causes", { budget: { ...half, running: 10_000, input: 20_000, consumer: 30_000, order: 20_000 } }, [
      "consumer",
      "input"
    ]]
  ])("says what to do about %s", (_, changes, kinds) => {
    const advice = advise({ ...facts, ...changes })
    assert.deepStrictEqual(advice.map(({ kind }) => kind), kinds)
    // The command has flags, and no names of its API.
    const ofCommand = advise({ ...facts, ...changes, remedies }).map(({ text }) => text).join(" ")
    assert.notMatch(ofCommand, /Dispatcher|chunkSize|bufferSize|Stream|`ordered`|`concurrency`/)
    for (const { gain } of advice) {
      assert.isAtLeast(gain, 1500)
      assert.isAtMost(gain, facts.duration)
    }
  })
})
