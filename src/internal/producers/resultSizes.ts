/**
 * The average size of the results of one execution, which bounds the results that it holds. Sampled,
 * because estimating every result would cost more than a trivial task: the first 16, then every 64th.
 */
import { estimateSize } from "../encoding/estimateSize.ts"

export class ResultSizes {
  private seen = 0
  private average = 0

  /** The average size of a result, in bytes. */
  get mean(): number {
    return this.average
  }

  /** Counts a result; returns whether the average changed. */
  add(value: unknown): boolean {
    const seen = this.seen++
    // The size of bytes is exact and cheap to read, and it is bytes that fill the memory: they are all counted.
    if (seen < 16 || seen % 64 === 0 || ArrayBuffer.isView(value)) {
      const weight = seen < 16 ? 1 / (seen + 1) : 1 / 16
      const before = this.average
      this.average += (estimateSize(value) - before) * weight
      return this.average !== before
    }
    return false
  }
}
