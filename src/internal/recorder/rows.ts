/**
 * The rows of a worker: the chunks that it held, as segments that do not overlap. A worker of one slot has one row; one
 * of more slots has as many as it uses at once, up to 32.
 *
 * Must stay true: a segment of a row begins at or after the end of the one before, whatever the order in which chunks
 * end; every task, failure and busy time of a chunk is in one segment.
 */
import type { Segment } from "./segments.ts"

/** Rows of one worker. */
const ROWS = 32

/** Chunks of one type that follow each other within this time are one segment, in milliseconds. */
const GAP = 2

export class Row implements Segment {
  readonly worker: number
  readonly row: number
  type = -1
  from = 0
  to = 0
  tasks = 0
  failed = 0
  busy = 0
  /** It has a segment that was not added to the ring. */
  open = false

  constructor(worker: number, row: number) {
    this.worker = worker
    this.row = row
  }
}

export class Rows {
  private readonly worker: number
  private readonly all: Array<Row> = []
  private readonly limit: number
  /** The row of a worker of one slot. */
  private readonly only: Row | undefined
  private readonly close: (row: Row) => void

  /** @param close adds the segment of a row to the ring */
  constructor(worker: number, slots: number, close: (row: Row) => void) {
    this.worker = worker
    this.limit = Math.max(1, Math.min(slots, ROWS))
    if (this.limit === 1) this.all.push(this.only = new Row(worker, 0))
    this.close = close
  }

  /**
   * Adds a chunk: to the segment that is open, if it has its type and is close and shorter than `span`, else as a new one.
   */
  add(from: number, to: number, type: number, tasks: number, failed: number, busy: number, span: number): Row {
    const row = this.only ?? this.rowAt(from)
    // A worker is sent chunks while it runs others: the chunk has its slot when the one before has ended.
    const start = from > row.to ? from : row.to
    const end = to > start ? to : start
    if (row.open && row.type === type && start - row.to < GAP && row.to - row.from < span) {
      row.to = end
      row.tasks += tasks
      row.failed += failed
      row.busy += busy
      return row
    }
    if (row.open) this.close(row)
    row.open = true
    row.type = type
    row.from = start
    row.to = end
    row.tasks = tasks
    row.failed = failed
    row.busy = busy
    return row
  }

  /** Adds all open segments to the ring. */
  flush(): void {
    for (const row of this.all) {
      if (!row.open) continue
      this.close(row)
      row.open = false
    }
  }

  get rows(): ReadonlyArray<Row> {
    return this.all
  }

  /** The first row that is free at the time, else the one that is free first. */
  private rowAt(from: number): Row {
    const { all } = this
    let best: Row | undefined
    for (let i = 0; i < all.length; i++) {
      const row = all[i]
      if (row.to <= from) return row
      if (best === undefined || row.to < best.to) best = row
    }
    if (all.length >= this.limit) return best!
    const row = new Row(this.worker, all.length)
    all.push(row)
    return row
  }
}
