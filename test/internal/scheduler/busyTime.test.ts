import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { recordRun } from "../../../src/internal/scheduler/busyTime.ts"
import { ChunkSizes } from "../../../src/internal/scheduler/distribution.ts"
import { bucketMicros, RUN_TIME_BUCKETS } from "../../../src/internal/scheduler/runTimeBuckets.ts"
import { bucketOf, RunTimes } from "../../../src/internal/scheduler/runTimes.ts"
import { TaskCounts } from "../../../src/internal/scheduler/statistics.ts"
import type { TaskType } from "../../../src/internal/scheduler/taskTypes.ts"
import { entryOf } from "../../support/scheduler/fixtures.ts"

const Micros = Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 1e6 }))

const typeOf = (micros: number): TaskType => ({
  name: "T",
  counts: new TaskCounts("T", () => {}),
  codec: undefined,
  micros,
  bytes: 0,
  encoded: 0
})

const entriesOf = (types: ReadonlyArray<TaskType>) =>
  types.map((type, i) => {
    const entry = entryOf(i)
    entry.type = type
    return entry
  })

describe("recordRun", () => {
  it.effect.prop(
    "gives each of several types its share of the measured time",
    { a: Micros, b: Micros, count: Schema.Literals([1, 2, 7]), factor: Schema.Literals([1, 2, 10]) },
    ({ a, b, count, factor }) =>
      Effect.sync(() => {
        const [first, second] = [typeOf(a), typeOf(b)]
        // All tasks took `factor` times as long as expected.
        recordRun(entriesOf([...Array.from({ length: count }, () => first), second]), factor * (count * a + b))
        assert.closeTo(first.micros, factor * a, 1e-6 * factor * a)
        assert.closeTo(second.micros, factor * b, 1e-6 * factor * b)
        assert.closeTo(first.counts.runTimes.micros, count * factor * a, 1e-6 * count * factor * a)
        assert.deepStrictEqual([first.counts.runTimes.count, second.counts.runTimes.count], [count, 1])
      })
  )

  it("gives tasks of one type the mean", () => {
    const type = typeOf(0)
    recordRun(entriesOf([type, type, type, type]), 400)
    assert.strictEqual(type.micros, 100)
    assert.deepInclude(type.counts.runTimes, { count: 4, micros: 400 })
  })

  it("gives a type whose time is not known the time that the others leave, or the mean of all", () => {
    const run = (micros: number, ...estimates: ReadonlyArray<number>) => {
      const types = estimates.map(typeOf)
      recordRun(entriesOf(types), micros)
      assert.isTrue(types.every(({ counts }) => counts.runTimes.count === 1))
      return types.map(({ counts, micros }) => [counts.runTimes.micros, micros])
    }
    assert.deepStrictEqual(run(30, 10, 0), [[10, 10], [20, 15]])
    assert.deepStrictEqual(run(31, 10, 0, 0)[1], [10.5, 31 / 3])
    // They were expected to take longer than all took.
    assert.deepStrictEqual(run(30, 45, 0).map(([runTime]) => runTime), [22.5, 7.5])
    assert.deepStrictEqual(run(30, 0, 0), [[15, 15], [15, 15]])
    assert.deepStrictEqual(run(0, 0, 10).map(([runTime]) => runTime), [0, 0])
  })
})

describe("RunTimes", () => {
  it.effect.prop(
    "finds the bucket between whose bounds a time lies",
    { exponent: Schema.Finite.check(Schema.isBetween({ minimum: -3.9, maximum: 31.9 })) },
    ({ exponent }) =>
      Effect.sync(() => {
        const micros = 2 ** exponent
        const bucket = bucketOf(micros)
        assert.isAtMost(bucketMicros(bucket), micros)
        assert.isAbove(bucketMicros(bucket + 1), micros)
        assert.isAtMost(bucketMicros(bucket + 1) / bucketMicros(bucket), 1.25)
      })
  )

  it("counts every time, however short or long", () => {
    assert.deepStrictEqual([0, 1e-9, 1e12, Number.MAX_VALUE].map(bucketOf), [
      0,
      0,
      RUN_TIME_BUCKETS - 1,
      RUN_TIME_BUCKETS - 1
    ])
  })

  it.effect.prop(
    "has the counts of the metric",
    { times: Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: -5, maximum: 30 }))) },
    ({ times }) =>
      Effect.sync(() => {
        const runTimes = new RunTimes()
        const seconds = times.map((exponent) => 2 ** exponent / 1e6)
        for (const s of seconds) runTimes.add(s * 1e6, 2)
        const { boundaries } = runTimes
        const expected = [...boundaries, Infinity].map((high, i) =>
          2 * seconds.filter((s) => s < high && (i === 0 || s >= boundaries[i - 1])).length
        )
        assert.deepStrictEqual(Array.from(runTimes.counts), expected)
        assert.strictEqual(runTimes.count, 2 * seconds.length)
      })
  )
})

describe("ChunkSizes", () => {
  it("counts a size up to and with each boundary", () => {
    const sizes = new ChunkSizes()
    const all = [1, 2, 3, 4, 5, 4096, 4097, 1e6]
    for (const size of all) sizes.add(size)
    const expected = [...sizes.boundaries, Infinity].map((high, i) =>
      all.filter((size) => size <= high && (i === 0 || size > sizes.boundaries[i - 1])).length
    )
    assert.deepStrictEqual(Array.from(sizes.counts), expected)
    assert.deepInclude(sizes, { count: all.length, min: 1, max: 1e6 })
  })
})
