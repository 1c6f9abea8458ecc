/**
 * The codec of plain schemas: encoding changes nothing, and structured clone carries every value, so
 * that a value is only checked. Both directions check: the other side may be an executor of any origin.
 */
import { identity } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { compileSchema } from "../compileSchema.ts"
import { type AnyCodec, type Codec, type Convert, fromExit, isOptional, type WithBytes } from "./codecModel.ts"
import type { ListShape, Shape } from "./columns.ts"

const BYTES = "effect/schema/Uint8Array"

/** Declared types that structured clone carries as they are. */
const cloneable: ReadonlySet<unknown> = new Set([BYTES, "effect/schema/Date"])

const idOf = (ast: SchemaAST.AST): unknown => {
  const representation = ast.annotations?.representation
  return Predicate.hasProperty(representation, "id") ? representation.id : undefined
}

/** Whether structured clone carries the values of a declared type as they are. */
export const isCloneable = (ast: SchemaAST.AST): boolean => cloneable.has(idOf(ast))

/** Whether encoding changes nothing, and structured clone carries every value. */
export const isPlain = (ast: SchemaAST.AST): boolean => {
  if (ast.encoding !== undefined) return false
  switch (ast._tag) {
    case "String":
    case "Number":
    case "Boolean":
    case "BigInt":
    case "Null":
    case "Undefined":
    case "Void":
    case "Literal":
    case "Never":
      return true
    case "Arrays":
      return ast.elements.every(isPlain) && ast.rest.every(isPlain)
    case "Objects":
      return ast.propertySignatures.every((property) => typeof property.name === "string" && isPlain(property.type)) &&
        ast.indexSignatures.every((index) => isPlain(index.parameter) && isPlain(index.type))
    case "Union":
      return ast.types.every(isPlain)
    case "Declaration":
      return isCloneable(ast)
    default:
      return false
  }
}

/** Whether a part of the value, however deep, is better carried as it is than as JSON. */
export const hasCloneable = (ast: SchemaAST.AST): boolean => {
  switch (ast._tag) {
    case "Declaration":
      return isCloneable(ast) || (ast.encoding?.some((link) => hasCloneable(link.to)) ?? false)
    case "Arrays":
      return ast.elements.some(hasCloneable) || ast.rest.some(hasCloneable)
    case "Objects":
      return ast.propertySignatures.some((property) => hasCloneable(property.type))
    case "Union":
      return ast.types.some(hasCloneable)
    default:
      return false
  }
}

/** The codec of a plain schema. */
export const plain = (schema: AnyCodec): Codec => {
  const is = checkOf(schema)
  const explain = fromExit(Schema.encodeUnknownExit(schema))
  const check: Convert = (value) => is(value) ? value : explain(value)
  return {
    encode: check,
    encodeAccepted: identity,
    decode: check,
    encoded: () => schema.ast,
    shape: shapeOf(schema.ast),
    withBytes: withBytesOf(schema.ast)
  }
}

/** Whether a value fits a plain schema; the most common schemas need no parser. */
const checkOf = (schema: AnyCodec): (value: unknown) => boolean => {
  const { _tag: tag, checks } = schema.ast
  if (checks === undefined) {
    if (tag === "String") return Predicate.isString
    if (tag === "Number") return Predicate.isNumber
    if (tag === "Boolean") return Predicate.isBoolean
  }
  return guard(schema)
}

/** `Schema.is` that also refuses a value for which a user's check throws. */
export const guard = (schema: AnyCodec): (value: unknown) => boolean => {
  compileSchema(schema.ast)
  const is = Schema.is(schema)
  return (value) => {
    try {
      return is(value)
    } catch {
      return false
    }
  }
}

/** Of bytes and of lists of bytes. Bytes elsewhere in a plain schema are cloned with the rest. */
const withBytesOf = (ast: SchemaAST.AST): WithBytes | undefined => {
  if (ast._tag === "Arrays" && ast.elements.length === 0 && ast.rest.length === 1) {
    const element = withBytesOf(ast.rest[0])
    return element && ((values, replace) => (values as ReadonlyArray<unknown>).map((value) => element(value, replace)))
  }
  return idOf(ast) === BYTES ? (bytes, replace) => replace(bytes as Uint8Array) : undefined
}

/** The shape of the values of a plain schema. */
const shapeOf = (ast: SchemaAST.AST): Shape | ListShape | undefined => {
  if (ast._tag === "Arrays" && ast.elements.length === 0 && ast.rest.length === 1) {
    const element = shapeOf(ast.rest[0])
    return element === undefined || "element" in element ? undefined : { element }
  }
  if (ast._tag !== "Objects" || ast.indexSignatures.length > 0) return undefined
  return shapeOfFields(ast.propertySignatures.map(({ name, type }) => ({
    name: String(name),
    optional: isOptional(type),
    inner: shapeOf(type)
  })))
}

export const shapeOfFields = (fields: Shape["fields"]): Shape | undefined =>
  // As a key of an object literal, `__proto__` sets the prototype.
  fields.length === 0 || fields.some(({ name }) => name === "__proto__") ? undefined : {
    fields,
    nested: fields.some(({ inner }) => inner !== undefined && ("element" in inner || inner.nested))
  }
