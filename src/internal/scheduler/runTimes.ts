/**
 * How often run times occurred, in buckets whose width is a quarter of a power of 2: each bound is at most a quarter
 * above the one before.
 *
 * Must stay true: the boundaries of the metric are bounds of buckets, so that one count serves the metric and the
 * recorder. Adding a time costs two additions and a shift.
 */
import type { Distribution } from "./distribution.ts"
import { FIRST_OCTAVE, PER_OCTAVE, RUN_TIME_BUCKETS } from "./runTimeBuckets.ts"

/** The metric: from 1 microsecond to 268 seconds. */
const POWERS_OF_4 = 15
export const RUN_SECONDS: ReadonlyArray<number> = Array.from({ length: POWERS_OF_4 }, (_, i) => 1e-6 * 4 ** i)

/** The bits of a number: the exponent, and the first two digits of the mantissa. */
const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
const HIGH_WORD = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0
const OFFSET = (1023 + FIRST_OCTAVE) * PER_OCTAVE

/** The bucket of a time in microseconds. */
export const bucketOf = (micros: number): number => {
  float[0] = micros
  const bucket = (words[HIGH_WORD] >>> 18) - OFFSET
  return bucket <= 0 ? 0 : bucket < RUN_TIME_BUCKETS ? bucket : RUN_TIME_BUCKETS - 1
}

export class RunTimes implements Distribution {
  readonly boundaries = RUN_SECONDS
  /** Tasks by bucket. */
  readonly buckets = new Float64Array(RUN_TIME_BUCKETS)
  count = 0
  /** Microseconds of all tasks. */
  micros = 0
  private least = Infinity
  /** Microseconds. */
  longest = -Infinity

  /** So many tasks took this time each, in microseconds. */
  add(micros: number, tasks: number): void {
    this.buckets[bucketOf(micros)] += tasks
    this.count += tasks
    this.micros += micros * tasks
    if (micros < this.least) this.least = micros
    if (micros > this.longest) this.longest = micros
  }

  /** Tasks by the boundaries of the metric. */
  get counts(): Float64Array {
    const counts = new Float64Array(POWERS_OF_4 + 1)
    for (let bucket = 0; bucket < RUN_TIME_BUCKETS; bucket++) {
      const power = Math.floor((bucket + FIRST_OCTAVE * PER_OCTAVE) / (2 * PER_OCTAVE)) + 1
      counts[Math.max(0, Math.min(power, POWERS_OF_4))] += this.buckets[bucket]
    }
    return counts
  }

  get sum(): number {
    return this.micros / 1e6
  }

  get min(): number {
    return this.least / 1e6
  }

  get max(): number {
    return this.longest / 1e6
  }
}
