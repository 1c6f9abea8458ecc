/**
 * The codec of `Schema.Json` and of `Schema.Unknown`, whose values are JSON trees: their schema tells nothing about
 * their objects and lists. Most trees of objects are encoded as JSON text. Text takes two thirds of the time of a
 * structured clone, is a snapshot of the tree, and needs no check when it is decoded. A tree is not encoded as text if
 * its clone takes less time, or if text would change the tree. The encoded form is then a list of one element, the tree
 * itself.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { CodecError, toCodecError } from "./codecError.ts"
import type { AnyCodec, Codec, Convert } from "./codecModel.ts"

/** Whether the values of a schema are JSON trees, and the schema has no checks. */
export const isJsonValue = ({ annotations, checks, encoding, _tag: tag }: SchemaAST.AST): boolean => {
  if (checks !== undefined || encoding !== undefined) return false
  if (tag === "Unknown" || tag === "Any") return true
  const representation = annotations?.representation
  return tag === "Declaration" && Predicate.hasProperty(representation, "id") &&
    (representation.id === "effect/schema/Json" || representation.id === "effect/schema/MutableJson")
}

/** The codec. `viaJson` encodes the trees that are not encoded as text, and gives the error if a value is no tree. */
export const jsonValue = (viaJson: (schema: AnyCodec) => Codec): Codec => {
  const json = viaJson(Schema.Json as AnyCodec)
  const encode: Convert = (value) => {
    const text = textOf(value)
    if (text !== undefined) return text
    const encoded = json.encode(value)
    return encoded instanceof CodecError ? encoded : [encoded]
  }
  return {
    encode,
    encodeAccepted: encode,
    decode: (encoded) => {
      if (typeof encoded === "string") return parse(encoded)
      return Array.isArray(encoded) && encoded.length === 1
        ? json.decode(encoded[0])
        : new CodecError(`Expected JSON text or a list of one value, got ${encoded}`)
    },
    encoded: () => Schema.Unknown.ast,
    shape: undefined,
    withBytes: undefined
  }
}

const parse: Convert = (text) => {
  try {
    return JSON.parse(text as string)
  } catch (error) {
    return toCodecError(error)
  }
}

/** The JSON text of a tree; `undefined` if a clone takes less time, text would change the value, or it is no tree. */
const textOf = (value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  gain = 0
  nodes = 0
  try {
    return visit(value) && gain > 0 ? JSON.stringify(value) : undefined
  } catch {
    // The tree is too deep, its text is too long, or a getter throws.
    return undefined
  }
}

/**
 * The largest number of objects and lists that are visited in a tree; a larger tree is cloned. A clone contains each
 * object once, but text contains an object as often as it occurs in the tree, which may take forever.
 */
const MAX_NODES = 1_000_000

/**
 * The time that text saves against a clone, on both sides together, in nanoseconds. Measured for lists of 2,000
 * objects: each property saves 60 and each list 45; each number that is no 32-bit integer costs 80, and each character
 * of a string 1.5.
 */
let gain = 0
let nodes = 0

/** Whether text keeps the value unchanged. Also adds to `gain`. */
const visit = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
      gain -= 1.5 * value.length
      return true
    case "number":
      // JSON text has no negative zero.
      if ((value | 0) === value) return value !== 0 || !Object.is(value, -0)
      gain -= 80
      return Number.isFinite(value)
    case "boolean":
      return true
    case "object":
      if (value === null) return true
      if (++nodes > MAX_NODES) return false
      // A method `toJSON` would change the text. It may be inherited, or not enumerable.
      if (typeof (value as { readonly toJSON?: unknown }).toJSON === "function") return false
      return Array.isArray(value) ? visitList(value) : visitObject(value as Readonly<Record<string, unknown>>)
    default:
      return false
  }
}

const visitList = (list: ReadonlyArray<unknown>): boolean => {
  gain += 45
  for (let i = 0; i < list.length; i++) if (!visit(list[i])) return false
  return true
}

const visitObject = (object: Readonly<Record<string, unknown>>): boolean => {
  // Instances of classes are no JSON. `JSON.stringify` writes an object of `JSON.rawJSON` as another value.
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && !(prototype === null && !("rawJSON" in object))) return false
  const keys = Object.keys(object)
  gain += 60 * keys.length
  for (let i = 0; i < keys.length; i++) if (!visit(object[keys[i]])) return false
  return true
}
