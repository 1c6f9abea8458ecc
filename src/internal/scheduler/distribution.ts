/**
 * How often values occurred, as metrics export it, and the sizes of chunks.
 *
 * Must stay true: counts only grow, and adding a value is constant work.
 */

/** How often values occurred: the number below each boundary, and their sum. */
export interface Distribution {
  readonly boundaries: ReadonlyArray<number>
  /** The number of values up to each boundary and above the previous one; the last is above all boundaries. */
  readonly counts: ArrayLike<number>
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
}

const powers = (count: number, base: number, first: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => first * base ** i)

/** From 1 to 4,096 tasks. */
export const CHUNK_TASKS = powers(13, 2, 1)

/** The sizes of chunks. */
export class ChunkSizes implements Distribution {
  readonly boundaries = CHUNK_TASKS
  readonly counts = new Float64Array(CHUNK_TASKS.length + 1)
  sum = 0
  min = Infinity
  max = -Infinity

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }

  /** A worker was given so many tasks together. */
  add(tasks: number): void {
    // The exponent of the next power of 2.
    const at = 32 - Math.clz32(tasks - 1)
    this.counts[at < CHUNK_TASKS.length ? at : CHUNK_TASKS.length]++
    this.sum += tasks
    if (tasks < this.min) this.min = tasks
    if (tasks > this.max) this.max = tasks
  }
}
