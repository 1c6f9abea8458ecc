/** Limits a rate: `BURST` at once, then `PER_SECOND`. */
const PER_SECOND = 50
const BURST = 200

export class Tokens {
  private left = BURST
  private at = 0

  /** Takes a token, and returns whether one was left. `at` is the time in milliseconds. */
  take(at: number): boolean {
    this.left = Math.min(BURST, this.left + (at - this.at) * PER_SECOND / 1000)
    this.at = at
    if (this.left < 1) return false
    this.left--
    return true
  }
}
