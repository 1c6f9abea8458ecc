/**
 * Leaves the values of `Redacted` out of text that people read and pass on.
 *
 * Must stay true: no value of a `Redacted`, at any depth of a schema, is in the text, also if the schema would encode it.
 * Text without the value does not decode, since a handler must not run with another value.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { type AnyCodec, isOptional } from "../encoding/codecModel.ts"
import { rewriteDeclarations } from "../encoding/rewriteSchema.ts"

const MARK = "<redacted>"

const isRedacted = (representation: unknown): boolean =>
  Predicate.hasProperty(representation, "id") && representation.id === "effect/schema/Redacted"

/** The schema, with values of `Redacted` encoded as `<redacted>`. A value that was put in place of that text decodes. */
export const withoutRedacted = (schema: AnyCodec): AnyCodec => Schema.make<AnyCodec>(rewrite(schema.ast))

const rewrite = rewriteDeclarations((ast, rewrite) => {
  if (!isRedacted(ast.annotations?.representation)) {
    // The type parameters of others are rewritten: their codec is made of those.
    return ast.typeParameters.length > 0 ? undefined : { annotations: withLinks(ast.annotations, rewrite) }
  }
  const decode = SchemaParser.decodeUnknownEffect(Schema.toCodecJson(Schema.make<AnyCodec>(ast)))
  const json = isOptional(ast) ? Schema.optionalKey(Schema.Json) : Schema.Json
  const link = Schema.link<unknown>()(json, {
    encode: SchemaGetter.transform(() => MARK),
    decode: SchemaGetter.transformEffect((json, options) =>
      json === MARK ? Effect.fail(new SchemaIssue.InvalidValue(REMOVED, json, options)) : decode(json, options)
    )
  })
  // Text in the place of the encoded value can be encoded further, as by `encodeKeys`. A Redacted without an encoding may
  // be the type of another schema that encodes it, so it is encoded only where nothing else does.
  return ast.encoding === undefined
    ? { annotations: { ...ast.annotations, toCodecJson: () => link } }
    : { annotations: ast.annotations, encoding: [link] }
})

/** Rewrites the schemas to which a declared type is encoded by its annotations. */
const withLinks = (
  annotations: SchemaAST.Declaration["annotations"],
  rewrite: (ast: SchemaAST.AST) => SchemaAST.AST
): SchemaAST.Declaration["annotations"] => {
  const changed: Record<string, unknown> = { ...annotations }
  for (const name of ["toCodecJson", "toCodec"]) {
    const getLink = annotations?.[name]
    if (!Predicate.isFunction(getLink)) continue
    changed[name] = (parameters: unknown) => {
      const link: unknown = getLink(parameters)
      return link instanceof SchemaAST.Link ? new SchemaAST.Link(rewrite(link.to), link.transformation) : link
    }
  }
  return changed
}

const REMOVED = { message: `a value that was redacted in the file: replace ${MARK} by the value` }
