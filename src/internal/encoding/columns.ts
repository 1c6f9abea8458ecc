/**
 * Encodes objects of one shape as columns, one array for each field. Structured clone writes the names of
 * the properties anew for each object; it takes an array of numbers in a fifth of the time that as many
 * objects with one number each take. Shapes come from schemas. The encoded form carries the names, so
 * decoding needs no schema. Decoding must return exactly the encoded values, absent properties included.
 */

import { compileCode } from "./compileCode.ts"

/** The fields that all objects of a schema share. */
export interface Shape {
  /** Some fields are lists of objects: columns pay off for one object already. */
  readonly nested: boolean
  readonly fields: ReadonlyArray<{
    readonly name: string
    readonly optional: boolean
    readonly inner: Shape | ListShape | undefined
  }>
}

/** Arrays whose elements have a shape. */
export interface ListShape {
  readonly element: Shape
}

/** The encoded form of an array of values. */
export type EncodedColumns =
  | readonly [tag: 0, values: ReadonlyArray<unknown>]
  /** Objects: their keys, and for each key the values of all objects, with a hole where an object lacks the key. */
  | readonly [
    tag: 1,
    count: number,
    keys: ReadonlyArray<string>,
    holes: boolean,
    columns: ReadonlyArray<EncodedColumns>
  ]
  /** Arrays of objects: the length of each, and the elements of all in a row. */
  | readonly [tag: 2, lengths: ReadonlyArray<number>, elements: EncodedColumns]

/** One array for each field of a shape, with a hole where an object lacks the field. */
type Columns = ReadonlyArray<ReadonlyArray<unknown>>

/** Fewer objects cost less to clone as they are than to encode as columns. */
const MIN_OBJECTS = 4

/** Encodes values, every one of which must be of the shape. */
export const toColumns = (shape: Shape | ListShape | undefined, values: ReadonlyArray<unknown>): EncodedColumns => {
  if (shape === undefined) return [0, values]
  if ("element" in shape) {
    const lists = values as ReadonlyArray<ReadonlyArray<unknown>>
    return [2, lists.map((list) => list.length), toColumns(shape.element, lists.flat())]
  }
  if (values.length < MIN_OBJECTS && !shape.nested) return [0, values]
  const { fields } = shape
  const columns = splitterOf(shape)(values)
  const keys = fields.map(({ name }) => name)
  const holes = fields.some(({ optional }) => optional)
  return [1, values.length, keys, holes, columns.map((column, i) => toColumns(innerShape(fields[i]), column))]
}

/** The shape of the values of a field. The column of an optional object may have holes, and is sent as it is. */
const innerShape = ({ inner, optional }: Shape["fields"][number]): Shape | ListShape | undefined =>
  optional && inner !== undefined && !("element" in inner) ? undefined : inner

/** Decodes the values. */
export const fromColumns = (encoded: EncodedColumns): ReadonlyArray<unknown> => {
  switch (encoded[0]) {
    case 0:
      return encoded[1]
    case 1: {
      const [, count, keys, holes, columns] = encoded
      return joinerOf(keys, holes)(count, columns.map(fromColumns))
    }
    case 2: {
      const elements = fromColumns(encoded[2])
      let at = 0
      return encoded[1].map((length) => elements.slice(at, at += length))
    }
  }
}

/** The number of encoded values. */
export const countOf = (encoded: EncodedColumns): number =>
  typeof encoded[1] === "number" ? encoded[1] : encoded[1].length

// ----------------------------------------------------------------------------
// Loops over objects of one shape. A loop that is compiled for the shape takes a tenth of the time of the generic
// one, which runs if the process forbids code from strings.
// ----------------------------------------------------------------------------

type Splitter = (objects: ReadonlyArray<unknown>) => Columns

const splitters = new WeakMap<Shape, Splitter>()

/** The function that splits objects of a shape into columns. */
export const splitterOf = (shape: Shape): Splitter => {
  let splitter = splitters.get(shape)
  if (splitter === undefined) splitters.set(shape, splitter = compileSplitter(shape))
  return splitter
}

const compileSplitter = ({ fields }: Shape): Splitter => {
  const each = fields.map(({ name, optional }, i) => {
    const key = JSON.stringify(name)
    return optional ? `if (${key} in object) column${i}[i] = object[${key}];` : `column${i}.push(object[${key}]);`
  })
  // V8 clones an array that was made with a length key by key, since it may have holes; so only columns with holes are.
  const declare = fields.map(({ optional }, i) =>
    `const column${i} = []; ${optional ? `column${i}.length = objects.length;` : ""}`
  )
  const columns = fields.map((_, i) => `column${i}`)
  return compileCode<Splitter>(
    ["objects"],
    `${declare.join("")} for (let i = 0; i < objects.length; i++) { const object = objects[i]; ${each.join("")} }
    return [${columns.join()}]`
  ) ?? ((objects) =>
    fields.map(({ name }) => {
      const column: Array<unknown> = []
      column.length = objects.length
      for (let i = 0; i < objects.length; i++) {
        const object = objects[i] as Readonly<Record<string, unknown>>
        if (name in object) column[i] = object[name]
      }
      return column
    }))
}

/** Makes objects of columns. */
export type Joiner = (count: number, columns: Columns) => ReadonlyArray<unknown>

const joiners = new Map<string, Joiner>()

/** The function that makes objects with these keys; `holes`: some may lack a key. */
export const joinerOf = (keys: ReadonlyArray<string>, holes: boolean): Joiner => {
  const id = JSON.stringify([keys, holes])
  let joiner = joiners.get(id)
  if (joiner === undefined) joiners.set(id, joiner = compileJoiner(keys, holes))
  return joiner
}

const compileJoiner = (keys: ReadonlyArray<string>, holes: boolean): Joiner => {
  const names = keys.map((_, k) => `column${k}`)
  const object = holes
    ? `{}; ${keys.map((key, k) => `if (i in column${k}) objects[i][${JSON.stringify(key)}] = column${k}[i];`).join("")}`
    : `{ ${keys.map((key, k) => `${JSON.stringify(key)}: column${k}[i]`).join()} }`
  return compileCode<Joiner>(
    ["count", "columns"],
    `const [${names.join()}] = columns; const objects = new Array(count);
    for (let i = 0; i < count; i++) { objects[i] = ${object} }
    return objects`
  ) ?? ((count, columns) =>
    Array.from({ length: count }, (_, i) => {
      const object: Record<string, unknown> = {}
      for (let k = 0; k < keys.length; k++) if (i in columns[k]) object[keys[k]] = columns[k][i]
      return object
    }))
}
