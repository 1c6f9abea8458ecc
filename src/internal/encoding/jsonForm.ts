/**
 * The JSON text of values that are kept in a file or a store, by the schema of the value.
 *
 * Must stay true: text decodes to a value equal to the one that was encoded, for every schema whose JSON codec does so.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaAST from "effect/SchemaAST"
import type { AnyCodec } from "./codecModel.ts"

/** Both directions of one schema. Each throws for a value that has no JSON form. */
export interface JsonForm {
  readonly encode: (value: unknown) => string
  readonly decode: (text: string) => unknown
}

/** The JSON form of a schema, which `withoutJson` accepts. Its text is canonical, or keeps the order of keys. */
export const jsonForm = (schema: AnyCodec, stringify: (value: unknown) => string): JsonForm => {
  const codec = Schema.toCodecJson(schema)
  SchemaJITCompiler.enable(codec.ast)
  SchemaJITCompiler.enable(SchemaAST.flip(codec.ast))
  const encode = Schema.encodeUnknownSync(codec)
  const decode = Schema.decodeUnknownSync(codec)
  // `undefined`, to which only a schema that accepts any value encodes, is no JSON.
  return { encode: (value) => stringify(encode(value) ?? null), decode: (text) => decode(JSON.parse(text)) }
}

/** The first part of a schema whose values have no JSON form. */
export const withoutJson = (ast: SchemaAST.AST, visited = new Set<SchemaAST.AST>()): string | undefined => {
  if (visited.has(ast)) return undefined
  visited.add(ast)
  const anyOf = (parts: ReadonlyArray<SchemaAST.AST>): string | undefined => {
    for (const part of parts) {
      const found = withoutJson(part, visited)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (ast.encoding !== undefined) return anyOf(ast.encoding.map(({ to }) => to))
  switch (ast._tag) {
    case "Declaration":
      return hasJson(ast) ? anyOf(ast.typeParameters) : nameOf(ast)
    case "Arrays":
      return anyOf([...ast.elements, ...ast.rest])
    case "Objects":
      return anyOf([...ast.propertySignatures, ...ast.indexSignatures].map(({ type }) => type))
    case "Union":
      return anyOf(ast.types)
    case "Suspend":
      return anyOf([ast.thunk()])
    case "UniqueSymbol":
      return "a unique symbol"
    default:
      return undefined
  }
}

const hasJson = ({ annotations }: SchemaAST.Declaration): boolean => {
  if (annotations === undefined) return false
  if (Predicate.isFunction(annotations.toCodecJson) || Predicate.isFunction(annotations.toCodec)) return true
  const { representation } = annotations
  return Predicate.hasProperty(representation, "id") && String(representation.id).endsWith("Json")
}

const nameOf = ({ annotations }: SchemaAST.Declaration): string =>
  String(annotations?.identifier ?? annotations?.title ?? annotations?.expected ?? "a declared type")

/** Why a part of a task has no JSON form, for a message. */
export const noJsonForm = (part: string, without: string): string =>
  `the schema of its ${part} contains ${without}, which has no JSON form: give it one by the annotation toCodecJson, ` +
  "or encode it to another schema"
