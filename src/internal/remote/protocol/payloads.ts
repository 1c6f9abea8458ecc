/**
 * The payloads or results of a chunk as bytes, in as many frames as keep each of them small.
 *
 * Must stay true: a frame has at most `FRAME_BYTES`, unless it is one value, which has at most the limit. A value beyond
 * the limit, or one that cannot be encoded, is refused alone and delays no other.
 */
import type { ValueCodec } from "../../encoding/wire/valueCodec.ts"

/** A value, and the index of its task name in the names of the chunk. */
export interface IndexedValue {
  readonly nameIndex: number
  readonly value: unknown
}

/** The bytes of a frame of several values, and about the bytes of a message. */
export const FRAME_BYTES = 1024 * 1024

/** The values from `from` up to, not including, `to`. */
export interface Frame {
  readonly from: number
  readonly to: number
  /** For each name of the chunk, its values; empty if there are none. */
  readonly values: ReadonlyArray<Uint8Array>
  readonly bytes: number
}

type Codecs = ReadonlyArray<ValueCodec | undefined>

const NONE = new Uint8Array()

const UNKNOWN = "the task is not known here"

/** The encoded values of each name; the bytes that they are expected to take, if these are more than `most`. */
const encode = (
  values: ReadonlyArray<IndexedValue>,
  codecs: Codecs,
  most: number
): ReadonlyArray<Uint8Array> | number => {
  const byName = codecs.map((): Array<unknown> => [])
  for (const { nameIndex, value } of values) byName[nameIndex].push(value)
  const encoded: Array<Uint8Array> = []
  for (let nameIndex = 0; nameIndex < codecs.length; nameIndex++) {
    const ofName = byName[nameIndex]
    const codec = codecs[nameIndex]
    if (codec === undefined && ofName.length > 0) throw new TypeError(UNKNOWN)
    const bytes = codec === undefined || ofName.length === 0
      ? NONE
      : codec.encode(ofName, values.length === 1 ? Infinity : most)
    if (typeof bytes === "number") return bytes * values.length / ofName.length
    encoded.push(bytes)
  }
  const total = bytesOf(encoded)
  return total <= most || values.length === 1 ? encoded : total
}

const bytesOf = (encoded: ReadonlyArray<Uint8Array>): number => encoded.reduce((sum, { length }) => sum + length, 0)

/**
 * The values of one name of a frame, or the reason why they cannot be decoded; `count` of them are expected.
 */
export type DecodedValues = ReadonlyArray<unknown> | string

/** The values by name. A name whose values cannot be decoded does not concern the others. */
export const decodeAll = (
  values: ReadonlyArray<Uint8Array>,
  nameIndexes: ReadonlyArray<number>,
  codecs: Codecs
): ReadonlyArray<DecodedValues> => {
  const counts = codecs.map(() => 0)
  for (const nameIndex of nameIndexes) counts[nameIndex]++
  return codecs.map((codec, nameIndex) => {
    const count = counts[nameIndex]
    return count === 0 ? [] : decodeValues(codec, values[nameIndex], count)
  })
}

/** The values of one name. */
export const decodeValues = (codec: ValueCodec | undefined, bytes: Uint8Array, count: number): DecodedValues => {
  try {
    return codec === undefined ? UNKNOWN : codec.decode(bytes, count)
  } catch (error) {
    return String(error)
  }
}

/** The frames of values, one after the other, so that not all of them have to be in memory. */
export const encodeFrames = function*(
  values: ReadonlyArray<IndexedValue>,
  codecs: Codecs,
  limit: number,
  refuse: (at: number, why: string) => void
): Generator<Frame> {
  const most = Math.min(limit, FRAME_BYTES)
  /** The ends of the parts that are still to be encoded, the next one last. */
  const ends = [values.length]
  let from = 0
  for (let to = ends.pop(); to !== undefined; to = ends.pop()) {
    if (from === to) continue
    const some = from === 0 && to === values.length ? values : values.slice(from, to)
    const made = tryEncode(some, codecs, most)
    if (typeof made === "object") {
      const bytes = bytesOf(made)
      if (bytes <= limit) yield { from, to, values: made, bytes }
      else refuse(from, tooLarge(bytes, limit))
    } else if (some.length > 1) {
      // Into parts that are expected to fit, or in half, to find the value that cannot be encoded.
      const parts = typeof made === "number" ? Math.min(some.length, Math.ceil(made / (FULL * most))) : 2
      for (let part = Math.max(2, parts); part > 0; part--) {
        ends.push(from + Math.floor(some.length * part / Math.max(2, parts)))
      }
      continue
    } else {
      refuse(from, String(made))
    }
    from = to
  }
}

/** The part of a frame that is expected to be filled: values of one task are not equally large. */
const FULL = 0.8

/** The encoded values, the bytes that are more than `most`, or why one of them cannot be encoded. */
const tryEncode = (
  values: ReadonlyArray<IndexedValue>,
  codecs: Codecs,
  most: number
): ReadonlyArray<Uint8Array> | number | string => {
  try {
    return encode(values, codecs, most)
  } catch (error) {
    return String(error)
  }
}

export const tooLarge = (bytes: number, limit: number): string =>
  `it takes ${grouped(bytes)} bytes, and at most ${grouped(limit)} can be sent (maxTaskBytes)`

const grouped = (n: number): string => n.toLocaleString("en-US")

/** Numbers below 65,536, in two bytes each. */
export const toNumbers16 = (numbers: ReadonlyArray<number>): Uint8Array => {
  const bytes = new Uint8Array(2 * numbers.length)
  const view = new DataView(bytes.buffer)
  numbers.forEach((n, i) => view.setUint16(2 * i, n))
  return bytes
}

/** The numbers from `from` up to, not including, `to`. */
export const range16 = (from: number, to: number): Uint8Array => {
  const bytes = new Uint8Array(2 * (to - from))
  for (let n = from, i = 0; n < to; n++) {
    bytes[i++] = n >> 8
    bytes[i++] = n & 0xff
  }
  return bytes
}

/** Whether all numbers are below the limit. */
export const areBelow16 = (bytes: Uint8Array, limit: number): boolean => {
  for (let i = 0; i + 1 < bytes.length; i += 2) if ((bytes[i] << 8 | bytes[i + 1]) >= limit) return false
  return true
}

export const fromNumbers16 = (bytes: Uint8Array): ReadonlyArray<number> => {
  const numbers: Array<number> = []
  for (let i = 0; i + 1 < bytes.length; i += 2) numbers.push(bytes[i] << 8 | bytes[i + 1])
  return numbers
}
