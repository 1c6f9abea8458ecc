/**
 * The payloads, results or errors of one task as bytes: effect/encoding/SchemaBinary over the schema of the task.
 *
 * Must stay true: decoded values are plain data of the task's schema, which was made by both sides from their own
 * tasks. A peer chooses values, and never keys, classes or the number of values.
 */
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import type { Codec } from "../../encoding/codec.ts"
import { estimateSize } from "../../encoding/estimateSize.ts"
import { type ColumnCodec, columnCodec, jsonColumn } from "./columnCodec.ts"
import { refusePrototype } from "./prototypeKeys.ts"

export interface ValueCodec {
  /**
   * Encodes values that the codec of the task has encoded; the bytes that they are expected to take, if these are more
   * than `most`. Throws for values that cannot be sent.
   */
  readonly encode: (values: ReadonlyArray<unknown>, most: number) => Uint8Array | number
  /** Throws unless the bytes are `count` values. */
  readonly decode: (bytes: Uint8Array, count: number) => ReadonlyArray<unknown>
}

/** The codec of a payload, result or error; made with its first value. */
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
    // SchemaBinary does not have every union.
    return ofColumns(jsonColumn, columns)
  }
}

const options = { fingerprint: true }

/** `typed`: the columns of the schema, which know the trees that are text. */
const ofColumns = (columns: ColumnCodec, typed: ColumnCodec): ValueCodec => {
  // A chunk can always be sent as JSON instead.
  const schema = columns.schema === Schema.String ? columns.schema : Schema.Union([columns.schema, Schema.String])
  const { encode } = SchemaBinary.encoder(schema, options)
  const decode = Schema.decodeUnknownSync(SchemaBinary.toCodec(schema, options))
  /** The bytes that values took, in proportion to their estimate. */
  let ratio = 1
  return {
    encode: (values, most) => {
      const packed = columns.pack(values)
      const estimate = most < Infinity ? estimateSize(packed) : 0
      if (estimate * ratio > most) return estimate * ratio
      const bytes = encode(packed)
      if (estimate > 0) ratio += (bytes.length / estimate - ratio) / 2
      if (mayHaveKey(bytes)) refusePrototype(values)
      return isExact(bytes, values) ? bytes : encode(jsonColumn.pack(values))
    },
    decode: (bytes, count) => {
      // The parts of a Buffer are views of its memory, and those of other bytes are copies.
      const packed = decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      const values = typeof packed === "string" ? jsonColumn.unpack(packed, count) : columns.unpack(packed, count)
      if (mayHaveKey(bytes)) refusePrototype(values)
      // Text of trees within JSON is a string like any other. To pack it refuses the key in it.
      if (typeof packed === "string") typed.pack(values)
      return values
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Only a value whose bytes contain the key is searched. Those of JSON, which has other ways to write it, always are. */
const mayHaveKey = (bytes: Uint8Array): boolean => asBuffer(bytes).includes("__proto__", 0, "latin1")

/** As UTF-8, half of a surrogate pair becomes this. */
const REPLACEMENT = Buffer.from("\uFFFD")

/** Whether the bytes have every string of the values as it is. */
const isExact = (bytes: Uint8Array, values: ReadonlyArray<unknown>): boolean =>
  !asBuffer(bytes).includes(REPLACEMENT) || isWellFormed(values)

const isWellFormed = (value: unknown): boolean => {
  if (typeof value === "string") return value.isWellFormed()
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return true
  if (Array.isArray(value)) return value.every(isWellFormed)
  return Object.entries(value).every(([key, part]) => key.isWellFormed() && isWellFormed(part))
}
