import { assert, describe, it } from "@effect/vitest"
import { judge, MAX_GROWTH, type Run, type Sample } from "../../../benchmark/soak/verdict.ts"

const rest = { heap: 50e6, rss: 500e6, handles: 3, threads: 0, descriptors: 30 }

/** Twenty minutes whose heap swings by 1 MB around its level, and grows by a number of bytes each minute. */
const run = (growth: { readonly heap?: number; readonly threadHeap?: number } = {}): Run => ({
  before: rest,
  after: rest,
  mistakes: 0,
  samples: Array.from({ length: 20 }, (_, i): Sample => ({
    ...rest,
    minute: i + 1,
    tasks: i * 1000,
    heap: rest.heap + i * (growth.heap ?? 0) + 0.5e6 * Math.cos(i * 2),
    threadHeap: 20e6 + i * (growth.threadHeap ?? 0) + 0.1e6 * Math.cos(i * 3)
  }))
})

describe("The verdict of the soak", () => {
  it("passes a run without a leak", () => {
    assert.deepStrictEqual(judge(run()).faults, [])
  })

  it("passes a heap that shrinks", () => {
    assert.deepStrictEqual(judge(run({ heap: -1e6, threadHeap: -1e6 })).faults, [])
  })

  it("passes a slope that is too small to be told from the noise", () => {
    const { faults, slopes } = judge(run({ heap: 10_000 }))
    const slope = slopes.find(({ name }) => name === "heap")!.slope!
    assert.isBelow(slope.low, 0)
    assert.deepStrictEqual(faults, [])
  })

  it("passes growth below the bound", () => {
    assert.deepStrictEqual(judge(run({ threadHeap: 0.8 * MAX_GROWTH / 15 })).faults, [])
  })

  it("fails a heap that grows", () => {
    assert.match(
      judge(run({ heap: 1_000_000 })).faults.join(),
      /^heap grows by (9[89]\d|1,0[01]\d),\d{3} bytes a minute$/
    )
    assert.match(
      judge(run({ threadHeap: 1_000_000 })).faults.join(),
      /^threadHeap grows by (9[89]\d|1,0[01]\d),\d{3} bytes a minute$/
    )
  })

  it("judges a heap by what comes after the warm-up", () => {
    const { samples, ...rest } = run()
    const warming = samples.map((sample, i) => ({ ...sample, heap: sample.heap - Math.max(0, 4 - i) * 10e6 }))
    assert.deepStrictEqual(judge({ samples: warming, ...rest }).faults, [])
  })

  it("fails when handles, threads or descriptors are left over", () => {
    for (const name of ["handles", "threads", "descriptors"] as const) {
      const { faults } = judge({ ...run(), after: { ...rest, [name]: rest[name] + 1 } })
      assert.deepStrictEqual(faults, [`${name}: ${rest[name]} before, ${rest[name] + 1} after`])
    }
  })

  it("knows nothing of descriptors where the system does not tell", () => {
    const unknown = { ...rest, descriptors: undefined }
    assert.deepStrictEqual(judge({ ...run(), before: unknown, after: unknown }).faults, [])
  })

  it("fails after a mistake", () => {
    assert.deepStrictEqual(judge({ ...run(), mistakes: 1 }).faults, ["1 mistakes"])
  })
})
