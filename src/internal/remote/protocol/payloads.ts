/**
 * Values of a chunk as bytes, in as many parts as keep each of them below a limit.
 * A value that is too large by itself, or cannot be cloned, is refused alone.
 */
import { type EncodedColumns, fromColumns, type ListShape, type Shape, toColumns } from "../../encoding/columns.ts"
import { estimateSize } from "../../encoding/estimateSize.ts"
import * as Bytes from "./serialization.ts"

/** A value, and the index of its name. */
export interface Sent {
  readonly kind: number
  readonly value: unknown
}

type AnyShape = Shape | ListShape | undefined

/** Values are packed by name, so that each can be taken apart by the shape of its name. */
const encodeAll = (sent: ReadonlyArray<Sent>, shapes: ReadonlyArray<AnyShape>): Uint8Array => {
  const values = shapes.map((): Array<unknown> => [])
  for (const { kind, value } of sent) values[kind].push(value)
  return Bytes.encode(values.map((some, kind) => toColumns(shapes[kind], some)))
}

/** Throws for what no `encodeParts` of such shapes and kinds has made. */
export const decodeAll = (
  bytes: Uint8Array,
  kinds: ReadonlyArray<number>,
  shapes: ReadonlyArray<AnyShape>
): ReadonlyArray<unknown> => {
  const packed = Bytes.decode(bytes)
  const counts = shapes.map(() => 0)
  for (const kind of kinds) counts[kind]++
  if (!Array.isArray(packed) || packed.length !== shapes.length) throw new TypeError("values are missing")
  const values = shapes.map((shape, kind) => {
    const some: unknown = packed[kind]
    if (!fits(some, shape, counts[kind])) throw new TypeError("values do not have the shape of their schema")
    return fromColumns(some as EncodedColumns)
  })
  const taken = shapes.map(() => 0)
  return kinds.map((kind) => values[kind][taken[kind]++])
}

/** Whether so many values are packed, in the way that `pack` has for the shape. */
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

/** What of a list goes together. */
export interface Frame {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
}

/** Values are looked at together only if they are believed to take no more than this. */
const AT_ONCE = 8 * 1024 * 1024

export const encodeParts = (
  sent: ReadonlyArray<Sent>,
  shapes: ReadonlyArray<AnyShape>,
  limit: number,
  refuse: (at: number, why: string) => void
): ReadonlyArray<Frame> => {
  const parts: Array<Frame> = []
  const encode = (from: number, to: number): void => {
    if (from === to) return
    const alone = to - from === 1
    const some = from === 0 && to === sent.length ? sent : sent.slice(from, to)
    let why: string | undefined
    if (alone || estimate(some) <= AT_ONCE) {
      try {
        const bytes = encodeAll(some, shapes)
        if (bytes.length <= limit) {
          parts.push({ from, to, bytes })
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
  encode(0, sent.length)
  return parts
}

export const tooLarge = (bytes: number, limit: number): string =>
  `it takes ${grouped(bytes)} bytes, and at most ${grouped(limit)} can be sent (maxTaskBytes)`

const grouped = (n: number): string => n.toLocaleString("en-US")

/** Small numbers, two bytes each. */
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

/** By its first, middle and last. */
const estimate = (sent: ReadonlyArray<Sent>): number =>
  Math.max(
    estimateSize(sent[0].value),
    estimateSize(sent[sent.length >> 1].value),
    estimateSize(sent[sent.length - 1].value)
  ) *
  sent.length
