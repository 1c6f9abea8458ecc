/**
 * The codec of lists of structs and classes: each element has the codec of its schema, so that lists of
 * class instances are sent as columns too.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { CodecError } from "./codecError.ts"
import { type AnyCodec, type Codec, type Convert, fromExit, isOptional } from "./codecModel.ts"
import { hasFields, type WithFields } from "./fieldsCodec.ts"
import { guard } from "./plainCodec.ts"

interface ListOfObjects extends AnyCodec {
  readonly value: WithFields
}

/** A list, perhaps one that must not be empty, of structs or of classes. */
export const isListOfObjects = (schema: AnyCodec): schema is ListOfObjects => {
  const { ast } = schema
  return ast._tag === "Arrays" && ast.encoding === undefined && ast.rest.length === 1 &&
    Predicate.hasProperty(schema, "value") && Schema.isSchema(schema.value) && hasFields(schema.value as AnyCodec) &&
    [...ast.elements, ...ast.rest].every((element) =>
      element === (schema.value as AnyCodec).ast && !isOptional(element)
    )
}

/** The codec of a list; `codecOf` makes the codec of its elements. */
export const byElements = (schema: ListOfObjects, codecOf: (schema: AnyCodec) => Codec): Codec => {
  const { decode, encodeAccepted, encoded, shape, withBytes } = codecOf(schema.value)
  const is = guard(schema)
  const explain = fromExit(Schema.encodeUnknownExit(schema))
  const encodeEach = each(encodeAccepted)
  const decodeEach = each(decode)
  return {
    encode: (value) => is(value) ? encodeEach(value) : explain(value),
    encodeAccepted: encodeEach,
    decode: (value) => {
      if (!Array.isArray(value)) return new CodecError(`Expected an array, got ${value}`)
      const decoded = decodeEach(value)
      // The checks of the list itself; its elements are checked one by one.
      return decoded instanceof CodecError || is(decoded) ? decoded : explain(decoded)
    },
    encoded: () => Schema.Array(Schema.make<AnyCodec>(encoded())).ast,
    shape: shape === undefined || "element" in shape ? undefined : { element: shape },
    withBytes: withBytes &&
      ((values, replace) => (values as ReadonlyArray<unknown>).map((value) => withBytes(value, replace)))
  }
}

const each = (convert: Convert): Convert => (values) => {
  const converted: Array<unknown> = []
  for (const value of values as ReadonlyArray<unknown>) {
    const element = convert(value)
    if (element instanceof CodecError) return element
    converted.push(element)
  }
  return converted
}
