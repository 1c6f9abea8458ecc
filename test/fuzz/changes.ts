/** Changes of values and of bytes, for frames that are nearly right: numbers, lengths, tags and names. */
import { Buffer } from "node:buffer"
import type { Dice } from "../../src/testing/random.ts"

export const NUMBERS = [
  0,
  1,
  2,
  15,
  16,
  1023,
  1024,
  65_535,
  2 ** 20,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  -1,
  -2,
  0.5,
  NaN,
  Infinity
]

const NAMES = [
  "Guarded",
  "Echo",
  "Events",
  "Handshake",
  "Status",
  "EndSession",
  "__proto__",
  "constructor",
  ""
]

/** Changes bytes: their length, their numbers, or any of them. */
export const changeBytes = (random: Dice, bytes: Uint8Array): Uint8Array => {
  const changed = Buffer.from(bytes)
  const at = random.below(changed.length + 1)
  switch (random.below(7)) {
    case 0:
      return changed.subarray(0, at)
    case 1:
      return Buffer.concat([
        changed.subarray(0, at),
        Buffer.alloc(random.below(64), random.below(256)),
        changed.subarray(at)
      ])
    case 2:
      return Buffer.concat([changed.subarray(0, at), changed.subarray(at + random.below(16))])
    case 3: {
      // A length or a count that is much too large.
      const huge = [0xff, 0xff, 0xff, 0xff, random.pick([0x01, 0x07, 0x0f, 0x7f, 0xff]), 0x7f].slice(random.below(5))
      return Buffer.concat([changed.subarray(0, at), Buffer.from(huge), changed.subarray(at + 1)])
    }
    case 4: {
      // A number that does not end.
      return Buffer.concat([
        changed.subarray(0, at),
        Buffer.alloc(random.pick([16, 4096, 65_536]), 0xff),
        changed.subarray(at)
      ])
    }
    default:
      for (let flips = 1 + random.below(4); flips > 0 && changed.length > 0; flips--) {
        changed[random.below(changed.length)] = random.pick([0, 1, 2, 0x7f, 0x80, 0xff, random.below(256)])
      }
      return changed
  }
}

/** Changes one part of a value, chosen at random. */
export const change = (random: Dice, value: unknown): unknown => {
  switch (typeof value) {
    case "number":
      return random.chance(0.5) ? random.pick(NUMBERS) : value + random.pick([-1, 1, 1024])
    case "string":
      return random.pick([...NAMES, value + value, value.slice(1), "x".repeat(random.pick([300, 100_000])), "\uD800"])
    case "boolean":
      return !value
    case "bigint":
      return value ** 9n - 1n
    case "object":
      break
    default:
      return value
  }
  if (value === null || value instanceof Date) return value
  if (value instanceof Uint8Array) return changeBytes(random, value)
  if (Array.isArray(value)) return changeList(random, value)
  const keys = Object.keys(value)
  if (keys.length === 0) return value
  const key = random.pick(keys)
  return { ...value, [key]: change(random, (value as Record<string, unknown>)[key]) }
}

const changeList = (random: Dice, list: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const at = random.below(list.length)
  switch (random.below(6)) {
    case 0:
      return []
    case 1:
      return list.slice(0, at)
    case 2:
      return [...list, ...list]
    case 3:
      return list.length === 0 ? list : Array.from({ length: random.pick([2, 100, 2000]) }, () => list[at])
    default:
      return list.map((part, i) => i === at ? change(random, part) : part)
  }
}
