/**
 * The codec of all other schemas: the canonical JSON codec that Effect derives, except that bytes and dates, at any
 * depth, stay bytes and dates, since structured clone carries them. As JSON, bytes are text in base64, which costs
 * 20 ms for each MB.
 */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaAST from "effect/SchemaAST"
import { type AnyCodec, type Codec, fromExit } from "./codecModel.ts"
import { isCloneable } from "./plainCodec.ts"

/** Encodes to JSON with bytes and dates in it. */
export const viaJson = (schema: AnyCodec): Codec => {
  const codec = Schema.toCodecJson(Schema.make<AnyCodec>(keepCloneable()(schema.ast)))
  SchemaJITCompiler.enable(codec.ast)
  SchemaJITCompiler.enable(SchemaAST.flip(codec.ast))
  const encode = fromExit(Schema.encodeUnknownExit(codec))
  return {
    encode,
    encodeAccepted: encode,
    decode: fromExit(Schema.decodeUnknownExit(codec)),
    encoded: () => SchemaAST.toEncoded(codec.ast),
    shape: undefined,
    withBytes: undefined
  }
}

type Rewrite = (ast: SchemaAST.AST) => SchemaAST.AST

/** Marks the declarations that structured clone carries as being in canonical form already. */
const keepCloneable = (): Rewrite => {
  // A recursive schema comes back to a node that is being rewritten, by way of a `Suspend`.
  const known = new Map<SchemaAST.AST, SchemaAST.AST>()
  const rewrite: Rewrite = (ast) => {
    let rewritten = known.get(ast)
    if (rewritten === undefined) known.set(ast, rewritten = rewriteNode(ast, rewrite))
    return rewritten
  }
  return rewrite
}

const rewriteNode = (ast: SchemaAST.AST, rewrite: Rewrite): SchemaAST.AST => {
  const links = ast.encoding?.map((link) => new SchemaAST.Link(rewrite(link.to), link.transformation))
  const encoding = links as SchemaAST.Encoding | undefined
  const { annotations, checks, context } = ast
  switch (ast._tag) {
    case "Declaration":
      return new SchemaAST.Declaration(
        ast.typeParameters.map(rewrite),
        ast.run,
        isCloneable(ast) ? { ...annotations, toCodecJson: () => undefined } : annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks,
        ast.encodingRun
      )
    case "Arrays":
      return new SchemaAST.Arrays(
        ast.isMutable,
        ast.elements.map(rewrite),
        ast.rest.map(rewrite),
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    case "Objects":
      return new SchemaAST.Objects(
        ast.propertySignatures.map(({ name, type }) => new SchemaAST.PropertySignature(name, rewrite(type))),
        ast.indexSignatures.map(({ parameter, type }) => new SchemaAST.IndexSignature(parameter, rewrite(type))),
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    case "Union":
      return new SchemaAST.Union(
        ast.types.map(rewrite),
        ast.options,
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    case "Suspend":
      return new SchemaAST.Suspend(() => rewrite(ast.thunk()), annotations, checks, encoding, context)
    default:
      // Leaves are in canonical form, or get it from the derivation. Their encodings lead to text and numbers.
      return ast
  }
}
