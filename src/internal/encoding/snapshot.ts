/**
 * Snapshots of encoded values. An encoded value shares some parts with the original value: bytes, dates, and the arrays
 * and objects of plain schemas. A snapshot copies these shared parts, so that the owner may change the original
 * afterwards.
 *
 * Must stay true: reading a snapshot runs no code of a user and does not throw, because making it has read the original
 * once. The shared parts are found once for each schema; a value without shared parts is its own snapshot.
 */
import * as Predicate from "effect/Predicate"
import type * as SchemaAST from "effect/SchemaAST"
import { type AnyCodec, isOptional } from "./codecModel.ts"
import { compileCode } from "./compileCode.ts"
import { hasFields, type WithFields } from "./fieldsCodec.ts"
import { isListOfObjects } from "./listCodec.ts"
import { isPlain } from "./plainCodec.ts"

/** Copies bytes, or returns bytes that the snapshot may keep. */
export type CopyBytes = (bytes: Uint8Array) => Uint8Array

/** Makes a snapshot of an encoded value. Throws if the value cannot be read or cloned. */
export type Snapshot = (value: unknown, copyBytes: CopyBytes) => unknown

/** Copies bytes into memory of their own. */
export const copyBytes: CopyBytes = (bytes) => new Uint8Array(bytes)

/** Copies bytes only if other threads may write to their memory. */
export const copyShared: CopyBytes = (bytes) => bytes.buffer instanceof ArrayBuffer ? bytes : copyBytes(bytes)

/** Makes snapshots of the encoded values of a schema; `undefined` if they have no shared parts. */
export const snapshotOf = (schema: AnyCodec): Snapshot | undefined => {
  // The encoded value of a plain schema is the original. Other codecs have made a new object or a new list of objects.
  if (hasFields(schema)) return ofFields(schema)
  if (isPlain(schema.ast) || !isListOfObjects(schema)) return partOf(schema.ast)
  const element = snapshotOf(schema.value)
  return element && ((value, copyBytes) => {
    for (const object of value as ReadonlyArray<unknown>) element(object, copyBytes)
    return value
  })
}

const ofFields = ({ fields }: WithFields): Snapshot | undefined => {
  const copied = Object.entries(fields).flatMap(([name, field]) => {
    const copy = isPlain(field.ast) ? partOf(field.ast) : snapshotOf(field)
    return copy === undefined ? [] : [{ name, copy }]
  })
  if (copied.length === 0) return undefined
  return (value, copyBytes) => {
    const object = value as Record<string, unknown>
    for (const { copy, name } of copied) if (name in object) object[name] = copy(object[name], copyBytes)
    return object
  }
}

/** Makes snapshots of a shared part; `undefined` if its values are immutable. */
const partOf = (ast: SchemaAST.AST): Snapshot | undefined => {
  if (!isPlain(ast)) return copyData
  switch (ast._tag) {
    case "Arrays":
      return ast.elements.length === 0 && ast.rest.length === 1 ? listOf(partOf(ast.rest[0])) : copyData
    case "Objects":
      return ast.indexSignatures.length > 0 ? copyData : compileObject(ast)
    case "Union":
      return ast.types.every((type) => partOf(type) === undefined) ? undefined : copyData
    case "Declaration":
      return copyData
    default:
      return undefined
  }
}

const listOf = (element: Snapshot | undefined): Snapshot =>
  element === undefined
    ? (value) => (value as ReadonlyArray<unknown>).slice()
    : (value, copyBytes) => {
      const copied: Array<unknown> = []
      for (const part of value as ReadonlyArray<unknown>) copied.push(element(part, copyBytes))
      return copied
    }

/** Copies any data that structured clone supports. Mostly this is text, bytes, dates, arrays and objects. */
const copyData: Snapshot = (value, copyBytes) => {
  if (typeof value !== "object" || value === null) return value
  let copiedParts = 0
  let known: Map<object, unknown> | undefined
  const copy = (part: unknown): unknown => {
    if (typeof part !== "object" || part === null) return part
    if (known?.has(part) === true) return known.get(part)
    if (++copiedParts === MANY_PARTS) known = new Map()
    const copied = copyPart(part, copyBytes, copy)
    known?.set(part, copied)
    return copied
  }
  return copy(value)
}

/**
 * The number of parts after which each copy is remembered, so that a part which occurs often is copied only once.
 * Without that, copying some values would take forever. Remembering a copy takes as much time as making it.
 */
const MANY_PARTS = 10_000

const copyPart = (part: object, copyBytes: CopyBytes, copy: (part: unknown) => unknown): unknown => {
  if (Array.isArray(part)) return part.map(copy)
  if (part instanceof Uint8Array) return copyBytes(part)
  const prototype: unknown = Object.getPrototypeOf(part)
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(part)
  const copied: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(part)) {
    if (key === "__proto__") return structuredClone(part)
    copied[key] = copy(inner)
  }
  return copied
}

/** Copies the declared properties of an object. Compiled code takes a fifth of the time of a loop over the properties. */
const compileObject = (ast: SchemaAST.Objects): Snapshot => {
  const properties = ast.propertySignatures.map(({ name, type }) => ({
    name: String(name),
    optional: isOptional(type),
    copy: partOf(type)
  }))
  if (properties.some(({ name }) => name === "__proto__")) return copyData
  const read = ({ copy, name }: typeof properties[number], i: number) => {
    const part = `object[${JSON.stringify(name)}]`
    return copy === undefined ? part : `copies[${i}](${part}, copyBytes)`
  }
  const always = properties.map((property, i) =>
    property.optional ? "" : `${JSON.stringify(property.name)}: ${read(property, i)},`
  )
  const optional = properties.map((property, i) => {
    const key = JSON.stringify(property.name)
    return property.optional ? `if (${key} in object) copied[${key}] = ${read(property, i)};` : ""
  })
  const copies = properties.map(({ copy }) => copy)
  return compileCode<(copies: unknown) => Snapshot>(
    ["copies"],
    `return (object, copyBytes) => { const copied = { ${always.join("")} }; ${optional.join("")} return copied }`
  )?.(copies) ?? ((value, copyBytes) => {
    const copied: Record<string, unknown> = {}
    for (const { copy, name } of properties) {
      if (!Predicate.hasProperty(value, name)) continue
      copied[name] = copy === undefined ? value[name] : copy(value[name], copyBytes)
    }
    return copied
  })
}
