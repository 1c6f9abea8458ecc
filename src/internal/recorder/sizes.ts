/**
 * The size of recorded data as JSON, which bounds snapshots and frames.
 *
 * Must stay true: sizes are those of the bytes that are sent, so that text of control characters, which JSON escapes, is
 * bounded as well. It works in browsers.
 */

const encoder = new TextEncoder()

export const jsonBytes = (data: unknown): number => encoder.encode(JSON.stringify(data)).length

/** The first entries of a list that take at most so many bytes together. */
export const fitting = <A>(list: ReadonlyArray<A>, bytes: number): ReadonlyArray<A> => {
  let left = bytes
  const end = list.findIndex((entry) => (left -= jsonBytes(entry) + 1) < 0)
  return end < 0 ? list : list.slice(0, end)
}

const MAX_NAME = 100
const MAX_NAME_BYTES = 2 * MAX_NAME
/** The most that JSON makes of one character. */
const CHARACTER_BYTES = 6

/** Characters of which any take no more than `MAX_NAME_BYTES`, their quotes included. */
const SAFE_LENGTH = Math.floor((MAX_NAME_BYTES - 2) / CHARACTER_BYTES)

/** The start of a name: at most 100 characters, and at most 200 bytes as JSON. */
export const shortName = (name: string): string => {
  if (name.length <= SAFE_LENGTH) return name
  const short = name.slice(0, MAX_NAME)
  return jsonBytes(short) <= MAX_NAME_BYTES ? short : short.slice(0, SAFE_LENGTH)
}
