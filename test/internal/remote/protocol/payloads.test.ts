import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { isDeepStrictEqual } from "node:util"
import * as Task from "papyros/Task"
import * as Codec from "../../../../src/internal/encoding/codec.ts"
import { fingerprint } from "../../../../src/internal/encoding/fingerprint.ts"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import {
  decodeAll,
  encodeFrames,
  FRAME_BYTES,
  fromNumbers16,
  type IndexedValue,
  toNumbers16
} from "../../../../src/internal/remote/protocol/payloads.ts"

class Person extends Schema.Class<Person>("Person")({ name: Schema.String, age: Schema.optionalKey(Schema.Int) }) {}

interface Tree {
  readonly label: string
  readonly children: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({
  label: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

const Value = Schema.Struct({
  n: Schema.Number,
  text: Schema.String,
  rows: Schema.Array(Schema.Struct({ a: Schema.Int, b: Schema.optional(Schema.String) })),
  people: Schema.Array(Person),
  one: Schema.optionalKey(Person),
  bytes: Schema.Uint8Array,
  when: Schema.Date,
  big: Schema.BigInt,
  maybe: Schema.NullOr(Schema.Boolean),
  option: Schema.Option(Schema.Uint8Array),
  record: Schema.Record(Schema.String.check(Schema.isPattern(/^[a-zü]*$/)), Schema.Number),
  tuple: Schema.Tuple([Schema.String, Schema.optionalKey(Schema.Int)]),
  either: Schema.Union([
    Schema.TaggedStruct("A", { a: Schema.Int }),
    Schema.TaggedStruct("B", { b: Schema.String }),
    Schema.Null
  ]),
  // No form of SchemaBinary.
  alike: Schema.Union([Schema.Struct({ a: Schema.Int }), Schema.Struct({ b: Schema.String })]),
  nothing: Schema.Array(Schema.Null),
  tree: Tree,
  level: Schema.Literals(["low", "high", 3])
})

class A extends Task.Class<A>()("A", { payload: { value: Value }, success: Value, error: Value }) {}
class B extends Task.Class<B>()("B", { payload: { n: Schema.Int }, success: Schema.Void }) {}
class Text extends Task.Class<Text>()("Text", { payload: { text: Schema.String } }) {}
class Records extends Task.Class<Records>()("Records", {
  payload: { record: Schema.Record(Schema.String, Schema.Number) }
}) {}
class Trees extends Task.Class<Trees>()("Trees", { payload: { tree: Tree } }) {}
class AnyTree extends Task.Class<AnyTree>()("Any", { payload: { any: Schema.Unknown } }) {}
class Noted extends Task.Class<Noted>()("Noted", { payload: { any: Schema.Unknown, text: Schema.String } }) {}
class Alike extends Task.Class<Alike>()("Alike", { payload: { any: Schema.Unknown, alike: Value.fields.alike } }) {}
class Bytes extends Task.Class<Bytes>()("Bytes", { payload: { bytes: Schema.Uint8Array } }) {}

const catalog = new TaskCatalog(
  new Map<string, Task.AnyClass>(Object.entries({ A, B, Text, Records, Trees, Any: AnyTree, Noted, Alike, Bytes }))
)
const codecs = ["A", "B"].map((name) => catalog.values(name)?.success)
const payloadOf = (name: string) => {
  const { decode, encode } = catalog.values(name)!.payload
  return { decode, encode: (values: ReadonlyArray<unknown>) => encode(values, Infinity) as Uint8Array }
}

const own = { A: Codec.make(A), B: Codec.make(B) }

const isValue = Schema.is(Value)

const Values = { values: Schema.Array(Value).check(Schema.isMinLength(1), Schema.isMaxLength(20)) }

/** Results as handlers' codecs encode them; every third one is of the task B. */
const toIndexed = (value: typeof Value.Type, i: number): IndexedValue =>
  i % 3 === 2
    ? { nameIndex: 1, value: own.B.success.encode(undefined) }
    : { nameIndex: 0, value: own.A.success.encode(value) }

const bytesOf = (value: IndexedValue): number => {
  const [frame] = encodeFrames([value], codecs, 1e9, (_, why) => assert.fail(why))
  return frame.bytes
}

/** The decoded values and the refused ones, by position. */
const carry = (sent: ReadonlyArray<IndexedValue>, limit: number) => {
  const refused = new Map<number, string>()
  const arrived = new Map<number, unknown>()
  for (const { bytes, from, to, values } of encodeFrames(sent, codecs, limit, (at, why) => refused.set(at, why))) {
    assert.isAtMost(bytes, limit)
    const nameIndexes = sent.slice(from, to).map(({ nameIndex }) => nameIndex)
    const byName = decodeAll(values, nameIndexes, codecs)
    const taken = [0, 0]
    nameIndexes.forEach((nameIndex, i) => {
      const ofName = byName[nameIndex]
      assert(typeof ofName !== "string", String(ofName))
      arrived.set(from + i, ofName[taken[nameIndex]++])
    })
  }
  return { arrived, refused }
}

/** The payloads of one task, there and back. */
const roundTrip = (name: string, payloads: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const codec = payloadOf(name)
  return codec.decode(codec.encode(payloads), payloads.length)
}

/** Columns without bytes and long texts, as they cross. */
const withLength = (columns: Uint8Array): Uint8Array => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(columns.length)
  return Buffer.concat([length, columns])
}

describe("Values", () => {
  it.effect.prop(
    "arrive as they were, each once, whatever the limit",
    { ...Values, limit: Schema.Int },
    (input) =>
      Effect.sync(() => {
        const limit = 1000 + Math.abs(input.limit % 5000)
        const sent = input.values.map(toIndexed)
        const { arrived, refused } = carry(sent, limit)
        assert.strictEqual(arrived.size + refused.size, sent.length)
        for (const [at, value] of arrived) assert.isTrue(isDeepStrictEqual(value, sent[at].value))
        for (const at of refused.keys()) assert.isAbove(bytesOf(sent[at]), limit)
      })
  )

  it("are refused alone if they are too large, and by their size, or cannot be encoded", () => {
    const codecs = [catalog.values("Bytes")?.payload]
    const sent = [new Uint8Array(1), new Uint8Array(5000), "no bytes", new Uint8Array(2)].map((bytes) => ({
      nameIndex: 0,
      value: { bytes }
    }))
    const refused: Array<readonly [number, string]> = []
    const frames = Array.from(encodeFrames(sent, codecs, 1000, (at, why) => refused.push([at, why])))
    assert.deepStrictEqual(frames.map(({ from, to }) => [from, to]), [[0, 1], [3, 4]])
    assert.deepStrictEqual(refused.map(([at]) => at), [1, 2])
    assert.match(refused[0][1], /it takes 5,\d\d\d bytes, and at most 1,000 can be sent \(maxTaskBytes\)/)
  })

  it("take one frame for each MiB, and one for a larger value", () => {
    const sizes = [10, 700_000, 700_000, 3_000_000, 10]
    const sent = sizes.map((size) => ({ nameIndex: 0, value: { bytes: new Uint8Array(size) } }))
    const frames = Array.from(encodeFrames(sent, [catalog.values("Bytes")?.payload], 8e6, (_, why) => assert.fail(why)))
    assert.strictEqual(frames.at(-1)?.to, sizes.length)
    for (const { bytes, from, to } of frames) if (to - from > 1) assert.isAtMost(bytes, FRAME_BYTES)
  })

  it.effect.prop(
    "that were tampered with are refused here or by the codec of their task, or are of its schema all the same",
    { ...Values, at: Schema.Int, byte: Schema.Int },
    ({ at, byte, values }) =>
      Effect.sync(() => {
        const sent = values.map(toIndexed)
        const [frame] = encodeFrames(sent, codecs, 1e9, () => {})
        const [bytes] = frame.values
        bytes[Math.abs(at) % bytes.length] = byte
        const nameIndexes = sent.slice(frame.from, frame.to).map(({ nameIndex }) => nameIndex)
        const [decoded] = decodeAll(frame.values, nameIndexes, codecs)
        if (typeof decoded === "string") return
        assert.strictEqual(decoded.length, nameIndexes.filter((index) => index === 0).length)
        for (const value of decoded) {
          const result = own.A.success.decode(value)
          assert.isTrue(result instanceof Codec.CodecError || isValue(result))
        }
      }),
    { arbitrary: { runs: 500 } }
  )

  it("keep strings that are not well-formed", () => {
    const payloads = [{ text: "\uD800" }, { text: "\uFFFD" }, { text: "ü" }]
    assert.deepStrictEqual(roundTrip("Text", payloads), payloads)
    const record = [{ record: { "\uDC00": 1, a: 2 } }]
    assert.deepStrictEqual(roundTrip("Records", record), record)
  })

  it.effect.prop(
    "keep long strings",
    { texts: Schema.Array(Schema.String), times: Schema.Array(Schema.Literals([1, 10, 1000])) },
    ({ texts, times }) =>
      Effect.sync(() => {
        const payloads = texts.map((text, i) => ({ text: `ü${text}`.repeat(times[i % times.length] ?? 1) }))
        assert.deepStrictEqual(roundTrip("Text", payloads), payloads)
      })
  )

  it("cannot carry a key that sets a prototype, however it is written", () => {
    const codec = payloadOf("Records")
    const record = JSON.parse(`{"__proto__": 1}`)
    assert.throws(() => codec.encode([{ record }]), /__proto__/)
    // As a peer would write it that does not refuse it.
    const bytes = Buffer.from(codec.encode([{ record: { __prot0__: 1 } }]))
    bytes.write("__proto__", bytes.indexOf("__prot0__"), "latin1")
    assert.throws(() => codec.decode(bytes, 1), /__proto__/)
    const json = Buffer.from(codec.encode([{ record: { "\uD80012345678": 1 } }]))
    json.write("_\\u005fproto__", json.indexOf("\\ud800"), "latin1")
    assert.throws(() => codec.decode(json, 1), /__proto__/)
    assert.deepStrictEqual(roundTrip("Text", [{ text: "__proto__" }]), [{ text: "__proto__" }])
  })

  it("own their memory", () => {
    const codec = payloadOf("Bytes")
    // Sockets give Buffers.
    const frame = Buffer.from(codec.encode([{ bytes: new Uint8Array(8) }, { bytes: new Uint8Array(1000) }]))
    const [value] = codec.decode(frame, 2) as ReadonlyArray<{ readonly bytes: Uint8Array }>
    assert.strictEqual(value.bytes.buffer.byteLength, 8)
    assert.strictEqual(value.bytes.constructor, Uint8Array)
  })

  // 227 bytes of node:v8's format ended a process: an array with holes, of 2 ** 32 elements.
  it("allocate no memory for elements that are not there", () => {
    const B_ = catalog.values("B")!.success
    const frame = B_.encode([undefined, undefined], Infinity) as Uint8Array
    const lists = SchemaBinary.encoder(
      Schema.Union([Schema.Array(Schema.Boolean), Schema.String]),
      { fingerprint: true }
    )
    assert.deepStrictEqual(Buffer.from(frame), Buffer.from(withLength(lists.encode([true, true]))))
    assert.throws(() => B_.decode(withLength(lists.encode([true, true, true])), 2))
    // The count of the elements, in the place of 2.
    const bomb = Buffer.from(lists.encode([true, true]))
    const count = bomb.indexOf(Buffer.from([2, 1, 1]))
    bomb[0] += 3
    const huge = withLength(Buffer.concat([
      bomb.subarray(0, count),
      Buffer.from([0xff, 0xff, 0xff, 0x7f]),
      bomb.subarray(count + 1)
    ]))
    const before = process.memoryUsage().rss
    assert.throws(() => B_.decode(huge, 2))
    assert.isBelow(process.memoryUsage().rss - before, 64 * 1024 * 1024)
  })

  it("have exactly the bytes and the long texts that they announce", () => {
    const codec = payloadOf("Bytes")
    const values = [{ bytes: new Uint8Array(300).fill(1) }, { bytes: new Uint8Array(0) }]
    const bytes = Buffer.from(codec.encode(values))
    assert.deepStrictEqual(codec.decode(bytes, 2), values)
    assert.throws(() => codec.decode(bytes.subarray(0, -1), 2), /lengths/)
    assert.throws(() => codec.decode(Buffer.concat([bytes, Buffer.alloc(1)]), 2), /lengths/)
    assert.throws(() => codec.decode(bytes.subarray(0, 3), 2), /lengths/)
    for (const length of [2 ** 32 - 1, bytes.length, 1, 0]) {
      const other = Buffer.from(bytes)
      other.writeUInt32LE(length)
      assert.throws(() => codec.decode(other, 2))
    }
    const texts = [{ text: "é".repeat(1000) }, { text: "" }, { text: "x".repeat(257) }]
    const encoded = Buffer.from(payloadOf("Text").encode(texts))
    assert.deepStrictEqual(payloadOf("Text").decode(encoded, 3), texts)
    assert.throws(() => payloadOf("Text").decode(encoded.subarray(0, -1), 3), /lengths/)
    assert.throws(() => payloadOf("Text").decode(encoded, 2))
  })

  it("keep trees without a shape, which may be JSON text, and refuse the key in them", () => {
    const encode = Codec.make(AnyTree).payload.encode
    const tree = { rows: Array.from({ length: 300 }, (_, n) => ({ n, name: `name ${n}`, deep: [{ a: null }] })) }
    const payloads = [tree, "text", [-0], null, { a: 1 }, 1.5].map((any) => encode(new AnyTree({ any })))
    assert.strictEqual(typeof (payloads[0] as { readonly any: unknown }).any, "string")
    assert.deepStrictEqual(roundTrip("Any", payloads), payloads)
    for (const any of [`{"__proto__":1}`, `[{"_\\u005fproto__":1}]`]) {
      assert.throws(() => roundTrip("Any", [{ any }]), /__proto__/)
    }
  })

  it("refuse the key in a tree that is text, in chunks that are JSON too", () => {
    const any = JSON.stringify({ __prot0__: { a: 1 } })
    for (
      const [name, value] of [
        ["Noted", { any, text: "\uD800" }],
        // SchemaBinary does not have its union.
        ["Alike", { any, alike: { a: 1 } }]
      ] as const
    ) {
      assert.deepStrictEqual(roundTrip(name, [value]), [value])
      // As a peer would write it that does not refuse it.
      const bytes = Buffer.from(payloadOf(name).encode([value]))
      bytes.write("__proto__", bytes.indexOf("__prot0__"), "latin1")
      assert.throws(() => payloadOf(name).decode(bytes, 1), /__proto__/)
    }
  })

  it("allocate no memory for objects in the place of text", () => {
    const codec = payloadOf("Text")
    const bytes = Buffer.from(codec.encode([{ text: "\uD800".padEnd(30) }]))
    bytes.write(`{"length":4000000000}`.padEnd(37), bytes.indexOf(`"\\ud800`), "latin1")
    assert.throws(() => codec.decode(bytes, 1), /form of their schema/)
  })

  it("that nest deeply take no memory at each level", () => {
    const codec = payloadOf("Trees")
    let tree: Tree = { label: "", children: [] }
    for (let depth = 0; depth < 200; depth++) tree = { label: "", children: [tree] }
    assert.deepStrictEqual(roundTrip("Trees", [{ tree }]), [{ tree }])
    // They are text, which has no lengths.
    assert.include(
      Buffer.from(codec.encode([{ tree }])).toString("latin1"),
      `"children":["array",{"label":""`
    )
  })

  it.effect.prop(
    "have positions that take two bytes",
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
