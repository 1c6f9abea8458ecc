/** `undefined` as a declared type, whose JSON codec leaves it as it is instead of encoding it as `null`. */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"

const id = "papyros/Undefined"

const { annotations, run } = Schema.declare(Predicate.isUndefined, {
  representation: { id, payload: null },
  expected: "undefined",
  toCodecJson: () => undefined
}).ast

/** Replaces `Schema.Undefined`, and the encoded side of `Schema.Void`. */
export const undefinedAsIs = (ast: SchemaAST.AST): SchemaAST.AST => {
  if (ast.encoding !== undefined) return ast
  const { checks, context } = ast
  if (ast._tag === "Undefined") return new SchemaAST.Declaration([], run, annotations, checks, undefined, context)
  if (ast._tag !== "Void") return ast
  const encoded = new SchemaAST.Declaration([], run, annotations, undefined, undefined, context)
  return SchemaAST.decodeTo(encoded, ast, SchemaTransformation.passthrough())
}

/** Whether the only value of the schema is `undefined`. */
export const isUndefined = (ast: SchemaAST.AST): boolean => {
  if (ast._tag !== "Declaration") return ast._tag === "Undefined" || ast._tag === "Void"
  const representation = ast.annotations?.representation
  return Predicate.hasProperty(representation, "id") && representation.id === id
}
