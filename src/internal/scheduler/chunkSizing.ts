/** How long one type of task takes and how large its payload is, on average. */
export interface TaskStats {
  /** Microseconds per task; 0 while unknown. */
  micros: number
  /** Bytes per payload; 0 while unknown. */
  bytes: number
}

/** A chunk is filled until this long is expected: 0.5 to 1 ms lost no throughput and kept phase changes at 94 % of the ideal. */
export const TARGET_MICROS = 700
const TARGET_BYTES = 256 * 1024

/**
 * Fills one chunk: says whether a task still fits. Unknown tasks come alone, and a
 * chunk is at most twice the one before, so that a first guess is never dear.
 */
export class ChunkFill {
  private micros = 0
  private bytes = 0
  private count = 0
  private readonly most: number
  private readonly target: number

  /** After a chunk of so many, for so many microseconds. */
  constructor(previous: number, target: number) {
    this.most = previous * 2
    this.target = target
  }

  fits(stats: TaskStats): boolean {
    if (this.count === 0) return true
    return this.count < this.most && stats.micros > 0 && this.micros + stats.micros <= this.target &&
      this.bytes + stats.bytes <= TARGET_BYTES
  }

  add(stats: TaskStats): void {
    this.count++
    this.micros += stats.micros
    this.bytes += stats.bytes
  }
}

/** Learns from what a lane measured over some tasks; rises at once, falls by 30 %. */
export const updateEstimates = (stats: ReadonlyArray<TaskStats>, micros: number): void => {
  const types: Array<TaskStats> = []
  let expected = 0
  let last: TaskStats | undefined
  for (const one of stats) {
    expected += one.micros
    if (one !== last && !types.includes(one)) types.push(one)
    last = one
  }
  const even = Math.max(micros / stats.length, 0.05)
  for (const one of types) {
    // Over mixed types, each keeps its share of what was expected.
    const measured = one.micros > 0 && expected > 0 ? Math.max(one.micros * micros / expected, 0.05) : even
    one.micros = one.micros === 0 || measured > one.micros ? measured : one.micros + 0.3 * (measured - one.micros)
  }
}
