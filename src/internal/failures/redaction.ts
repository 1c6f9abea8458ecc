/**
 * Leaves the values of `Redacted` out of text that people read and pass on.
 *
 * Must stay true: no value of a `Redacted`, at any depth of a schema, is in the text, also if the schema would encode it.
 * Text without the value does not decode, since a handler must not run with another value.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { AnyCodec } from "../encoding/codecModel.ts"
import { rewriteDeclarations } from "../encoding/rewriteSchema.ts"

const MARK = "<redacted>"

const isRedacted = (representation: unknown): boolean =>
  Predicate.hasProperty(representation, "id") && representation.id === "effect/schema/Redacted"

/** The schema, with values of `Redacted` encoded as `<redacted>`. A value that was put in place of that text decodes. */
export const withoutRedacted = (schema: AnyCodec): AnyCodec => Schema.make<AnyCodec>(rewrite(schema.ast))

const rewrite = rewriteDeclarations((ast) => {
  if (!isRedacted(ast.annotations?.representation)) return undefined
  const decode = SchemaParser.decodeUnknownEffect(Schema.toCodecJson(Schema.make<AnyCodec>(ast)))
  const link = Schema.link<unknown>()(Schema.Json, {
    encode: SchemaGetter.transform(() => MARK),
    decode: SchemaGetter.transformEffect((json, options) =>
      json === MARK ? Effect.fail(new SchemaIssue.InvalidValue(REMOVED, json, options)) : decode(json, options)
    )
  })
  return { annotations: { ...ast.annotations, toCodecJson: () => link }, encoding: undefined }
})

const REMOVED = { message: `a value that was redacted in the file: replace ${MARK} by the value` }
