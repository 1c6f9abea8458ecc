import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Task from "papyros/Task"
import * as Codec from "../../../src/internal/encoding/codec.ts"
import { fromColumns, toColumns } from "../../../src/internal/encoding/columns.ts"
import { valueCodec } from "../../../src/internal/encoding/wire/valueCodec.ts"

const codecOf = (schema: Schema.Constraint) => {
  class Probe extends Task.Class<Probe>()("Probe", { success: schema as Schema.Codec<unknown, unknown> }) {}
  return Codec.make(Probe).success
}

class Photo extends Schema.Class<Photo>("Photo")({ id: Schema.Number, data: Schema.Uint8Array }) {}
class Event extends Schema.Class<Event>("Event")({ id: Schema.Number, at: Schema.Date }) {}
class Album extends Schema.Class<Album>("Album")({
  cover: Schema.Uint8Array,
  parts: Schema.Array(Schema.suspend((): Schema.Codec<Album, unknown> => Album as never))
}) {}

class Person extends Schema.TaggedClass<Person>()("Person", {
  name: Schema.String,
  age: Schema.optionalKey(Schema.Int),
  born: Schema.Date,
  tags: Schema.Array(Schema.String)
}) {
  get label() {
    return this.name
  }
}

const data = new Uint8Array([1, 2, 3])
const photo = new Photo({ id: 1, data })

/** All values of that class in a value, however deep. */
const find = <A>(value: unknown, is: (u: unknown) => u is A): Array<A> =>
  is(value)
    ? [value]
    : typeof value === "object" && value !== null
    ? Object.values(value).flatMap((part) => find(part, is))
    : []

const isBytes = (u: unknown): u is Uint8Array => u instanceof Uint8Array
const isDate = (u: unknown): u is Date => u instanceof Date

const carried: Record<string, readonly [schema: Schema.Constraint, value: unknown]> = {
  Option: [Schema.Option(Schema.Uint8Array), Option.some(data)],
  "Option of Option": [Schema.Option(Schema.Option(Schema.Uint8Array)), Option.some(Option.some(data))],
  NullOr: [Schema.NullOr(Photo), photo],
  Array: [Schema.Array(Photo), [photo, photo]],
  Tuple: [Schema.Tuple([Schema.Option(Schema.String), Photo]), [Option.some("a"), photo]],
  Record: [Schema.Record(Schema.String, Photo), { a: photo, b: photo }],
  "union of classes": [Schema.Union([Event, Photo]), photo],
  Result: [Schema.Result(Schema.Uint8Array, Schema.String), Result.succeed(data)],
  HashMap: [Schema.HashMap(Schema.String, Schema.Uint8Array), HashMap.make(["a", data])],
  "optional class": [Schema.Struct({ n: Schema.Number, photo: Schema.optionalKey(Photo) }), { n: 1, photo }],
  "class with a check": [Photo.check(Schema.makeFilter(({ id }) => id > 0)), photo],
  "recursive class": [Album, new Album({ cover: data, parts: [new Album({ cover: data, parts: [] })] })]
}

describe("Codec", () => {
  for (const [name, [schema, value]] of Object.entries(carried)) {
    it(`carries bytes as they are: ${name}`, () => {
      const codec = codecOf(schema)
      const encoded = codec.encode(value)
      const found = find(encoded, isBytes)
      assert.isAbove(found.length, 0, JSON.stringify(encoded))
      for (const bytes of found) assert.deepStrictEqual(bytes, data)
      assert.deepStrictEqual(find(encoded, (u): u is string => typeof u === "string" && u.includes("AQID")), [])
      assert.deepStrictEqual(codec.decode(structuredClone(encoded)), value)
    })
  }

  it("carries dates as they are, and validates them", () => {
    const codec = codecOf(Schema.Array(Schema.Option(Schema.Union([Photo, Event]))))
    const value = [Option.some(new Event({ id: 1, at: new Date(5) })), Option.none()]
    const encoded = codec.encode(value)
    assert.deepStrictEqual(find(encoded, isDate), [new Date(5)])
    assert.deepStrictEqual(codec.decode(structuredClone(encoded)), value)
    assert.instanceOf(codec.decode([{ _tag: "Some", value: { id: 1, at: "5" } }]), Codec.CodecError)
    assert.instanceOf(codec.encode([Option.some({ id: 1, at: 5 })]), Codec.CodecError)
  })

  const json = Schema.UndefinedOr(Schema.Json)
  const alikeAsJson: Record<string, readonly [schema: Schema.Constraint, ...values: ReadonlyArray<unknown>]> = {
    "a JSON tree": [json, undefined, null],
    "any value": [Schema.UndefinedOr(Schema.Unknown), undefined, null],
    "an optional field": [
      Schema.Struct({ tree: Schema.optional(Schema.Json) }),
      { tree: undefined },
      { tree: null },
      {}
    ],
    "an optional field beside bytes": [
      Schema.Struct({ data: Schema.Uint8Array, tree: Schema.optional(Schema.Json) }),
      { data, tree: undefined },
      { data, tree: null },
      { data }
    ],
    "a list": [Schema.Array(json), [undefined, null, 1]],
    "an Option": [
      Schema.Option(Schema.UndefinedOr(Schema.NullOr(Schema.String))),
      Option.some(undefined),
      Option.some(null),
      Option.none()
    ],
    "numbers and text": [
      Schema.Array(Schema.Option(Schema.Union([Schema.Number, Schema.Literal(1n), Schema.BigInt, Schema.String]))),
      [NaN, "NaN", -0, "-0", Infinity, "Infinity", 1n, "1", -5n, "-5", 5].map(Option.some)
    ],
    "keys and values that are numbers": [
      Schema.Option(Schema.Record(Schema.Number, Schema.Union([Schema.Int, Schema.Number, Schema.String]))),
      Option.some({ 1: 1, 2: NaN, 3: "NaN" })
    ],
    "void": [Schema.Option(Schema.Union([Schema.Null, Schema.Void])), Option.some(undefined), Option.some(null)],
    "text that is encoded to both": [
      Schema.UndefinedOr(Schema.Null).pipe(Schema.decodeTo(
        Schema.String,
        SchemaTransformation.transform({
          decode: (encoded) => String(encoded),
          encode: (text) => text === "null" ? null : undefined
        })
      )),
      "undefined",
      "null"
    ]
  }
  for (const [name, [schema, ...values]] of Object.entries(alikeAsJson)) {
    it(`tells values that are alike as JSON apart, in threads and other processes: ${name}`, () => {
      const codec = codecOf(schema)
      const encoded = values.map(codec.encode)
      assert.deepStrictEqual(encoded.map((value) => codec.decode(structuredClone(value))), values)
      const wire = valueCodec(codec)
      const bytes = wire.encode(encoded, Infinity) as Uint8Array
      assert.deepStrictEqual(wire.decode(bytes, values.length).map(codec.decode), values)
    })
  }

  it("sends each element of a list to other processes, so that their bytes bound the length of a list", () => {
    const none = Option.none()
    const lists: ReadonlyArray<readonly [schema: Schema.Constraint, value: ReadonlyArray<unknown>]> = [
      [Schema.Tuple([Schema.Option(Schema.String), Schema.Array(Schema.Undefined)]), [
        none,
        Array(1000).fill(undefined)
      ]],
      [Schema.Tuple([Schema.Option(Schema.String), Schema.Array(Schema.Void)]), [none, Array(1000).fill(undefined)]],
      [Schema.Array(Schema.Union([Schema.Null])), Array(1000).fill(null)],
      [Schema.Array(Schema.Undefined), Array(1000).fill(undefined)]
    ]
    for (const [schema, value] of lists) {
      const codec = codecOf(schema)
      const wire = valueCodec(codec)
      const bytes = wire.encode([codec.encode(value)], Infinity) as Uint8Array
      assert.isAbove(bytes.length, 1000)
      assert.deepStrictEqual(wire.decode(bytes, 1).map(codec.decode), [value])
    }
    const erased = codecOf(Schema.Undefined.pipe(Schema.decodeTo(
      Schema.Literal("nothing"),
      SchemaTransformation.transform({ decode: () => "nothing" as const, encode: () => undefined })
    )))
    const wire = valueCodec(erased)
    const bytes = wire.encode(Array.from({ length: 1000 }, () => erased.encode("nothing")), Infinity) as Uint8Array
    assert.isAbove(bytes.length, 1000)
    assert.deepStrictEqual(new Set(wire.decode(bytes, 1000).map(erased.decode)), new Set(["nothing"]))
  })

  it("runs the checks of a struct, a class and their parts both ways", () => {
    const ordered = Schema.makeFilter((range: { readonly lo: number; readonly hi: number }) =>
      range.lo <= range.hi ? undefined : "lo must not exceed hi"
    )
    const fields = { lo: Schema.Int, hi: Schema.Int }
    class Range extends Schema.Class<Range>("Range")(Schema.Struct(fields).check(ordered)) {}
    const good = { lo: 1, hi: 2 }
    const bad = { lo: 2, hi: 1 }
    const struct = codecOf(Schema.Struct(fields).check(ordered))
    const dated = codecOf(Schema.Struct({ ...fields, at: Schema.Date }).check(ordered))
    const nested = codecOf(Schema.Struct({ n: Schema.Number, range: Schema.Struct(fields).check(ordered) }))
    const list = codecOf(Schema.Array(Schema.Struct(fields)).check(Schema.isMinLength(1)))
    const classOf = codecOf(Range)
    const cases: ReadonlyArray<readonly [codec: typeof struct, good: unknown, bad: unknown]> = [
      [struct, good, bad],
      [dated, { ...good, at: new Date(0) }, { ...bad, at: new Date(0) }],
      [nested, { n: 1, range: good }, { n: 1, range: bad }],
      [list, [good], []]
    ]
    for (const [codec, good, bad] of cases) {
      assert.deepStrictEqual(codec.encode(good), good)
      assert.deepStrictEqual(codec.decode(good), good)
      assert.instanceOf(codec.encode(bad), Codec.CodecError)
      assert.instanceOf(codec.decode(bad), Codec.CodecError)
    }
    assert.deepStrictEqual(classOf.decode(classOf.encode(new Range(good))), new Range(good))
    assert.instanceOf(classOf.decode(bad), Codec.CodecError)
  })

  const lists: Record<string, Schema.Constraint> = {
    Array: Schema.Array(Person),
    NonEmptyArray: Schema.NonEmptyArray(Person),
    "Array in a struct": Schema.Struct({ people: Schema.Array(Person) }),
    "Array of structs of Arrays": Schema.Array(Schema.Struct({ people: Schema.Array(Person) }))
  }
  for (const [name, schema] of Object.entries(lists)) {
    it.prop(`sends instances in lists as columns, and makes them again: ${name}`, {
      values: Schema.Array(schema as Schema.Codec<unknown, unknown>)
    }, ({ values }) => {
      const codec = codecOf(schema)
      const sent = structuredClone(toColumns(codec.shape, values.map(codec.encode)))
      const received = fromColumns(sent).map(codec.decode)
      assert.deepStrictEqual(received, values)
      assert.isDefined(codec.shape)
    }, { arbitrary: { runs: 100 } })
  }

  it("refuses lists whose elements or length do not fit, on both sides", () => {
    const person = new Person({ name: "a", born: new Date(0), tags: [] })
    const nonEmpty = codecOf(Schema.NonEmptyArray(Person))
    const two = codecOf(Schema.Array(Person).check(Schema.isMinLength(2)))
    const encoded = nonEmpty.encode([person]) as ReadonlyArray<Record<string, unknown>>
    assert.deepStrictEqual(encoded, [{ name: "a", born: new Date(0), tags: [] }] as never)
    for (const codec of [nonEmpty, two]) {
      for (const wrong of [[], [{ ...person }], [person, { ...person }], "list", undefined, { length: 2 }]) {
        assert.instanceOf(codec.encode(wrong), Codec.CodecError, String(wrong))
      }
      for (const wrong of [[], [{ name: "a" }], [...encoded, { ...encoded[0], name: 1 }], [1], "list", undefined]) {
        assert.instanceOf(codec.decode(wrong), Codec.CodecError, String(wrong))
      }
    }
    assert.instanceOf(two.encode([person]), Codec.CodecError)
    assert.instanceOf(two.decode(encoded), Codec.CodecError)
  })

  it("refuses an instance that was changed into one that its schema refuses, also after others were accepted", () => {
    const codec = codecOf(Schema.Array(Person))
    const good = [{ name: "a", born: new Date(0), tags: [] }]
    for (const _ of [1, 2, 3]) assert.instanceOf((codec.decode(good) as ReadonlyArray<unknown>)[0], Person)
    for (const bad of [{ ...good[0], name: 5 }, { ...good[0], tags: [5] }, { ...good[0], born: "now" }]) {
      assert.instanceOf(codec.decode([bad]), Codec.CodecError)
    }
  })

  it("makes every instance as new does, whichever fields the first one had", () => {
    const withDefault = Schema.optionalKey(Schema.Number).pipe(Schema.withConstructorDefault(Effect.succeed(9)))
    class Row extends Schema.Class<Row>("Row")({
      n: withDefault,
      part: Schema.optionalKey(Schema.Struct({ q: Schema.Number, d: withDefault })),
      either: Schema.NullOr(Schema.Struct({ q: Schema.Number }))
    }) {}
    const decode = Schema.decodeUnknownSync(Row)
    const changed = decode({ part: { q: 1 }, either: { q: 1 } })
    Object.assign(changed.either!, { undeclared: 1 })
    const { decode: receive, encode } = codecOf(Row)
    for (const row of [new Row({ either: null }), changed, decode({ either: null })]) {
      assert.deepStrictEqual(receive(structuredClone(encode(row))), new Row({ ...row }))
    }
  })

  it("refuses structs with keys that are symbols, which no encoding carries", () => {
    const key = Symbol.for("key")
    const encoded = codecOf(Schema.Struct({ a: Schema.Number, [key]: Schema.String })).encode({ a: 1, [key]: "b" })
    assert.instanceOf(encoded, Codec.CodecError)
    assert.include((encoded as Codec.CodecError).message, "property names must be strings")
  })

  it("encodes defects that JSON has no form for", () => {
    const cases: ReadonlyArray<readonly [defect: unknown, decoded: unknown]> = [
      [undefined, undefined],
      [null, null],
      [Symbol.for("odd"), "Symbol(odd)"],
      [isNaN, String(isNaN)]
    ]
    for (const [defect, decoded] of cases) {
      assert.deepStrictEqual(Codec.defect.decode(structuredClone(Codec.defect.encode(defect))), decoded)
    }
  })
})
