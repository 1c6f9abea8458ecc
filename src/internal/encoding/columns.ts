/**
 * Packs objects of one shape field by field: structured clone writes the names of an
 * object's properties for each object anew, and takes an array of numbers in a fifth
 * of the time that as many objects with one number in each need. Shapes are known
 * from schemas; what is packed carries the names, so the other side needs none.
 */

/** What the objects of a schema have in common. */
export interface Shape {
  /** Some objects hold lists of others: also one alone is worth packing. */
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

/** What crosses the boundary in place of an array of values. */
export type EncodedColumns =
  | readonly [tag: 0, values: ReadonlyArray<unknown>]
  /** Objects: their keys, and of each key all values; where an object lacks it, a hole. */
  | readonly [
    tag: 1,
    count: number,
    keys: ReadonlyArray<string>,
    holes: boolean,
    columns: ReadonlyArray<EncodedColumns>
  ]
  /** Arrays of objects: how long they are, and what they hold one after the other. */
  | readonly [tag: 2, lengths: ReadonlyArray<number>, items: EncodedColumns]

type Columns = ReadonlyArray<ReadonlyArray<unknown>>

/** Fewer objects cost more to pack than to send. */
const FEW = 4

/** Every value must be of the shape. */
export const toColumns = (shape: Shape | ListShape | undefined, values: ReadonlyArray<unknown>): EncodedColumns => {
  if (shape === undefined) return [0, values]
  if ("element" in shape) {
    const lists = values as ReadonlyArray<ReadonlyArray<unknown>>
    return [2, lists.map((list) => list.length), toColumns(shape.element, lists.flat())]
  }
  if (values.length < FEW && !shape.nested) return [0, values]
  const { fields } = shape
  const columns = splitterOf(shape)(values)
  const keys = fields.map(({ name }) => name)
  const holes = fields.some(({ optional }) => optional)
  return [1, values.length, keys, holes, columns.map((column, i) => toColumns(fields[i].inner, column))]
}

export const fromColumns = (packed: EncodedColumns): ReadonlyArray<unknown> => {
  switch (packed[0]) {
    case 0:
      return packed[1]
    case 1: {
      const [, count, keys, holes, columns] = packed
      return joinerOf(keys, holes)(count, columns.map(fromColumns))
    }
    case 2: {
      const items = fromColumns(packed[2])
      let at = 0
      return packed[1].map((length) => items.slice(at, at += length))
    }
  }
}

// ----------------------------------------------------------------------------
// Loops over objects of one shape. Compiled for it they take a tenth of the time;
// where code must not be made from strings they are interpreted.
// ----------------------------------------------------------------------------

type Splitter = (objects: ReadonlyArray<unknown>) => Columns

const splitters = new WeakMap<Shape, Splitter>()

const splitterOf = (shape: Shape): Splitter => {
  let splitter = splitters.get(shape)
  if (splitter === undefined) splitters.set(shape, splitter = compileSplitter(shape))
  return splitter
}

const compileSplitter = ({ fields }: Shape): Splitter => {
  const each = fields.map(({ name, optional }, i) => {
    const key = JSON.stringify(name)
    return optional ? `if (${key} in object) column${i}[i] = object[${key}];` : `column${i}.push(object[${key}]);`
  })
  // An array that was made with a length may have holes for all that V8 knows: it is sent key by key.
  const declare = fields.map(({ optional }, i) =>
    `const column${i} = []; ${optional ? `column${i}.length = objects.length;` : ""}`
  )
  const columns = fields.map((_, i) => `column${i}`)
  return compile<Splitter>(
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

type Joiner = (count: number, columns: Columns) => ReadonlyArray<unknown>

const joiners = new Map<string, Joiner>()

const joinerOf = (keys: ReadonlyArray<string>, holes: boolean): Joiner => {
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
  return compile<Joiner>(
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

const compile = <F>(parameters: ReadonlyArray<string>, body: string): F | undefined => {
  try {
    return new Function(...parameters, body) as F
  } catch {
    return undefined
  }
}
