import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as Codec from "../../../src/internal/encoding/codec.ts"
import { copyBytes } from "../../../src/internal/encoding/snapshot.ts"

const codecOf = (success: Schema.Codec<unknown, unknown>) =>
  Codec.make(class T extends Task.Class<T>()("T", { success }) {}).success

class Named extends Schema.Class<Named>("Named")({ name: Schema.String, tags: Schema.Array(Schema.String) }) {}

const Row = Schema.Struct({ a: Schema.Number, b: Schema.optionalKey(Schema.Array(Schema.Number)) })

/** A schema, a value of it, and a change that its owner could make. */
const cases: ReadonlyArray<
  readonly [name: string, schema: unknown, make: () => unknown, change: (value: never) => void]
> = [
  ["bytes", Schema.Uint8Array, () => Uint8Array.of(1, 2), (bytes: Uint8Array) => bytes.fill(9)],
  ["a Buffer", Schema.Uint8Array, () => Buffer.from("abc"), (bytes: Buffer) => bytes.fill(9)],
  [
    "shared memory",
    Schema.Uint8Array,
    () => new Uint8Array(new SharedArrayBuffer(3)),
    (bytes: Uint8Array) => bytes.fill(9)
  ],
  ["a date", Schema.Date, () => new Date(5), (date: Date) => date.setTime(6)],
  ["numbers", Schema.Array(Schema.Number), () => [1, 2], (list: Array<number>) => list.push(3)],
  ["a tuple", Schema.Tuple([Schema.Number, Schema.String]), () => [1, "a"], (tuple: Array<unknown>) => {
    tuple[0] = 2
  }],
  [
    "objects",
    Schema.Array(Row),
    () => [{ a: 1 }, { a: 2, b: [3] }],
    (rows: Array<{ a: number; b?: Array<number> }>) => {
      rows[0].a = 9
      rows[1].b!.push(4)
    }
  ],
  ["a record", Schema.Record(Schema.String, Schema.Number), () => ({ x: 1 }), (record: Record<string, number>) => {
    record.x = 2
  }],
  [
    "a key that is a prototype",
    Schema.Record(Schema.String, Schema.Array(Schema.Number)),
    () => JSON.parse("{\"__proto__\":[1]}"),
    (record: object) => {
      Object.getOwnPropertyDescriptor(record, "__proto__")!.value.push(2)
    }
  ],
  [
    "a union",
    Schema.Union([Schema.Number, Schema.Array(Schema.Number)]),
    () => [1],
    (list: Array<number>) => list.push(2)
  ],
  ["a struct of these", Schema.Struct({ rows: Schema.Array(Row), n: Schema.Option(Schema.Number) }), () => ({
    rows: [{ a: 1 }],
    n: Option.some(1)
  }), (value: { rows: Array<{ a: number }> }) => {
    value.rows[0].a = 2
  }],
  [
    "a class",
    Named,
    () => new Named({ name: "n", tags: ["a"] }),
    (named: { tags: Array<string> }) => named.tags.push("b")
  ],
  [
    "a class in a list",
    Schema.Array(Named),
    () => [new Named({ name: "n", tags: ["a"] })],
    ([named]: [{ name: string; tags: Array<string> }]) => {
      named.name = "m"
      named.tags.push("b")
    }
  ],
  ["any JSON", Schema.Unknown, () => ({ a: [1] }), (value: { a: Array<number> }) => value.a.push(2)]
]

describe("snapshots of encoded values", () => {
  for (const [name, schema, make, change] of cases) {
    it(`a change of ${name} does not reach them`, () => {
      const { decode, encode, snapshot } = codecOf(schema as Schema.Codec<unknown, unknown>)
      const value = make()
      const copy = snapshot!(encode(value), copyBytes)
      change(value as never)
      assert.notDeepEqual(value, make())
      assert.deepEqual(decode(structuredClone(copy)), decode(structuredClone(encode(make()))))
    })
  }

  it("leave the value itself as it is", () => {
    const values: ReadonlyArray<readonly [schema: unknown, value: Readonly<Record<string, unknown>>]> = [
      [Schema.Struct({ x: Schema.Unknown }), { x: [1] }],
      [Schema.Struct({ x: Schema.Unknown, n: Schema.Option(Schema.Number) }), { x: [1], n: Option.some(1) }],
      [Named, new Named({ name: "n", tags: ["a"] }) as never]
    ]
    for (const [schema, value] of values) {
      const { encode, snapshot } = codecOf(schema as Schema.Codec<unknown, unknown>)
      const before = Object.entries(value)
      snapshot!(encode(value), copyBytes)
      assert.isTrue(Object.entries(value).every(([key, part], i) => key === before[i][0] && part === before[i][1]))
    }
  })

  it("are not made of values that nobody can change", () => {
    const immutable: ReadonlyArray<unknown> = [
      Schema.Number,
      Schema.NullOr(Schema.String),
      Schema.Void,
      Schema.Struct({ n: Schema.Number, s: Schema.optionalKey(Schema.Literals(["a", "b"])) })
    ]
    for (const schema of immutable) {
      assert.isUndefined(codecOf(schema as Schema.Codec<unknown, unknown>).snapshot)
    }
  })

  it("leave out what the schema of an object does not declare", () => {
    const { encode, snapshot } = codecOf(Schema.Array(Row) as never)
    assert.deepEqual(snapshot!(encode([{ a: 1, more: () => {} }]), copyBytes), [{ a: 1 }])
  })
})
