/**
 * The schemas of encoded values that cross in the format of effect/encoding/SchemaBinary.
 *
 * Must stay true: with the schemas of this file, the decoder allocates memory only in proportion to the bytes that it
 * was given. A value of another schema has none, and crosses as JSON: a recursive one, for which the decoder would
 * allocate a list at each level, a bigint, which it reads in quadratic time, and a list whose elements take no bytes.
 */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { leafOf } from "../leavesAsIs.ts"

type AnySchema = Schema.Codec<unknown>

/** The schema without its checks, or `undefined` if its values cross as JSON. */
export const binarySchema = (part: SchemaAST.AST): AnySchema | undefined => {
  const ast = leafOf(part)
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return Schema.String
    case "Number":
      return Schema.Number
    case "Boolean":
      return Schema.Boolean
    case "Null":
      return Schema.Null
    case "Undefined":
    case "Void":
      return Schema.Undefined
    case "Literal":
      return typeof ast.literal === "bigint" ? undefined : Schema.Literal(ast.literal)
    case "Enum":
      return Schema.Literals(ast.enums.map(([, value]) => value))
    case "Arrays":
      return list(ast)
    case "Objects":
      return object(ast)
    case "Union":
      return ast.types.every(takesNoBytes) ? undefined : all(ast.types, Schema.Union)
    case "Declaration":
      return declared(ast)
    default:
      return undefined
  }
}

const declared = (ast: SchemaAST.Declaration): AnySchema | undefined => {
  if (isBytes(ast)) return Schema.Uint8Array
  return idOf(ast) === "effect/schema/Date" ? Schema.Date : undefined
}

/** Whether the values of the schema are bytes. */
export const isBytes = (ast: SchemaAST.Declaration): boolean => idOf(ast) === "effect/schema/Uint8Array"

const idOf = ({ annotations }: SchemaAST.Declaration): unknown => {
  const representation: unknown = annotations?.representation
  return typeof representation === "object" && representation !== null && "id" in representation
    ? representation.id
    : undefined
}

const list = ({ elements, rest }: SchemaAST.Arrays): AnySchema | undefined => {
  if (rest.some(takesNoBytes)) return undefined
  return all(elements, (elements) => {
    if (rest.length === 0) return Schema.Tuple(elements)
    return all(rest, ([first, ...more]) =>
      elements.length === 0 && more.length === 0
        ? Schema.Array(first)
        : Schema.TupleWithRest(Schema.Tuple(elements), [first, ...more]))
  })
}

const takesNoBytes = (part: SchemaAST.AST): boolean => {
  const { _tag } = leafOf(part)
  return _tag === "Null" || _tag === "Undefined" || _tag === "Void"
}

const object = ({ indexSignatures, propertySignatures }: SchemaAST.Objects): AnySchema | undefined => {
  if (indexSignatures.length > 0) {
    const [{ parameter, type }] = indexSignatures
    const value = binarySchema(type)
    return value === undefined || indexSignatures.length > 1 || propertySignatures.length > 0 ||
        parameter._tag !== "String"
      ? undefined
      : Schema.Record(Schema.String, value)
  }
  if (propertySignatures.length === 0 || propertySignatures.some(({ name }) => typeof name !== "string")) {
    return undefined
  }
  return all(
    propertySignatures.map(({ type }) => type),
    (types) => Schema.Struct(Object.fromEntries(propertySignatures.map(({ name }, i) => [name, types[i]])))
  )
}

/** The schema of some parts, each optional where its part is, or `undefined` if a part has none. */
const all = (
  parts: ReadonlyArray<SchemaAST.AST>,
  make: (schemas: ReadonlyArray<AnySchema>) => Schema.Top | undefined
): AnySchema | undefined => {
  const schemas: Array<AnySchema> = []
  for (const part of parts) {
    const schema = binarySchema(part)
    if (schema === undefined) return undefined
    schemas.push(part.context?.isOptional === true ? Schema.optionalKey(schema) as unknown as AnySchema : schema)
  }
  return make(schemas) as AnySchema | undefined
}
