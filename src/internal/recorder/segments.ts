/**
 * The latest segments, in a ring of typed arrays: when slots held tasks of which type.
 *
 * Must stay true: memory is fixed; `count` is the number of all segments that were ever added, and the latest
 * `SEGMENTS` of them can be read.
 */

/** Segments that are kept. */
export const SEGMENTS = 65_536

export interface Segment {
  readonly worker: number
  readonly row: number
  readonly type: number
  /** Milliseconds since the recording began. */
  readonly from: number
  readonly to: number
  readonly tasks: number
  readonly failed: number
  /** Microseconds. */
  readonly busy: number
}

export class SegmentRing {
  /** Segments that were added. */
  count = 0
  private readonly worker = new Uint16Array(SEGMENTS)
  private readonly row = new Uint8Array(SEGMENTS)
  private readonly type = new Uint8Array(SEGMENTS)
  private readonly from = new Float64Array(SEGMENTS)
  private readonly to = new Float64Array(SEGMENTS)
  private readonly tasks = new Uint32Array(SEGMENTS)
  private readonly failed = new Uint32Array(SEGMENTS)
  private readonly busy = new Float64Array(SEGMENTS)

  add(segment: Segment): void {
    const at = this.count++ % SEGMENTS
    this.worker[at] = segment.worker
    this.row[at] = segment.row
    this.type[at] = segment.type
    this.from[at] = segment.from
    this.to[at] = segment.to
    this.tasks[at] = segment.tasks
    this.failed[at] = segment.failed
    this.busy[at] = segment.busy
  }

  /** The number of the first segment that can be read. */
  get first(): number {
    return Math.max(0, this.count - SEGMENTS)
  }

  /** A segment by its number, which is at least `first` and below `count`. */
  get(number: number): Segment {
    const at = number % SEGMENTS
    return {
      worker: this.worker[at],
      row: this.row[at],
      type: this.type[at],
      from: this.from[at],
      to: this.to[at],
      tasks: this.tasks[at],
      failed: this.failed[at],
      busy: this.busy[at]
    }
  }

  /** Gives the segments of a worker to another one. */
  reassign(from: number, to: number): void {
    for (let at = 0; at < SEGMENTS; at++) if (this.worker[at] === from) this.worker[at] = to
  }

  /** Adds a failure to the latest segment of a row that is there, if any. */
  addFailure(worker: number, row: number): void {
    for (let number = this.count - 1; number >= this.first && number >= this.count - LOOK_BACK; number--) {
      const at = number % SEGMENTS
      if (this.worker[at] !== worker || this.row[at] !== row) continue
      this.failed[at]++
      return
    }
  }
}

/** Segments in which the one of a late failure is looked for. */
const LOOK_BACK = 1024
