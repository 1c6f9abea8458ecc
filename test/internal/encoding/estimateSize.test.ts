import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { estimateSize } from "../../../src/internal/encoding/estimateSize.ts"
import { ResultSizes } from "../../../src/internal/producers/resultSizes.ts"

const KiB = 1024

const assertNear = (actual: number, expected: number) => {
  assert.isAtLeast(actual, expected * 0.9)
  assert.isAtMost(actual, expected * 1.5)
}

describe("estimateSize", () => {
  it("counts bytes, however they are held", () => {
    for (
      const value of [
        new Uint8Array(64 * KiB),
        new ArrayBuffer(64 * KiB),
        new DataView(new ArrayBuffer(64 * KiB)),
        new Float64Array(8 * KiB),
        [new Uint8Array(32 * KiB), new Uint8Array(32 * KiB)],
        { deep: { deeper: [new Uint8Array(64 * KiB)] } },
        new Map([["key", new Uint8Array(64 * KiB)]]),
        new Set([new Uint8Array(64 * KiB)]),
        "x".repeat(64 * KiB),
        { text: "x".repeat(64 * KiB) }
      ]
    ) assertNear(estimateSize(value), 64 * KiB)
  })

  it("counts what a view shows, not the buffer behind it", () => {
    assertNear(estimateSize(new Uint8Array(new ArrayBuffer(KiB * KiB), 0, 64 * KiB)), 64 * KiB)
  })

  it("takes the parts of a long list to be like its first ones", () => {
    assertNear(estimateSize(Array.from({ length: 100_000 }, () => 1)), 800_000)
    assertNear(estimateSize(Array.from({ length: 10_000 }, () => "x".repeat(84))), 1_000_000)
  })

  it("counts an object once, however often and from wherever it is referred to", () => {
    const shared = new Uint8Array(64 * KiB)
    const cyclic: Record<string, unknown> = { one: shared, two: shared, list: [shared, shared] }
    cyclic.self = cyclic
    assertNear(estimateSize(cyclic), 64 * KiB)
  })

  it("looks at a bounded number of parts", () => {
    let looked = 0
    const object = (depth: number): object => ({
      get child() {
        looked++
        return depth === 0 ? 0 : [object(depth - 1), object(depth - 1)]
      }
    })
    estimateSize(object(20))
    assert.isAtMost(looked, 200)
  })

  it("does not throw for an object whose getters throw", () => {
    const hostile = {
      get value(): never {
        throw new Error("no")
      }
    }
    assert.isAbove(estimateSize({ hostile, text: "x" }), 0)
    for (const value of [undefined, null, 1, 1n, true, Symbol("s"), () => {}]) {
      assert.strictEqual(estimateSize(value), 8)
    }
  })
})

describe("ResultSizes", () => {
  it.prop(
    "knows the mean of the first 16 results",
    { lengths: Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))) },
    ({ lengths }) => {
      const sizes = new ResultSizes()
      const first = lengths.slice(0, 16)
      for (const length of first) sizes.add("x".repeat(length))
      const mean = first.reduce((sum, length) => sum + 16 + length, 0) / first.length
      assert.closeTo(sizes.mean, mean, 1e-6)
    }
  )

  it("looks at each result that is bytes, and at every 64th other one", () => {
    const sizes = new ResultSizes()
    for (let i = 0; i < 16; i++) sizes.add("x".repeat(84))
    const changes = Array.from({ length: 128 }, () => sizes.add("x".repeat(984)))
    // The 17th result is the first of these.
    assert.deepStrictEqual(changes.flatMap((changed, i) => changed ? [i + 16] : []), [64, 128])
    assert.isTrue(sizes.add(new Uint8Array(1e6)))
    assert.isAbove(sizes.mean, 60_000)
  })
})
