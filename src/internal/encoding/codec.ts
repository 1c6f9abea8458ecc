/**
 * What crosses a boundary: data that structured clone carries. A schema that is
 * its own encoding is only checked; fields of a struct or class are taken one by
 * one, so that bytes and dates among them stay what they are; all else goes
 * through `Schema.toCodecJson`.
 */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { describe } from "../describe.ts"
import type * as Task from "../task.ts"
import type { ListShape, Shape } from "./columns.ts"

/** Why a value does not fit its schema, for people. */
export class CodecError {
  readonly message: string

  constructor(message: string) {
    this.message = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
  }
}

const MAX_MESSAGE = 2000

/** Encodes or decodes one value; a `Misfit` where it does not fit. A plain value: it is made for every task. */
type Code = (value: unknown) => unknown

const fromExit = (code: (value: unknown) => Exit.Exit<unknown, unknown>): Code => (value) => {
  try {
    const exit = code(value)
    return exit._tag === "Success" ? exit.value : toCodecError(Cause.squash(exit.cause))
  } catch (error) {
    return toCodecError(error)
  }
}

/** What went wrong, as a `Misfit`. */
export const toCodecError = (error: unknown): CodecError => new CodecError(describe(error))

/** Both ways of one schema. */
export interface Codec {
  readonly encode: Code
  readonly decode: Code
  /** What encoded values have in common. */
  readonly shape: Shape | ListShape | undefined
  /** Puts others in the place of the bytes of an encoded value, in a copy of it; absent where it never holds any. */
  readonly withBytes: WithBytes | undefined
}

type WithBytes = (value: unknown, other: (bytes: Uint8Array) => Uint8Array) => unknown

/** The codecs of one task. */
export interface TaskCodec {
  readonly payload: Codec
  readonly success: Codec
  readonly error: Codec
}

type AnyCodec = Schema.Codec<unknown, unknown>

/** Derives the codecs of a task class; once per class and dispatcher. Of schemas that have none, nothing fits. */
export const make = (task: Task.AnyClass): TaskCodec => {
  const { error, success } = task.prototype["~papyros/Task"]
  try {
    return { payload: of(task as AnyCodec), success: of(success as AnyCodec), error: of(error as AnyCodec) }
  } catch (why) {
    const nothing: Code = () => toCodecError(why)
    const none: Codec = { encode: nothing, decode: nothing, shape: undefined, withBytes: undefined }
    return { payload: none, success: none, error: none }
  }
}

// ----------------------------------------------------------------------------
// Schemas that are their own encoding
// ----------------------------------------------------------------------------

const BYTES = "effect/schema/Uint8Array"

/** Declared types that structured clone carries as they are. */
const cloneable: ReadonlySet<unknown> = new Set([BYTES, "effect/schema/Date"])

const idOf = (ast: SchemaAST.AST): unknown => {
  const representation = ast.annotations?.representation
  return Predicate.hasProperty(representation, "id") ? representation.id : undefined
}

const isCloneable = (ast: SchemaAST.AST): boolean => cloneable.has(idOf(ast))

/** Whether encoding changes nothing, and structured clone carries every value. */
const isPlain = (ast: SchemaAST.AST): boolean => {
  if (ast.encoding !== undefined) return false
  switch (ast._tag) {
    case "String":
    case "Number":
    case "Boolean":
    case "BigInt":
    case "Null":
    case "Undefined":
    case "Void":
    case "Literal":
    case "Never":
      return true
    case "Arrays":
      return ast.elements.every(isPlain) && ast.rest.every(isPlain)
    case "Objects":
      return ast.propertySignatures.every((property) => typeof property.name === "string" && isPlain(property.type)) &&
        ast.indexSignatures.every((index) => isPlain(index.parameter) && isPlain(index.type))
    case "Union":
      return ast.types.every(isPlain)
    case "Declaration":
      return isCloneable(ast)
    default:
      return false
  }
}

/** Whether a value fits a plain schema; the commonest ones need no parser. */
const fits = (schema: AnyCodec): (value: unknown) => boolean => {
  const { _tag: tag, checks } = schema.ast
  if (checks === undefined) {
    if (tag === "String") return Predicate.isString
    if (tag === "Number") return Predicate.isNumber
    if (tag === "Boolean") return Predicate.isBoolean
  }
  return guard(schema)
}

/** `Schema.is`, also where a check of the user's throws: the value then does not fit. */
const guard = (schema: AnyCodec): (value: unknown) => boolean => {
  const is = Schema.is(schema)
  return (value) => {
    try {
      return is(value)
    } catch {
      return false
    }
  }
}

const plain = (schema: AnyCodec): Codec => {
  const is = fits(schema)
  const explain = fromExit(Schema.encodeUnknownExit(schema))
  // Both ways are checked: an executor may be anybody's.
  const check: Code = (value) => is(value) ? value : explain(value)
  return { encode: check, decode: check, shape: shapeOf(schema.ast), withBytes: withBytesOf(schema.ast) }
}

/** Of bytes and of lists of them. Where a plain schema has them elsewhere, they are cloned with the rest. */
const withBytesOf = (ast: SchemaAST.AST): WithBytes | undefined => {
  if (ast._tag === "Arrays" && ast.elements.length === 0 && ast.rest.length === 1) {
    const element = withBytesOf(ast.rest[0])
    return element && ((values, other) => (values as ReadonlyArray<unknown>).map((value) => element(value, other)))
  }
  return idOf(ast) === BYTES ? (bytes, other) => other(bytes as Uint8Array) : undefined
}

/** The shape of the values of a plain schema. */
const shapeOf = (ast: SchemaAST.AST): Shape | ListShape | undefined => {
  if (ast._tag === "Arrays" && ast.elements.length === 0 && ast.rest.length === 1) {
    const element = shapeOf(ast.rest[0])
    return element === undefined || "element" in element ? undefined : { element }
  }
  if (ast._tag !== "Objects" || ast.indexSignatures.length > 0) return undefined
  return shapeOfFields(ast.propertySignatures.map(({ name, type }) => ({
    name: String(name),
    optional: isOptional(type),
    inner: shapeOf(type)
  })))
}

const shapeOfFields = (fields: Shape["fields"]): Shape | undefined =>
  // A key of this name would be taken for the prototype.
  fields.length === 0 || fields.some(({ name }) => name === "__proto__") ? undefined : {
    fields,
    nested: fields.some(({ inner }) => inner !== undefined && ("element" in inner || inner.nested))
  }

// ----------------------------------------------------------------------------
// Structs and classes
// ----------------------------------------------------------------------------

interface WithFields extends AnyCodec {
  readonly fields: Readonly<Record<string, AnyCodec>>
}

/** A struct, or a class, whose fields have the same names on both sides and are there on both or on none. */
const hasFields = (schema: AnyCodec): schema is WithFields =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields) &&
  (schema.ast._tag === "Declaration" || (schema.ast._tag === "Objects" && schema.ast.encoding === undefined)) &&
  Object.values(schema.fields as WithFields["fields"]).every(({ ast }) =>
    ast.encoding === undefined || !(isOptional(ast) || ast.encoding.some((link) => isOptional(link.to)))
  )

const isOptional = (ast: SchemaAST.AST): boolean => ast.context?.isOptional === true

/** Whether some field, however deep, is better carried as it is than as JSON. */
const hasCloneable = (ast: SchemaAST.AST): boolean => {
  switch (ast._tag) {
    case "Declaration":
      return isCloneable(ast) || (ast.encoding?.some((link) => hasCloneable(link.to)) ?? false)
    case "Arrays":
      return ast.elements.some(hasCloneable) || ast.rest.some(hasCloneable)
    case "Objects":
      return ast.propertySignatures.some((property) => hasCloneable(property.type))
    case "Union":
      return ast.types.some(hasCloneable)
    default:
      return false
  }
}

interface Field {
  readonly name: string
  readonly codec: Codec
  readonly plain: boolean
  readonly optional: boolean
}

const byFields = (schema: WithFields): Codec => {
  const isClass = schema.ast._tag === "Declaration"
  const fields = Object.entries(schema.fields)
    // The constructor of a class sets its tag.
    .filter(([name, field]) => !(isClass && name === "_tag" && field.ast.context?.constructorDefault !== undefined))
    .map(([name, field]): Field => ({
      name,
      codec: of(field),
      plain: isPlain(field.ast),
      optional: isOptional(field.ast)
    }))
  const is = guard(schema)
  const explain = fromExit(Schema.encodeUnknownExit(schema))
  // What is encoded was checked as a whole, and the constructor of a class checks what it is given.
  const encode = eachField(fields, "encode", true)
  const decode = isClass && fields.every(({ plain }) => plain) ? anObject : eachField(fields, "decode", isClass)
  return {
    encode: (value) => is(value) ? encode(value) : explain(value),
    decode: isClass ? instantiate(schema as unknown as new(fields: unknown) => object, decode) : decode,
    shape: shapeOfFields(fields.map(({ codec, name, optional }) => ({ name, optional, inner: codec.shape }))),
    withBytes: withBytesOfFields(fields)
  }
}

const withBytesOfFields = (fields: ReadonlyArray<Field>): WithBytes | undefined => {
  const some = fields.filter(({ codec }) => codec.withBytes !== undefined)
  if (some.length === 0) return undefined
  return (value, other) => {
    const object: Record<string, unknown> = { ...(value as Readonly<Record<string, unknown>>) }
    for (const { codec, name } of some) if (name in object) object[name] = codec.withBytes!(object[name], other)
    return object
  }
}

const anObject: Code = (value) =>
  typeof value === "object" && value !== null ? value : new CodecError(`Expected an object, got ${value}`)

const eachField = (fields: ReadonlyArray<Field>, way: "encode" | "decode", checked: boolean): Code => (value) => {
  if (typeof value !== "object" || value === null) return anObject(value)
  const out: Record<string, unknown> = {}
  for (let i = 0; i < fields.length; i++) {
    const { codec, name, plain } = fields[i]
    const field = (value as Readonly<Record<string, unknown>>)[name]
    if (field === undefined && !(name in value)) continue
    const coded = plain && checked ? field : codec[way](field)
    if (coded instanceof CodecError) return coded
    out[name] = coded
  }
  return out
}

const instantiate = (Class: new(fields: unknown) => object, decode: Code): Code => (value) => {
  const fields = decode(value)
  if (fields instanceof CodecError) return fields
  try {
    return new Class(fields)
  } catch (error) {
    return toCodecError(Predicate.hasProperty(error, "cause") ? error.cause ?? error : error)
  }
}

// ----------------------------------------------------------------------------
// Any schema
// ----------------------------------------------------------------------------

const of = (schema: AnyCodec): Codec => {
  // A plain struct goes by its fields all the same: what a value has beside them stays behind.
  if (isPlain(schema.ast) && !hasFields(schema)) return plain(schema)
  if (
    hasFields(schema) && Object.values(schema.fields).some((field) => hasCloneable(field.ast) || isPlain(field.ast))
  ) {
    return byFields(schema)
  }
  const json = Schema.toCodecJson(schema)
  return {
    encode: fromExit(Schema.encodeUnknownExit(json)),
    decode: fromExit(Schema.decodeUnknownExit(json)),
    shape: undefined,
    withBytes: undefined
  }
}

const json = Schema.Defect({ includeStack: true })

/** A defect as plain data: name, message, stack and cause of an Error, else what JSON can carry. */
export const defect: Codec = {
  encode: fromExit(Schema.encodeUnknownExit(json)),
  decode: fromExit(Schema.decodeUnknownExit(json)),
  shape: undefined,
  withBytes: undefined
}
