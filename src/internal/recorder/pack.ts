/**
 * Packs the whole recording into bytes: per worker and type in columns, and the segments that are kept.
 *
 * The form: the length of the header in bytes (32 bits, little-endian), the header as JSON (`HistoryHeader`), spaces up to
 * a multiple of 8, then the arrays in the order of the header, all little-endian:
 *
 * - for each worker and each of its types, and then its failed attempts: `columns` numbers of 16 bits. Those of a type
 *   are shares of the width of a column that were spent on it, per slot, 65,535 for all; failures are counts.
 * - for the segments: worker (16 bits), row, type (8 bits each), failed, busy share of the length (16 bits each, 65,535
 *   for all of it or more), from, length (32 bits each, in hundredths of a millisecond, from since `segmentsFrom`), tasks
 *   (32 bits).
 *
 * A length of more than 11.9 hours is shown as that, and segments that began so long before the last one are left out.
 *
 * Must stay true: at most 4 MB.
 */
import { COLUMNS } from "./columns.ts"
import type { HistoryHeader } from "./model.ts"
import type { Recorder } from "./recorder.ts"
import type { SegmentRing } from "./segments.ts"
import { COLUMN_TYPES } from "./workers.ts"

const ALL = 65_535
/** The longest time that fits, in hundredths of a millisecond: 11.9 hours. */
const LONGEST = 2 ** 32 - 1
const hundredths = (millis: number): number => Math.min(LONGEST, Math.round(millis * 100))

/** The number of the first segment that begins within the longest time before the end of the latest. */
const firstOf = (segments: SegmentRing): number => {
  let number = segments.count
  while (
    number > segments.first && (segments.get(segments.count - 1).to - segments.get(number - 1).from) * 100 < LONGEST
  ) {
    number--
  }
  return number
}

const limited = (value: number): number => Math.min(ALL, Math.max(0, Math.round(value)))

export const pack = (recorder: Recorder): Uint8Array => {
  recorder.sample()
  recorder.flush()
  const { columns, segments } = recorder
  const count = Math.min(COLUMNS, Math.floor(recorder.now() / columns.width) + 1)
  const first = firstOf(segments)
  const kept = segments.count - first
  let segmentsFrom = kept === 0 ? 0 : Infinity
  for (let number = first; number < segments.count; number++) {
    segmentsFrom = Math.min(segmentsFrom, segments.get(number).from)
  }
  const workers = recorder.workers.map((record) => ({
    name: record.name,
    slots: record.mostSlots,
    types: record.busyByType.flatMap((values, i) => values === undefined ? [] : [i === COLUMN_TYPES ? -1 : i])
  }))
  const header: HistoryHeader = {
    version: 1,
    width: columns.width,
    columns: count,
    types: recorder.types.all.map(({ name }) => name),
    workers,
    segments: kept,
    segmentsFrom
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const begin = Math.ceil((4 + text.length) / 8) * 8
  const arrays = workers.reduce((sum, { types }) => sum + types.length + 1, 0)
  const bytes = new Uint8Array(begin + arrays * count * 2 + kept * SEGMENT_BYTES)
  bytes.fill(32, 0, begin)
  bytes.set(text, 4)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, text.length, true)
  let at = begin
  const put = (values: Float32Array, factor: number): void => {
    for (let i = 0; i < count; i++, at += 2) view.setUint16(at, limited(values[i] * factor), true)
  }
  for (const record of recorder.workers) {
    // Microseconds of busy time, per slot.
    const factor = ALL / (columns.width * 1000 * Math.max(1, record.mostSlots))
    for (const values of record.busyByType) if (values !== undefined) put(values, factor)
    put(record.failures, 1)
  }
  for (let number = first; number < segments.count; number++, at += SEGMENT_BYTES) {
    const { busy, failed, from, row, tasks, to, type, worker } = segments.get(number)
    view.setUint16(at, worker, true)
    view.setUint8(at + 2, row)
    view.setUint8(at + 3, type)
    view.setUint16(at + 4, limited(failed), true)
    view.setUint16(at + 6, to > from ? limited(busy / 1000 / (to - from) * ALL) : ALL, true)
    view.setUint32(at + 8, hundredths(from - segmentsFrom), true)
    view.setUint32(at + 12, hundredths(to - from), true)
    view.setUint32(at + 16, tasks, true)
  }
  return bytes
}

/** A segment in bytes. */
const SEGMENT_BYTES = 20
