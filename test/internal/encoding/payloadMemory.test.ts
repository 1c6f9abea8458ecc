import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { PayloadMemory } from "../../../src/internal/encoding/payloadMemory.ts"

const LARGE = 16 * 1024

const filled = (size: number, value: number) => new Uint8Array(size).fill(value)

describe("PayloadMemory", () => {
  it.prop(
    "each copy has its own bytes until it is freed, and is empty afterwards",
    {
      steps: Schema.Array(Schema.Struct({
        size: Schema.Literals([0, 1, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE]),
        frees: Schema.Boolean
      }))
    },
    ({ steps }) => {
      const memory = new PayloadMemory()
      const kept: Array<readonly [copy: Uint8Array, value: number]> = []
      steps.forEach(({ frees, size }, i) => {
        const value = 1 + i % 255
        const source = filled(size, value)
        const copy = memory.copy(source)
        source.fill(0)
        assert.deepStrictEqual(copy, filled(size, value))
        if (frees) {
          memory.free(copy)
          assert.strictEqual(copy.byteLength, size < LARGE ? size : 0)
        } else {
          kept.push([copy, value])
        }
        for (const [copy, value] of kept) assert.isTrue(copy.every((byte) => byte === value))
      })
    },
    { arbitrary: { runs: 200 } }
  )

  it("uses freed memory for the next copy of the same size", () => {
    const memory = new PayloadMemory()
    const first = memory.copy(filled(LARGE, 1))
    const { buffer } = first
    memory.free(first)
    assert.strictEqual(buffer.byteLength, 0)
    const second = memory.copy(filled(LARGE, 2))
    assert.deepStrictEqual(second, filled(LARGE, 2))
    memory.free(second)
    // Freed twice, it must not serve two copies.
    memory.free(second)
    const [a, b] = [memory.copy(filled(LARGE, 3)), memory.copy(filled(LARGE, 4))]
    assert.notStrictEqual(a.buffer, b.buffer)
    assert.deepStrictEqual(a, filled(LARGE, 3))
  })

  it("copies what a view shows, of shared memory as well", () => {
    const memory = new PayloadMemory()
    memory.free(memory.copy(filled(LARGE, 9)))
    const shared = new Uint8Array(new SharedArrayBuffer(4 * LARGE), LARGE, LARGE).fill(5)
    const copy = memory.copy(shared)
    assert.instanceOf(copy.buffer, ArrayBuffer)
    assert.deepStrictEqual(copy, filled(LARGE, 5))
  })
})
