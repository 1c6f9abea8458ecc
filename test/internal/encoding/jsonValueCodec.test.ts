import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as Codec from "../../../src/internal/encoding/codec.ts"
import { copyBytes } from "../../../src/internal/encoding/snapshot.ts"

const codecOf = (schema: Schema.Constraint) => {
  class Probe extends Task.Class<Probe>()("Probe", { success: schema as Schema.Codec<unknown, unknown> }) {}
  return Codec.make(Probe).success
}

const json = codecOf(Schema.Json)
const unknown = codecOf(Schema.Unknown)
const isJson = Schema.is(Schema.Json)

/** The value on the other side, and the encoded form between. */
const cross = (codec: Codec.WholeCodec, value: unknown) => {
  const encoded = codec.encode(value)
  if (encoded instanceof Codec.CodecError) return { encoded, decoded: encoded }
  const snapshot = codec.snapshot === undefined ? encoded : codec.snapshot(encoded, copyBytes)
  return { encoded, decoded: codec.decode(structuredClone(snapshot)) }
}

const text = (value: unknown) => {
  const { encoded } = cross(json, value)
  return typeof encoded === "string"
}

/** Equal with regard to the sign of zero, keys named `__proto__`, and the order of keys. */
const assertSame = (actual: unknown, expected: unknown): void => {
  if (typeof expected !== "object" || expected === null) return assert.isTrue(Object.is(actual, expected))
  assert.isTrue(typeof actual === "object" && actual !== null)
  assert.strictEqual(Array.isArray(actual), Array.isArray(expected))
  assert.deepStrictEqual(Object.keys(actual as object), Object.keys(expected))
  for (const key of Object.keys(expected)) {
    assertSame(
      Object.getOwnPropertyDescriptor(actual, key)?.value,
      Object.getOwnPropertyDescriptor(expected, key)?.value
    )
  }
}

const between = (minimum: number, maximum: number) => Schema.isBetween({ minimum, maximum })

type Tree = string | number | boolean | null | ReadonlyArray<Tree> | { readonly [key: string]: Tree }

const Keys = Schema.Union([Schema.String, Schema.Literals(["__proto__", "toJSON", "constructor", "0", "-1", ""])])

const Tree: Schema.Codec<Tree> = Schema.Union([
  Schema.String,
  Schema.Finite,
  Schema.Literals([-0, 1e300, -1e-300, 2 ** 31, 2 ** 53, true, false]),
  Schema.Null,
  Schema.Array(Schema.suspend(() => Tree)),
  Schema.Record(Keys, Schema.suspend(() => Tree))
])

class Point {
  readonly x = 1
}

/** Values that are no JSON, and some that are. */
const odd: ReadonlyArray<unknown> = [
  undefined,
  NaN,
  Infinity,
  () => 1,
  Symbol("a"),
  1n,
  new Point(),
  new Date(0),
  new Map(),
  new Uint8Array(2),
  new String("a"),
  Object.create({ a: 1 }),
  Object.create(null),
  Object.assign(Object.create(null), { a: 1 }),
  Object.assign([1], { a: undefined }),
  Object.assign([1, 2], { length: 3 }),
  { toJSON: () => 1 },
  { [Symbol("a")]: 1 },
  { a: undefined },
  -0,
  "a"
]

const row = (n: number) => ({
  id: n,
  name: `row ${n}`,
  inStock: n % 2 === 0,
  tags: ["a", "b"],
  owner: { id: n, none: null }
})
const rows = Array.from({ length: 50 }, (_, n) => row(n))

describe("the codec of JSON values", () => {
  it.effect.prop("returns every JSON value as it was", { tree: Tree, copies: Schema.Int.check(between(0, 9)) }, (
    { copies, tree }
  ) =>
    Effect.sync(() => {
      // Several copies, so that some values are worth their text.
      const value = copies === 0 ? tree : Array.from({ length: copies }, (_, at) => ({ tree, at }))
      assertSame(cross(json, value).decoded, value)
      assertSame(cross(unknown, value).decoded, value)
    }), { arbitrary: { runs: 300 } })

  it.effect.prop("accepts the values that Schema.Json accepts, and no others", {
    tree: Tree,
    odd: Schema.Int.check(between(0, odd.length - 1))
  }, (generated) =>
    Effect.sync(() => {
      const value = odd[generated.odd]
      for (const tree of [value, [row(1), { value }, generated.tree], { a: { b: [value] }, tree: generated.tree }]) {
        assert.strictEqual(cross(json, tree).decoded instanceof Codec.CodecError, !isJson(tree))
      }
    }), { arbitrary: { runs: 300 } })

  it("encodes trees of objects as text", () => {
    assert.isTrue(text(rows))
    assert.isTrue(text({ rows }))
    assert.deepStrictEqual(cross(json, rows).decoded, rows)
  })

  it("does not encode as text where a clone costs less", () => {
    for (const value of ["text", 1, true, null, ["x".repeat(1000)], Array.from({ length: 100 }, Math.random)]) {
      assert.isFalse(text(value))
      assert.deepStrictEqual(cross(json, value).decoded, value)
    }
  })

  it("keeps negative zeros", () => {
    for (const tree of [-0, [-0], [...rows, { zero: -0 }]]) assertSame(cross(json, tree).decoded, tree)
  })

  it("keeps odd keys and odd strings", () => {
    const tree = [...rows, JSON.parse(`{ "__proto__": { "a": 1 }, "1": 2, "toJSON": 3, "": 4, "\\u2028": "\\ud800" }`)]
    assert.isTrue(text(tree))
    assertSame(cross(json, tree).decoded, tree)
  })

  it("refuses trees that text would change in silence", () => {
    const cyclic: Array<unknown> = [...rows]
    cyclic.push({ cyclic })
    const bad = [undefined, NaN, Infinity, () => 1, Symbol("a"), 1n, new Point(), new Date(0), new Map(), {
      toJSON: () => 1
    }]
    for (const value of [...bad, cyclic]) {
      const { decoded } = cross(json, [...rows, { value }])
      assert.instanceOf(decoded, Codec.CodecError)
      assert.instanceOf(cross(unknown, [...rows, { value }]).decoded, Codec.CodecError)
    }
  })

  it("takes no notice of a method toJSON that all objects inherit", () => {
    Object.defineProperty(Object.prototype, "toJSON", { value: () => "replaced", configurable: true })
    try {
      assert.deepStrictEqual(cross(json, rows).decoded, rows)
    } finally {
      Reflect.deleteProperty(Object.prototype, "toJSON")
    }
  })

  it("takes no notice of methods toJSON of lists and objects, nor of text that stands for a value", () => {
    class List extends Array<number> {
      toJSON() {
        return "replaced"
      }
    }
    const hidden = Object.defineProperty({ a: 1 }, "toJSON", { value: () => "replaced" })
    const raw: unknown = Reflect.get(JSON, "rawJSON")("1")
    for (const [value, expected] of [[List.of(1, 2), [1, 2]], [hidden, { a: 1 }], [raw, { rawJSON: "1" }]]) {
      assert.isTrue(isJson(value))
      assert.deepStrictEqual(cross(json, [...rows, { value }]).decoded, [...rows, { value: expected }])
    }
  })

  it("copies the tree, as text or not", () => {
    for (const tree of [[...rows, { list: [1] }], ["x".repeat(1000), { list: [1] }]]) {
      const encoded = json.encode(tree)
      const snapshot = json.snapshot!(encoded, copyBytes)
      const last = tree[tree.length - 1] as { list: Array<number> }
      last.list[0] = 2
      assert.deepStrictEqual((json.decode(snapshot) as ReadonlyArray<unknown>).at(-1), { list: [1] })
    }
  })

  it("bounds the text of a tree in which parts occur many times", () => {
    let tree: unknown = rows
    for (let i = 0; i < 60; i++) tree = { left: tree, right: tree }
    assert.isTrue(isJson(tree))
    const { decoded, encoded } = cross(json, tree)
    assert.isFalse(typeof encoded === "string")
    let part = decoded
    for (let i = 0; i < 60; i++) part = (part as { readonly left: unknown }).left
    assert.deepStrictEqual(part, rows)
  })

  it("takes trees that are too deep for a text", () => {
    let tree: unknown = 1
    for (let i = 0; i < 20_000; i++) tree = { tree }
    assert.isTrue(isJson(tree))
    assert.isFalse(json.encode(tree) instanceof Codec.CodecError)
  })

  it("is the codec of a field, and of a field that may be absent", () => {
    class Note
      extends Schema.Class<Note>("Note")({ id: Schema.Int, data: Schema.Json, more: Schema.optionalKey(Schema.Json) })
    {}
    const codec = codecOf(Note)
    for (const note of [new Note({ id: 1, data: rows }), new Note({ id: 1, data: null, more: rows })]) {
      const { decoded } = cross(codec, note)
      assert.instanceOf(decoded, Note)
      assert.deepStrictEqual(decoded, note)
    }
    assert.instanceOf(codec.decode({ id: 1.5, data: "[]" }), Codec.CodecError)
    assert.instanceOf(codec.decode({ id: 1 }), Codec.CodecError)
  })

  it("runs the checks of a schema that is made of Schema.Json", () => {
    const list = codecOf(Schema.Json.check(Schema.makeFilter((value) => Array.isArray(value))))
    assert.deepStrictEqual(cross(list, rows).decoded, rows)
    assert.instanceOf(list.encode({ a: 1 }), Codec.CodecError)
    assert.instanceOf(list.decode({ a: 1 }), Codec.CodecError)
  })

  it("refuses an encoded value of another form", () => {
    for (const encoded of ["{", "undefined", [], [1, 2], 1, null, undefined, { a: 1 }, [NaN], [() => 1]]) {
      assert.instanceOf(json.decode(encoded), Codec.CodecError, String(encoded))
    }
  })
})
