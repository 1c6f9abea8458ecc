/**
 * The codec of structs and classes: each field has a codec of its own, so that bytes and dates among
 * the fields stay as they are. Fields that the schema does not declare are left out.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { CodecError, toCodecError } from "./codecError.ts"
import { type AnyCodec, type Codec, type Convert, fromExit, isOptional, type WithBytes } from "./codecModel.ts"
import { guard, isPlain, shapeOfFields } from "./plainCodec.ts"

interface WithFields extends AnyCodec {
  readonly fields: Readonly<Record<string, AnyCodec>>
}

/** A struct, or a class, whose fields have the same names on both sides and are present on both or on neither. */
export const hasFields = (schema: AnyCodec): schema is WithFields =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields) &&
  // With a key that is a symbol it has no codec, and is refused as a whole.
  Object.getOwnPropertySymbols(schema.fields).length === 0 &&
  (schema.ast._tag === "Declaration" || (schema.ast._tag === "Objects" && schema.ast.encoding === undefined)) &&
  Object.values(schema.fields as WithFields["fields"]).every(({ ast }) =>
    ast.encoding === undefined || !(isOptional(ast) || ast.encoding.some((link) => isOptional(link.to)))
  )

interface Field {
  readonly name: string
  readonly codec: Codec
  readonly plain: boolean
  readonly optional: boolean
}

/** The codec of a struct or class; `codecOf` makes the codecs of its fields. */
export const byFields = (schema: WithFields, codecOf: (schema: AnyCodec) => Codec): Codec => {
  const isClass = schema.ast._tag === "Declaration"
  const fields = Object.entries(schema.fields)
    // The constructor of a class sets its tag.
    .filter(([name, field]) => !(isClass && name === "_tag" && field.ast.context?.constructorDefault !== undefined))
    .map(([name, field]): Field => ({
      name,
      codec: codecOf(field),
      plain: isPlain(field.ast),
      optional: isOptional(field.ast)
    }))
  const is = guard(schema)
  const explain = fromExit(Schema.encodeUnknownExit(schema))
  // Plain fields need no second check: `encode` has checked the whole value, and the constructor of a class checks its fields.
  const encode = eachField(fields, "encode", true)
  const decode = isClass && fields.every(({ plain }) => plain) ? anObject : eachField(fields, "decode", isClass)
  return {
    encode: (value) => is(value) ? encode(value) : explain(value),
    // The constructor of a class runs its checks.
    decode: isClass
      ? instantiate(schema as unknown as new(fields: unknown) => object, decode)
      : withChecks(schema.ast, decode, (value) => is(value) ? value : explain(value)),
    shape: shapeOfFields(fields.map(({ codec, name, optional }) => ({ name, optional, inner: codec.shape }))),
    withBytes: withBytesOfFields(fields)
  }
}

const withBytesOfFields = (fields: ReadonlyArray<Field>): WithBytes | undefined => {
  const withBytes = fields.filter(({ codec }) => codec.withBytes !== undefined)
  if (withBytes.length === 0) return undefined
  return (value, replace) => {
    const object: Record<string, unknown> = { ...(value as Readonly<Record<string, unknown>>) }
    for (const { codec, name } of withBytes) if (name in object) object[name] = codec.withBytes!(object[name], replace)
    return object
  }
}

const anObject: Convert = (value) =>
  typeof value === "object" && value !== null ? value : new CodecError(`Expected an object, got ${value}`)

const eachField =
  (fields: ReadonlyArray<Field>, direction: "encode" | "decode", checked: boolean): Convert => (value) => {
    if (typeof value !== "object" || value === null) return anObject(value)
    const object: Record<string, unknown> = {}
    for (let i = 0; i < fields.length; i++) {
      const { codec, name, plain } = fields[i]
      const field = (value as Readonly<Record<string, unknown>>)[name]
      if (field === undefined && !(name in value)) continue
      const converted = plain && checked ? field : codec[direction](field)
      if (converted instanceof CodecError) return converted
      object[name] = converted
    }
    return object
  }

/** Runs the struct's own checks on what its fields decode to. */
const withChecks = ({ checks }: SchemaAST.AST, decode: Convert, check: Convert): Convert =>
  checks === undefined ? decode : (value) => {
    const decoded = decode(value)
    return decoded instanceof CodecError ? decoded : check(decoded)
  }

const instantiate = (Class: new(fields: unknown) => object, decode: Convert): Convert => (value) => {
  const fields = decode(value)
  if (fields instanceof CodecError) return fields
  try {
    return new Class(fields)
  } catch (error) {
    return toCodecError(Predicate.hasProperty(error, "cause") ? error.cause ?? error : error)
  }
}
