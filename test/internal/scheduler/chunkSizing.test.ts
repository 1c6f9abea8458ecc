import { assert, describe, it } from "@effect/vitest"
import { ChunkBudget, type TaskStats, updateEstimate } from "../../../src/internal/scheduler/chunkSizing.ts"

const TARGET = 700
const KIB = 1024

/** How many tasks of such a type fit. */
const fill = (previous: number, stats: TaskStats) => {
  const budget = new ChunkBudget(previous, TARGET)
  let count = 0
  for (; count < 10_000 && budget.fits(stats); count++) budget.add(stats)
  return count
}

describe("ChunkBudget", () => {
  it("takes one task of unknown duration", () => {
    assert.strictEqual(fill(100, { micros: 0, bytes: 0 }), 1)
  })

  it("takes at least one task, however long and large", () => {
    assert.strictEqual(fill(100, { micros: 1e9, bytes: 1e12 }), 1)
  })

  it("is at most twice as large as the chunk before", () => {
    assert.deepStrictEqual([1, 2, 8].map((previous) => fill(previous, { micros: 1, bytes: 1 })), [2, 4, 16])
  })

  it("stops at the target time", () => {
    assert.deepStrictEqual([1, 7, 70, 701].map((micros) => fill(5000, { micros, bytes: 0 })), [700, 100, 10, 1])
  })

  it("stops at 256 KiB", () => {
    assert.deepStrictEqual([1, 16, 100].map((kib) => fill(5000, { micros: 0.01, bytes: kib * KIB })), [256, 16, 2])
  })
})

describe("updateEstimate", () => {
  const one = (before: number, micros: number) => {
    const stats = { micros: before, bytes: 0 }
    updateEstimate(stats, micros)
    return stats.micros
  }

  it("takes the first measurement as it is", () => {
    assert.strictEqual(one(0, 100), 100)
  })

  it("rises at once and falls by 30 % of the difference", () => {
    assert.deepStrictEqual([one(100, 200), one(100, 0.05)].map(Math.round), [200, 70])
  })

  it("never falls to 0, which means unknown", () => {
    assert.isAbove(one(0, 0), 0)
    assert.isAbove(one(0.05, 0), 0)
  })
})
