/**
 * Encodes the payloads, results or errors of one task class as bytes, by effect/encoding/SchemaBinary.
 *
 * Must stay true: decoded values are plain data that fit the schema of the task, which each side has from its own task
 * class. A peer chooses values, but neither keys nor classes nor the number of values.
 */
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import type { Codec } from "../codec.ts"
import { estimateSize } from "../estimateSize.ts"
import { BlobReader, BlobWriter } from "./blobs.ts"
import { type ColumnCodec, columnCodec, jsonColumn } from "./columnCodec.ts"
import * as PlainJson from "./plainJson.ts"
import { refusePrototype } from "./prototypeKeys.ts"

export interface ValueCodec {
  /**
   * Takes values that the codec of the task has encoded. Returns their bytes, or, if they are expected to take more than
   * `most` bytes, only the expected number of bytes. Throws for values that cannot be sent.
   */
  readonly encode: (values: ReadonlyArray<unknown>, most: number) => Uint8Array | number
  /** Throws unless the bytes are `count` values. */
  readonly decode: (bytes: Uint8Array, count: number) => ReadonlyArray<unknown>
}

/** The codec of the payloads, results or errors of a task class. It is made when it is first used. */
export const valueCodec = ({ encoded, shape }: Codec): ValueCodec => {
  let made: ValueCodec | undefined
  const get = (): ValueCodec => made ??= make(encoded, shape)
  return { encode: (values, most) => get().encode(values, most), decode: (bytes, count) => get().decode(bytes, count) }
}

const make = (encoded: Codec["encoded"], shape: Codec["shape"]): ValueCodec => {
  const columns = columnCodec(encoded(), shape)
  try {
    return ofColumns(columns, columns)
  } catch {
    // SchemaBinary does not support every union.
    return ofColumns(jsonColumn, columns)
  }
}

const options = { fingerprint: true }

/** `typed` are the columns of the schema, by which text of JSON trees is found within JSON text. */
const ofColumns = (columns: ColumnCodec, typed: ColumnCodec): ValueCodec => {
  // A chunk can always be sent as JSON instead.
  const schema = columns.schema === Schema.String ? columns.schema : Schema.Union([columns.schema, Schema.String])
  const { encode } = SchemaBinary.encoder(schema, options)
  const decode = Schema.decodeUnknownSync(SchemaBinary.toCodec(schema, options))
  /** The bytes that values took, in proportion to their estimate. */
  let ratio = 1
  return {
    encode: (values, most) => {
      const blobs = new BlobWriter()
      const packed = columns.pack(values, blobs)
      const estimate = most < Infinity ? estimateSize(packed) : 0
      if (estimate * ratio + blobs.size > most) return estimate * ratio + blobs.size
      const bytes = encode(packed)
      if (estimate > 0) ratio += (bytes.length / estimate - ratio) / 2
      if (mayHaveKey(bytes)) refusePrototype(values)
      return !blobs.isInexact && isExact(bytes, values)
        ? blobs.after(bytes)
        : new BlobWriter().after(encode(PlainJson.stringify(values)))
    },
    decode: (bytes, count) => {
      const blobs = new BlobReader(bytes)
      const packed = decode(blobs.columns)
      const values = (typeof packed === "string" ? jsonColumn : columns).unpack(packed, count, blobs)
      blobs.end()
      if (mayHaveKey(blobs.columns)) refusePrototype(values)
      // In JSON text, the text of a JSON tree is a string like any other. `pack` refuses the key `__proto__` in it.
      if (typeof packed === "string") typed.pack(values, new BlobWriter())
      return values
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Whether values may have the key `__proto__`. JSON text may write it with escapes; `PlainJson` always checks it. */
const mayHaveKey = (bytes: Uint8Array): boolean => asBuffer(bytes).includes("__proto__", 0, "latin1")

/** Encoding as UTF-8 replaces half of a surrogate pair by this character. */
const REPLACEMENT = Buffer.from("\uFFFD")

/** Whether the bytes contain every string of the values unchanged. */
const isExact = (bytes: Uint8Array, values: ReadonlyArray<unknown>): boolean =>
  !asBuffer(bytes).includes(REPLACEMENT) || isWellFormed(values)

const isWellFormed = (value: unknown): boolean => {
  if (typeof value === "string") return value.isWellFormed()
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return true
  if (Array.isArray(value)) return value.every(isWellFormed)
  return Object.entries(value).every(([key, part]) => key.isWellFormed() && isWellFormed(part))
}
