/**
 * The rate of a stream and the time that it still needs, from samples of its count.
 *
 * The rate is a mean over time in which a moment counts half as much as one that is 10 seconds later. Its weights add
 * up to the time since the start, so that it is right from the first sample on.
 *
 * Must stay true: times are of a monotonic clock, in milliseconds, and samples may have any distance.
 */

const HALF_LIFE = 10_000

/** A stream without a result for this long is stalled. */
const STALLED = 10_000

/** The remaining time is shown after this time and this share of the total. */
const KNOWN_AFTER = 2000
const KNOWN_SHARE = 0.005

export class Estimate {
  readonly startedAt: number
  private sampledAt: number
  private done = 0
  private changedAt: number
  private weightedDone = 0
  private weightedTime = 0

  constructor(now: number) {
    this.startedAt = now
    this.sampledAt = now
    this.changedAt = now
  }

  /** Notes how many elements there have been until now. */
  sample(done: number, now: number): void {
    const time = now - this.sampledAt
    if (time <= 0) return
    const weight = 2 ** (-time / HALF_LIFE)
    this.weightedDone = this.weightedDone * weight + done - this.done
    this.weightedTime = this.weightedTime * weight + time
    if (done !== this.done) this.changedAt = now
    this.done = done
    this.sampledAt = now
  }

  /** Elements in a second, as of the latest sample. */
  get rate(): number {
    return this.weightedTime === 0 ? 0 : this.weightedDone / this.weightedTime * 1000
  }

  /** How long there has been no new element, if that is long enough to say so. */
  get stalled(): number | undefined {
    const time = this.sampledAt - this.changedAt
    return time >= STALLED ? time : undefined
  }

  /** The time until the total is reached, if it can be known. */
  remaining(total: number): number | undefined {
    const { done, rate } = this
    if (this.sampledAt - this.startedAt < KNOWN_AFTER || done < total * KNOWN_SHARE || done >= total) return undefined
    return rate > 0 ? (total - done) / rate * 1000 : undefined
  }
}
