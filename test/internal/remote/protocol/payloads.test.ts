import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isDeepStrictEqual } from "node:util"
import * as Task from "papyros/Task"
import { fingerprint, TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import {
  decodeAll,
  encodeFrames,
  fromNumbers16,
  type IndexedValue,
  toNumbers16
} from "../../../../src/internal/remote/protocol/payloads.ts"
import * as Serialization from "../../../../src/internal/remote/protocol/serialization.ts"

const Value = Schema.Struct({
  n: Schema.Number,
  text: Schema.String,
  rows: Schema.Array(Schema.Struct({ a: Schema.Int, b: Schema.optional(Schema.String) })),
  bytes: Schema.Uint8Array,
  when: Schema.Date,
  big: Schema.BigInt,
  maybe: Schema.NullOr(Schema.Boolean)
})

class A extends Task.Class<A>()("A", { payload: { value: Value } }) {}
class B extends Task.Class<B>()("B", { payload: { n: Schema.Int } }) {}

const catalog = new TaskCatalog(new Map<string, Task.AnyClass>([["A", A], ["B", B]]))
const shapes = ["A", "B"].map((name) => catalog.shapes(name).payload)

const toIndexed = (value: unknown, i: number): IndexedValue =>
  i % 3 === 2 ? { nameIndex: 1, value: { n: i } } : { nameIndex: 0, value: { value } }

const Values = { values: Schema.Array(Value).check(Schema.isMinLength(1), Schema.isMaxLength(20)) }

/** The decoded values and the refused ones, by position. */
const carry = (sent: ReadonlyArray<IndexedValue>, limit: number) => {
  const refused = new Map<number, string>()
  const arrived = new Map<number, unknown>()
  for (const { bytes, from, to } of encodeFrames(sent, shapes, limit, (at, why) => refused.set(at, why))) {
    assert.isAtMost(bytes.length, limit)
    const nameIndexes = sent.slice(from, to).map(({ nameIndex }) => nameIndex)
    decodeAll(bytes, nameIndexes, shapes).forEach((value, i) => arrived.set(from + i, value))
  }
  return { arrived, refused }
}

describe("Frames", () => {
  it.effect.prop(
    "arrive as they were, each once, whatever the limit",
    { ...Values, limit: Schema.Int },
    (input) =>
      Effect.sync(() => {
        const limit = 1000 + Math.abs(input.limit % 5000)
        const sent = input.values.map(toIndexed)
        const { arrived, refused } = carry(sent, limit)
        assert.strictEqual(arrived.size + refused.size, sent.length)
        for (const [at, value] of arrived) assert.isTrue(isDeepStrictEqual(value, structuredClone(sent[at].value)))
        for (const at of refused.keys()) assert.isAbove(Serialization.encode(sent[at].value).length, limit - 500)
      })
  )

  it("refuse what is too large, or cannot be cloned, alone and by its size", () => {
    const sent = [1, new Uint8Array(5000), () => 1, 2].map((value) => ({ nameIndex: 0, value }))
    const refused: Array<readonly [number, string]> = []
    const frames = encodeFrames(sent, [undefined], 1000, (at, why) => refused.push([at, why]))
    assert.deepStrictEqual(frames.map(({ from, to }) => [from, to]), [[0, 1], [3, 4]])
    assert.deepStrictEqual(refused.map(([at]) => at), [1, 2])
    assert.match(refused[0][1], /it takes 5,\d\d\d bytes, and at most 1,000 can be sent \(maxTaskBytes\)/)
  })

  it.effect.prop(
    "that were tampered with are refused, or have the shape of their schema all the same",
    { ...Values, at: Schema.Int, byte: Schema.Int },
    ({ at, byte, values }) =>
      Effect.sync(() => {
        const sent = values.map(toIndexed)
        const [{ bytes }] = encodeFrames(sent, shapes, 1e9, () => {})
        bytes[Math.abs(at) % bytes.length] = byte
        const nameIndexes = sent.map(({ nameIndex }) => nameIndex)
        try {
          assert.strictEqual(decodeAll(bytes, nameIndexes, shapes).length, sent.length)
        } catch (error) {
          assert.instanceOf(error, Error)
          assert.notStrictEqual((error as Error).name, "AssertionError")
        }
      }),
    { arbitrary: { runs: 500 } }
  )

  it("cannot carry a key that sets a prototype", () => {
    const key = JSON.parse(`{"__proto__": {"a": 1}}`)
    assert.throws(() => Serialization.encode({ deep: [key] }), /__proto__/)
    // As a peer would write it that does not refuse it.
    const bytes = Buffer.from(Serialization.encode({ deep: [{ __prot0__: 1 }] }))
    bytes.write("__proto__", bytes.indexOf("__prot0__"), "latin1")
    assert.throws(() => Serialization.decode(bytes), /__proto__/)
    assert.deepStrictEqual(Serialization.decode(Serialization.encode({ text: "__proto__" })), { text: "__proto__" })
  })

  it("own their memory", () => {
    const [bytes] = Serialization.decode(Serialization.encode([new Uint8Array(8), new Uint8Array(1000)])) as [
      Uint8Array,
      Uint8Array
    ]
    assert.strictEqual(bytes.buffer.byteLength, 8)
  })

  it.effect.prop(
    "keep small numbers in two bytes",
    { numbers: Schema.Array(Schema.Int) },
    ({ numbers }) =>
      Effect.sync(() => {
        const small = numbers.map((n) => Math.abs(n) % 65_536)
        assert.deepStrictEqual(fromNumbers16(toNumbers16(small)), small)
      })
  )
})

describe("Fingerprint", () => {
  const of = (success: Schema.Top, idempotent = true, name = "T") => {
    class T extends Task.Class<T>()(name, {
      payload: { n: Schema.Int },
      success: success as Schema.Codec<unknown>,
      idempotent
    }) {}
    return fingerprint(T)
  }

  it("is the same for the same schemas, whatever is said about them", () => {
    assert.strictEqual(of(Schema.String), of(Schema.String.annotate({ description: "words" })))
    assert.match(of(Schema.Date), /^[0-9a-f]{16}$/)
  })

  it("differs where the name, a schema or the promise differs", () => {
    const all = [
      of(Schema.String),
      of(Schema.Int),
      of(Schema.Number),
      of(Schema.Date),
      of(Schema.Struct({ a: Schema.Int })),
      of(Schema.Struct({ a: Schema.optional(Schema.Int) })),
      of(Schema.Struct({ b: Schema.Int })),
      of(Schema.Array(Schema.Int)),
      of(Schema.NumberFromString),
      of(Schema.String, false),
      of(Schema.String, true, "U")
    ]
    assert.strictEqual(new Set(all).size, all.length)
  })
})
