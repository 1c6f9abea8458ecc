/**
 * The codec of all other schemas: the canonical JSON codec that Effect derives, except that bytes, dates, `undefined`,
 * numbers and big integers, at any depth, stay as they are, since structured clone carries them. As JSON, bytes are text in
 * base64, which costs 20 ms for each MB, and members of a union could be mistaken for each other: `undefined` for `null`.
 */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaAST from "effect/SchemaAST"
import { type AnyCodec, type Codec, fromExit } from "./codecModel.ts"
import { leafAsIs } from "./leavesAsIs.ts"
import { isCloneable } from "./plainCodec.ts"
import { rewriteDeclarations } from "./rewriteSchema.ts"

/** Encodes to JSON with other data in it that structured clone carries. */
export const viaJson = (schema: AnyCodec): Codec => {
  const codec = Schema.toCodecJson(Schema.make<AnyCodec>(keepCloneable(schema.ast)))
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

/** Marks the declarations that structured clone carries as being in canonical form already, and so leaves. */
const keepCloneable = rewriteDeclarations(
  (ast) => isCloneable(ast) ? { annotations: { ...ast.annotations, toCodecJson: () => undefined } } : undefined,
  leafAsIs
)
