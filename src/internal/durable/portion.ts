/**
 * How many rows are read together: many small ones, and few large ones, since all of them are in memory at once.
 *
 * Must stay true: it follows the size of the rows that were read last. It begins with a few, and grows twofold.
 */
import type { Row } from "./store.ts"

/** At first. */
const FEW = 16

/** Characters of JSON that are read together, if one row has not more. */
const MAX_TEXT = 8 * 2 ** 20

export class Portion {
  /** How many rows to read next. */
  size: number
  private readonly max: number

  constructor(max: number) {
    this.max = max
    this.size = Math.min(FEW, max)
  }

  /** Adapts to the rows that were read. */
  adapt(rows: ReadonlyArray<Row>): void {
    let text = 0
    for (const { outcome, payload } of rows) text += (outcome?.length ?? 0) + (payload?.length ?? 0)
    const fits = text === 0 ? this.max : Math.floor(rows.length * MAX_TEXT / text)
    this.size = Math.max(1, Math.min(this.max, 2 * this.size, fits))
  }
}
