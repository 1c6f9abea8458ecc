/**
 * A whole recording in at most 600 columns of the same width. When they are full, pairs are merged and the width doubles.
 *
 * Must stay true: merging loses nothing that is summed. Times that are added lie at most one column after the last one.
 */

/** Columns. */
export const COLUMNS = 600

/** The first width, in milliseconds. */
const FIRST_WIDTH = 100

/** The width of the columns of one recording, which all of its arrays share. */
export class Columns {
  width = FIRST_WIDTH
  /** Whether an array has latest values rather than sums. */
  private readonly arrays = new Map<Float32Array, boolean>()

  /** Sums in each column, or the latest values. */
  make(kind: "sums" | "latest" = "sums"): Float32Array {
    const values = new Float32Array(COLUMNS)
    this.arrays.set(values, kind === "latest")
    return values
  }

  /** Adds the sums of an array, which is not used any more, to another one. */
  move(from: Float32Array, to: Float32Array): void {
    for (let i = 0; i < COLUMNS; i++) to[i] += from[i]
    this.arrays.delete(from)
  }

  /** The column of a time, in milliseconds since the recording began. Makes room for it. */
  at(time: number): number {
    while (time >= this.width * COLUMNS) this.merge()
    return Math.max(0, Math.floor(time / this.width))
  }

  /** Adds an amount evenly over a time. */
  spread(values: Float32Array, from: number, to: number, amount: number): void {
    const last = this.at(to)
    const first = this.at(from)
    if (first === last) {
      values[first] += amount
      return
    }
    const perMilli = amount / (to - from)
    for (let column = first; column <= last; column++) {
      const begin = column * this.width
      values[column] += perMilli * (Math.min(to, begin + this.width) - Math.max(from, begin))
    }
  }

  private merge(): void {
    this.width *= 2
    for (const [values, latest] of this.arrays) {
      for (let i = 0; i < COLUMNS / 2; i++) values[i] = latest ? values[2 * i + 1] : values[2 * i] + values[2 * i + 1]
      values.fill(0, COLUMNS / 2)
    }
  }
}
