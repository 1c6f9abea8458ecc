import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as Codec from "../../../src/internal/encoding/codec.ts"
import { fromColumns, type ListShape, type Shape, toColumns } from "../../../src/internal/encoding/columns.ts"

const Leaf = Schema.Struct({ a: Schema.Number, b: Schema.optionalKey(Schema.String) })
const Tree = Schema.Struct({
  id: Schema.Int,
  leaf: Leaf,
  leaves: Schema.Array(Leaf),
  maybe: Schema.optionalKey(Leaf),
  "strange \" key": Schema.Boolean
})

/** The shape that the codec of a task gives its results. */
const shapeOf = (success: Schema.Codec<unknown, unknown>): Shape | ListShape | undefined => {
  class Probe extends Task.Class<Probe>()("Probe", { success }) {}
  return Codec.make(Probe).success.shape
}

const roundTrip = (shape: Shape | ListShape | undefined, values: ReadonlyArray<unknown>) =>
  fromColumns(structuredClone(toColumns(shape, values)))

const { Function } = globalThis

/** Code must not be made from strings here, as under `--disallow-code-generation-from-strings`. */
const forbidCode = () => {
  globalThis.Function = function() {
    throw new EvalError("no code from strings")
  } as unknown as FunctionConstructor
}

afterEach(() => {
  globalThis.Function = Function
})

describe("columns", () => {
  for (const compiled of [true, false]) {
    it.prop(
      `give back the same objects, absent keys absent (${compiled ? "compiled" : "interpreted"})`,
      { trees: Schema.Array(Tree).check(Schema.isMaxLength(20)) },
      ({ trees }) => {
        if (!compiled) forbidCode()
        // Compiled loops are kept by shape and by keys, so that the interpreted ones need others.
        const shape = shapeOf(Tree) as Shape
        const fields = compiled ? shape.fields : [...shape.fields].reverse()
        assert.deepStrictEqual(roundTrip({ ...shape, fields }, trees), trees)
        const lists = trees.map(({ leaves }) => leaves)
        assert.deepStrictEqual(roundTrip(shapeOf(Schema.Array(Leaf)), lists), lists)
      },
      { arbitrary: { runs: 300 } }
    )
  }

  it("sends objects as arrays of their fields, and few of them as they are", () => {
    const shape = shapeOf(Leaf)
    const four = [{ a: 1 }, { a: 2, b: "x" }, { a: 3 }, { a: 4 }]
    const encoded = toColumns(shape, four)
    assert.strictEqual(encoded[0], 1)
    assert(encoded[0] === 1)
    const [, count, keys, holes, columns] = encoded
    assert.deepStrictEqual([count, keys, holes], [4, ["a", "b"], true])
    assert.deepStrictEqual(columns[0][1], [1, 2, 3, 4])
    assert.deepStrictEqual(Object.keys(columns[1][1] as object), ["1"])
    assert.deepStrictEqual(toColumns(shape, four.slice(1)), [0, four.slice(1)])
    assert.deepStrictEqual(toColumns(undefined, four), [0, four])
  })

  it("have no shape where a value need not be an object of known keys", () => {
    assert.isUndefined(shapeOf(Schema.String))
    assert.isUndefined(shapeOf(Schema.Record(Schema.String, Schema.Number)))
    assert.isUndefined(shapeOf(Schema.Union([Leaf, Tree])))
    assert.isUndefined(shapeOf(Schema.Struct({ ["__proto__"]: Schema.Number, a: Schema.Number })))
    assert.isUndefined(shapeOf(Schema.Array(Schema.Array(Leaf))))
  })
})
