/**
 * Tells when tasks in a row have used up a time slice. Reading the clock costs as much as a trivial task, so the
 * clock is read about 8 times per slice, after a number of tasks that adapts to their length. A slice may therefore
 * be exceeded by up to 64 tasks if tasks become slower suddenly, unless the caller knows that time has passed.
 */
export class TimeSlice {
  private readonly limit: number
  private since = 0
  private last = 0
  private left = 0
  private stride = 1
  private readonly onRead: ((millis: number) => void) | undefined

  /**
   * @param limit milliseconds
   * @param onRead called at each reading of the clock, with the milliseconds since the one before
   */
  constructor(limit: number, onRead?: (millis: number) => void) {
    this.limit = limit
    this.onRead = onRead
  }

  begin(): void {
    // Not after the first task, which may be long: its outcome must not wait for a second one.
    this.since = this.last = performance.now()
    this.left = this.stride
  }

  /** Milliseconds from `begin` to the last reading of the clock. */
  get elapsed(): number {
    return this.last - this.since
  }

  /** Reads the clock, so that `onRead` is called for the latest tasks. */
  end(): void {
    this.onRead?.(performance.now() - this.last)
  }

  /** Whether the slice is used up. Call it after each task. `passed`: time has passed, so the clock is read. */
  over(passed = false): boolean {
    if (--this.left > 0 && !passed) return false
    const now = performance.now()
    // Fewer tasks than expected have taken that time.
    if (this.left > 0) this.stride -= this.left
    this.stride = (now - this.last) * 8 > this.limit ? Math.max(1, this.stride >> 1) : Math.min(64, this.stride * 2)
    this.left = this.stride
    this.onRead?.(now - this.last)
    this.last = now
    return now - this.since > this.limit
  }
}
