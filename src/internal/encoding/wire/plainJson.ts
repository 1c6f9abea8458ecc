/**
 * Plain data as JSON text, for values whose schema has no binary form: numbers that JSON lacks, `undefined`, bigints,
 * bytes and dates are arrays that begin with their kind, and so are arrays.
 *
 * Must stay true: text that a peer sent becomes plain data or an error, and its size bounds the memory of the data. No
 * key sets a prototype.
 */
import { Buffer } from "node:buffer"
import { refusePrototype } from "./prototypeKeys.ts"

/** Throws for a value that is not plain data. */
export const stringify = (value: unknown): string => {
  refusePrototype(value)
  return JSON.stringify(toJson(value))
}

/** Throws for text that `stringify` does not make. */
export const parse = (text: string): unknown => {
  const value = fromJson(JSON.parse(text))
  refusePrototype(value)
  return value
}

const toJson = (value: unknown): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : ["number", Object.is(value, -0) ? "-0" : `${value}`]
    case "undefined":
      return ["undefined"]
    case "bigint":
      // In hexadecimal, since the time to read a decimal number grows faster than its length.
      return ["bigint", value < 0n, (value < 0n ? -value : value).toString(16)]
    case "object":
      return value === null ? null : objectToJson(value)
    default:
      throw new TypeError(`a ${typeof value} cannot be sent to another host`)
  }
}

const objectToJson = (value: object): unknown => {
  if (Array.isArray(value)) return ["array", ...value.map(toJson)]
  if (value instanceof Uint8Array) {
    return ["bytes", Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")]
  }
  if (value instanceof Date) return ["date", toJson(value.getTime())]
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, toJson(part)]))
}

const fromJson = (json: unknown): unknown => {
  if (typeof json !== "object" || json === null) return json
  if (!Array.isArray(json)) {
    return Object.fromEntries(Object.entries(json).map(([key, part]) => [key, fromJson(part)]))
  }
  const [kind, ...rest] = json as ReadonlyArray<unknown>
  const [first, second] = rest
  switch (kind) {
    case "array":
      return rest.map(fromJson)
    case "number":
      return Number(first)
    case "undefined":
      return undefined
    case "bigint": {
      if (typeof second !== "string" || !/^[0-9a-f]+$/.test(second)) break
      const magnitude = BigInt(`0x${second}`)
      return first === true ? -magnitude : magnitude
    }
    case "bytes":
      if (typeof first !== "string") break
      return new Uint8Array(Buffer.from(first, "base64"))
    case "date": {
      const millis = fromJson(first)
      if (typeof millis !== "number") break
      return new Date(millis)
    }
  }
  throw new TypeError("malformed values")
}
