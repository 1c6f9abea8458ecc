/**
 * Whether two values are structurally equal: the same prototypes, and the same contents. As `isDeepStrictEqual` of
 * `node:util`, which browsers do not have, for the values of the laws: no cycles, and no own symbols.
 */
export const deepEqual = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime())
  if (a instanceof Map) return equalLists([...a], [...b as typeof a])
  if (a instanceof Set) return equalLists([...a], [...b as typeof a])
  if (a instanceof ArrayBuffer) return equalBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer))
  if (ArrayBuffer.isView(a)) return equalBytes(bytesOf(a), bytesOf(b as ArrayBufferView))
  if (a instanceof Error && (a.name !== (b as Error).name || a.message !== (b as Error).message)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && deepEqual(a[key as never], b[key as never]))
}

/** The order of the entries counts, unlike in `isDeepStrictEqual`. */
const equalLists = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): boolean =>
  a.length === b.length && a.every((element, i) => deepEqual(element, b[i]))

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

const bytesOf = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
