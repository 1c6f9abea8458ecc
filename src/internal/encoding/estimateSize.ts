/**
 * An estimate of the bytes that a value holds, for the bounds on memory. Its cost is bounded: it visits at most
 * 200 objects and 200 parts of each. The parts of an object that it does not visit count as much as the visited ones;
 * objects beyond the 200th count nothing but their reference.
 */

const MAX_VISITED = 200

/** An estimate of the bytes that a value holds. */
export const estimateSize = (value: unknown): number => {
  switch (typeof value) {
    case "string":
      return 16 + value.length
    case "object":
      return value === null ? 8 : estimateObject(value)
    default:
      return 8
  }
}

const estimateObject = (root: object): number => {
  const stack: Array<object> = [root]
  const seen = new Set<object>(stack)
  let bytes = 0
  for (let visited = 0; stack.length > 0 && visited < MAX_VISITED; visited++) {
    const item = stack.pop()!
    if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) {
      bytes += 64 + item.byteLength
      continue
    }
    const parts: ReadonlyArray<unknown> = Array.isArray(item)
      ? item
      : item instanceof Map || item instanceof Set
      ? Array.from(item.values())
      : valuesOf(item)
    const counted = Math.min(parts.length, MAX_VISITED)
    let partBytes = 0
    for (let i = 0; i < counted; i++) {
      const part = parts[i]
      if (typeof part === "object" && part !== null) {
        partBytes += 8
        if (!seen.has(part)) {
          seen.add(part)
          stack.push(part)
        }
      } else {
        partBytes += typeof part === "string" ? 16 + part.length : 8
      }
    }
    bytes += 24 + (counted === 0 ? 0 : partBytes * parts.length / counted)
  }
  return bytes
}

/** The values of an object; none if a proxy or a getter throws. */
const valuesOf = (item: object): ReadonlyArray<unknown> => {
  try {
    return Object.values(item)
  } catch {
    return []
  }
}
