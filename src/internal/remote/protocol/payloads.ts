/**
 * The payloads or results of a chunk as bytes, in as many frames as keep each frame within a limit.
 *
 * Must stay true: a value that alone exceeds the limit, or cannot be cloned, is refused alone and delays no other.
 * `decodeAll` checks the structure of packed values, because a peer may send any bytes.
 */
import { type EncodedColumns, fromColumns, type ListShape, type Shape, toColumns } from "../../encoding/columns.ts"
import { estimateSize } from "../../encoding/estimateSize.ts"
import * as Serialization from "./serialization.ts"

/** A value, and the index of its task name in the names of the chunk. */
export interface IndexedValue {
  readonly nameIndex: number
  readonly value: unknown
}

type AnyShape = Shape | ListShape | undefined

/** Packs the values of each name together, as columns of the shape of that name. */
const encodeAll = (values: ReadonlyArray<IndexedValue>, shapes: ReadonlyArray<AnyShape>): Uint8Array => {
  const byName = shapes.map((): Array<unknown> => [])
  for (const { nameIndex, value } of values) byName[nameIndex].push(value)
  return Serialization.encode(byName.map((ofName, nameIndex) => toColumns(shapes[nameIndex], ofName)))
}

/** Throws for bytes that `encodeFrames` cannot have made for these shapes and name indexes. */
export const decodeAll = (
  bytes: Uint8Array,
  nameIndexes: ReadonlyArray<number>,
  shapes: ReadonlyArray<AnyShape>
): ReadonlyArray<unknown> => {
  const packed = Serialization.decode(bytes)
  const counts = shapes.map(() => 0)
  for (const nameIndex of nameIndexes) counts[nameIndex]++
  if (!Array.isArray(packed) || packed.length !== shapes.length) throw new TypeError("values are missing")
  const byName = shapes.map((shape, nameIndex) => {
    const columns: unknown = packed[nameIndex]
    if (!fits(columns, shape, counts[nameIndex])) throw new TypeError("values do not have the shape of their schema")
    return fromColumns(columns as EncodedColumns)
  })
  const taken = shapes.map(() => 0)
  return nameIndexes.map((nameIndex) => byName[nameIndex][taken[nameIndex]++])
}

/** Whether these are `count` values, packed as `toColumns` packs them for the shape. */
const fits = (packed: unknown, shape: AnyShape, count: number): boolean => {
  if (!Array.isArray(packed)) return false
  if (packed[0] === 0) return hasLength(packed[1], count)
  if (shape === undefined) return false
  if ("element" in shape) {
    const [tag, lengths, items] = packed
    if (tag !== 2 || !hasLength(lengths, count) || !lengths.every(isCount)) return false
    return fits(items, shape.element, lengths.reduce((sum, length) => sum + length, 0))
  }
  const [tag, objects, keys, , columns] = packed
  const { fields } = shape
  return tag === 1 && objects === count && hasLength(keys, fields.length) && hasLength(columns, fields.length) &&
    fields.every(({ inner, name }, i) => keys[i] === name && fits(columns[i], inner, count))
}

const hasLength = (u: unknown, length: number): u is ReadonlyArray<unknown> => Array.isArray(u) && u.length === length

const isCount = (u: unknown): u is number => Number.isInteger(u) && Number(u) >= 0

/** The values from `from` up to, not including, `to`. */
export interface Frame {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
}

/** Values with a larger estimated size are split before they are encoded. */
const MAX_ENCODED_TOGETHER = 8 * 1024 * 1024

export const encodeFrames = (
  values: ReadonlyArray<IndexedValue>,
  shapes: ReadonlyArray<AnyShape>,
  limit: number,
  refuse: (at: number, why: string) => void
): ReadonlyArray<Frame> => {
  const frames: Array<Frame> = []
  const encode = (from: number, to: number): void => {
    if (from === to) return
    const alone = to - from === 1
    const some = from === 0 && to === values.length ? values : values.slice(from, to)
    let why: string | undefined
    if (alone || estimate(some) <= MAX_ENCODED_TOGETHER) {
      try {
        const bytes = encodeAll(some, shapes)
        if (bytes.length <= limit) {
          frames.push({ from, to, bytes })
          return
        }
        why = tooLarge(bytes.length, limit)
      } catch (error) {
        why = String(error)
      }
    }
    if (alone) return refuse(from, why!)
    const middle = (from + to) >> 1
    encode(from, middle)
    encode(middle, to)
  }
  encode(0, values.length)
  return frames
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

export const fromNumbers16 = (bytes: Uint8Array): ReadonlyArray<number> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length >> 1 }, (_, i) => view.getUint16(2 * i))
}

/** The estimated size of all values, from the first, the middle and the last one. */
const estimate = (values: ReadonlyArray<IndexedValue>): number =>
  Math.max(
    estimateSize(values[0].value),
    estimateSize(values[values.length >> 1].value),
    estimateSize(values[values.length - 1].value)
  ) *
  values.length
