/** Tells when a run of tasks has lasted too long; reads the time only as often as their length asks for. */
export class TimeSlice {
  private readonly limit: number
  private since = 0
  private last = 0
  private left = 0
  private stride = 1

  /** @param limit milliseconds */
  constructor(limit: number) {
    this.limit = limit
  }

  begin(): void {
    // Now, and not after the first task: that one may be long, and what it gave must not wait for another.
    this.since = this.last = performance.now()
    this.left = this.stride
  }

  /** To be asked after each task. */
  over(): boolean {
    if (--this.left > 0) return false
    const now = performance.now()
    // Aims at 8 readings in a slice.
    this.stride = (now - this.last) * 8 > this.limit ? Math.max(1, this.stride >> 1) : Math.min(64, this.stride * 2)
    this.left = this.stride
    this.last = now
    return now - this.since > this.limit
  }
}
