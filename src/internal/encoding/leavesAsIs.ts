/**
 * Leaves of a schema as declared types, whose JSON codec leaves their values as they are. As JSON, `undefined` is `null`, and
 * `NaN` and big integers are text, which another member of a union may decode.
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"

/** The annotation with the leaf. */
const LEAF = "papyros/leaf"

/** Replaces a leaf whose values JSON does not have, and the encoded side of `Schema.Void`. */
export const leafAsIs = (ast: SchemaAST.AST): SchemaAST.AST => {
  if (ast.encoding !== undefined) return ast
  switch (ast._tag) {
    case "Undefined":
      return declared(ast, "undefined")
    case "Number":
      return declared(ast, "number")
    case "BigInt":
      return declared(ast, "bigint")
    case "Literal":
      return declared(ast, typeof ast.literal === "bigint" ? `${ast.literal}n` : JSON.stringify(ast.literal))
    case "Void": {
      const encoded = new SchemaAST.Undefined(undefined, undefined, undefined, ast.context)
      return SchemaAST.decodeTo(declared(encoded, "undefined"), ast, SchemaTransformation.passthrough())
    }
    default:
      return ast
  }
}

const declared = (leaf: SchemaAST.AST, expected: string): SchemaAST.AST => {
  const schema = Schema.make<Schema.Codec<unknown>>(leaf)
  // JSON has all of its values: it is a finite number, for example.
  if (Schema.toCodecJson(schema).ast.encoding === undefined) return leaf
  const is = Schema.is(schema)
  const { run } = Schema.declare((u): u is unknown => is(u)).ast
  const annotations = { expected, ...leaf.annotations, toCodecJson: () => undefined, [LEAF]: leaf }
  return new SchemaAST.Declaration([], run, annotations, leaf.checks, undefined, leaf.context)
}

/** The leaf that was replaced, or the part of a schema itself. */
export const leafOf = (ast: SchemaAST.AST): SchemaAST.AST => {
  const leaf = ast.annotations?.[LEAF]
  return SchemaAST.isAST(leaf) ? leaf : ast
}
