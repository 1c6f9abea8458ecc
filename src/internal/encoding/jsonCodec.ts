/**
 * The codec of all other schemas: the canonical JSON codec that Effect derives, except that bytes, dates and `undefined`,
 * at any depth, stay as they are, since structured clone carries them. As JSON, bytes are text in base64, which costs
 * 20 ms for each MB, and `undefined` is `null`, which a schema such as `Schema.optional(Schema.Json)` decodes to `null`.
 */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaAST from "effect/SchemaAST"
import { type AnyCodec, type Codec, fromExit } from "./codecModel.ts"
import { isCloneable } from "./plainCodec.ts"
import { rewriteDeclarations } from "./rewriteSchema.ts"
import { undefinedAsIs } from "./undefinedAsIs.ts"

/** Encodes to JSON with bytes, dates and `undefined` in it. */
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

/** Marks the declarations that structured clone carries as being in canonical form already, and so `undefined`. */
const keepCloneable = rewriteDeclarations(
  (ast) => isCloneable(ast) ? { annotations: { ...ast.annotations, toCodecJson: () => undefined } } : undefined,
  undefinedAsIs
)
