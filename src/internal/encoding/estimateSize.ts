const NODES = 200

/**
 * Roughly how many bytes a value holds. Looks at no more than 200 parts of it
 * and takes the rest to be like them.
 */
export const estimateSize = (value: unknown): number => {
  switch (typeof value) {
    case "string":
      return 16 + value.length
    case "object":
      return value === null ? 8 : sizeOfObject(value)
    default:
      return 8
  }
}

const sizeOfObject = (root: object): number => {
  const stack: Array<object> = [root]
  const seen = new Set<object>(stack)
  let bytes = 0
  for (let visited = 0; stack.length > 0 && visited < NODES; visited++) {
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
    const looked = Math.min(parts.length, NODES)
    let of = 0
    for (let i = 0; i < looked; i++) {
      const part = parts[i]
      if (typeof part === "object" && part !== null) {
        of += 8
        if (!seen.has(part)) {
          seen.add(part)
          stack.push(part)
        }
      } else {
        of += typeof part === "string" ? 16 + part.length : 8
      }
    }
    bytes += 24 + (looked === 0 ? 0 : of * parts.length / looked)
  }
  return bytes
}

/** A result may be anything: also what throws when it is looked at. */
const valuesOf = (item: object): ReadonlyArray<unknown> => {
  try {
    return Object.values(item)
  } catch {
    return []
  }
}

/** The average size of the results of one execution, from the first 16 and then every 64th. */
export class ResultSizes {
  private seen = 0
  private average = 0

  /** Bytes of a result, on average. */
  get mean(): number {
    return this.average
  }

  /** Counts a result in; whether the average changed. */
  add(value: unknown): boolean {
    const seen = this.seen++
    // Bytes are cheap to count and are what fills a memory, so none of them is left to sampling.
    if (seen < 16 || seen % 64 === 0 || ArrayBuffer.isView(value)) {
      const weight = seen < 16 ? 1 / (seen + 1) : 1 / 16
      const before = this.average
      this.average += (estimateSize(value) - before) * weight
      return this.average !== before
    }
    return false
  }
}
