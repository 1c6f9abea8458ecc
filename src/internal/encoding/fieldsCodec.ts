/**
 * The codec of structs and classes: each field has a codec of its own, so that bytes and dates among
 * the fields stay as they are. Fields that the schema does not declare are left out.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { CodecError, toCodecError } from "./codecError.ts"
import { type AnyCodec, type Codec, type Convert, fromExit, isOptional, type WithBytes } from "./codecModel.ts"
import { compileCode } from "./compileCode.ts"
import { guard, isPlain, shapeOfFields } from "./plainCodec.ts"
import { isTakenAsIs, type TrustedConstructor, trustedConstructor } from "./trustedConstructor.ts"

/** A struct, or a class. */
export interface WithFields extends AnyCodec {
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
  const encode = eachField(fields, fields.map(({ codec, plain }) => plain ? undefined : codec.encodeAccepted))
  const decode = isClass && fields.every(({ plain }) => plain)
    ? anObject
    : eachField(fields, fields.map(({ codec, plain }) => plain && isClass ? undefined : codec.decode))
  return {
    encode: (value) => is(value) ? encode(value) : explain(value),
    encodeAccepted: encode,
    // The constructor of a class runs its checks.
    decode: isClass
      ? instantiate(schema, fields, decode)
      : withChecks(schema.ast, decode, (value) => is(value) ? value : explain(value)),
    encoded: () => Schema.Struct(Object.fromEntries(fields.map(encodedField))).ast,
    shape: shapeOfFields(fields.map(({ codec, name, optional }) => ({ name, optional, inner: codec.shape }))),
    withBytes: withBytesOfFields(fields)
  }
}

const encodedField = ({ codec, name, optional }: Field): [string, AnyCodec] => {
  const encoded = Schema.make<AnyCodec>(codec.encoded())
  return [name, optional && !isOptional(encoded.ast) ? Schema.optionalKey(encoded) : encoded]
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

/** Converts the fields of an object; those without a `Convert` are passed on. */
const eachField = (fields: ReadonlyArray<Field>, converts: ReadonlyArray<Convert | undefined>): Convert =>
  compiled(fields, converts) ?? ((value) => {
    if (typeof value !== "object" || value === null) return anObject(value)
    const object: Record<string, unknown> = {}
    for (let i = 0; i < fields.length; i++) {
      const { name } = fields[i]
      const field = (value as Readonly<Record<string, unknown>>)[name]
      if (field === undefined && !(name in value)) continue
      const convert = converts[i]
      const converted = convert === undefined ? field : convert(field)
      if (converted instanceof CodecError) return converted
      object[name] = converted
    }
    return object
  })

/** The same loop as code that makes the object in one literal, which takes less time. */
const compiled = (fields: ReadonlyArray<Field>, converts: ReadonlyArray<Convert | undefined>): Convert | undefined => {
  const read = ({ name }: Field, i: number) => {
    const field = `value[${JSON.stringify(name)}]`
    return converts[i] === undefined
      ? `const field${i} = ${field};`
      : `const field${i} = converts[${i}](${field}); if (field${i} instanceof CodecError) return field${i};`
  }
  const required = fields.map((field, i) => field.optional ? "" : read(field, i))
  const literal = fields.map(({ name, optional }, i) => optional ? "" : `[${JSON.stringify(name)}]: field${i},`)
  const optional = fields.map((field, i) => {
    const key = JSON.stringify(field.name)
    return field.optional ? `if (${key} in value) { ${read(field, i)} object[${key}] = field${i} }` : ""
  })
  return compileCode<(converts: unknown, anObject: unknown, error: unknown) => Convert>(
    ["converts", "anObject", "CodecError"],
    `return (value) => {
      if (typeof value !== "object" || value === null) return anObject(value)
      ${required.join("")} const object = { ${literal.join("")} }; ${optional.join("")} return object
    }`
  )?.(converts, anObject, CodecError)
}

/** Runs the struct's own checks on its decoded fields. */
const withChecks = ({ checks }: SchemaAST.AST, decode: Convert, check: Convert): Convert =>
  checks === undefined ? decode : (value) => {
    const decoded = decode(value)
    return decoded instanceof CodecError ? decoded : check(decoded)
  }

/**
 * Makes the instance of a class of its decoded fields. Fields that the schema accepts need no second check by the
 * constructor, if the class has a trusted one, which is known after the first instance.
 */
const instantiate = (schema: WithFields, fields: ReadonlyArray<Field>, decode: Convert): Convert => {
  const Class = schema as unknown as new(fields: unknown) => object
  const accepts = acceptsFields(schema, fields)
  let trusted: TrustedConstructor | undefined
  let known = accepts === undefined
  return (value) => {
    const decoded = decode(value)
    if (decoded instanceof CodecError) return decoded
    if (trusted !== undefined && accepts!(decoded)) return trusted(decoded as object)
    try {
      const instance = new Class(decoded)
      if (!known) {
        known = true
        const tag = "_tag" in schema.fields && !fields.some(({ name }) => name === "_tag")
        trusted = trustedConstructor(
          Class,
          fields,
          tag ? Reflect.get(instance, "_tag") as string : undefined,
          decoded as object,
          instance
        )
      }
      return instance
    } catch (error) {
      return toCodecError(Predicate.hasProperty(error, "cause") ? error.cause ?? error : error)
    }
  }
}

/**
 * Whether the struct of a class accepts decoded fields, and `new` would take them as they are; `undefined` if the struct
 * has checks of its own, or a field of which that is not known.
 */
const acceptsFields = (
  { ast, fields }: WithFields,
  names: ReadonlyArray<Field>
): ((value: unknown) => boolean) | undefined =>
  ast._tag !== "Declaration" || ast.checks !== undefined || ast.typeParameters[0]?.checks !== undefined ||
    !names.every(({ name }) => isTakenAsIs(fields[name].ast))
    ? undefined
    : guard(
      // The codecs of the other fields have checked them.
      Schema.Struct(
        Object.fromEntries(names.flatMap(({ name, plain }) => plain ? [[name, fields[name]]] : []))
      ) as AnyCodec
    )
