/**
 * A checksum of the results that a run delivered. It imports nothing, for processes whose memory is measured.
 *
 * It must not depend on the order of the results, because most competitors deliver them out of order.
 */

/** Counts and sums of results; two tallies of the same integers are equal, in any order. */
export class Tally {
  succeeded = 0
  failed = 0
  private sum = 0
  private squares = 0

  /** The tally that another process has sent. */
  static from(succeeded: number, sum: number, squares: number): Tally {
    const tally = new Tally()
    tally.succeeded = succeeded
    tally.sum = sum
    tally.squares = squares | 0
    return tally
  }

  /** The tally of successes with all integers of a range, both ends included. */
  static ofRange(first: number, last: number): Tally {
    const tally = new Tally()
    for (let n = first; n <= last; n++) tally.success(n)
    return tally
  }

  /** Adds the counts and sums of another tally. */
  merge({ failed, squares, succeeded, sum }: Tally): this {
    this.succeeded += succeeded
    this.failed += failed
    this.sum += sum
    this.squares = (this.squares + squares) | 0
    return this
  }

  success(n: number): this {
    this.succeeded++
    return this.add(n)
  }

  failure(n: number): this {
    this.failed++
    return this.add(-n)
  }

  private add(n: number): this {
    this.sum += n
    // Modulo 2^32: beyond 2^53 a sum of squares would depend on the order of its terms.
    this.squares = (this.squares + Math.imul(n, n)) | 0
    return this
  }

  toJSON(): readonly [succeeded: number, sum: number, squares: number] {
    return [this.succeeded, this.sum, this.squares]
  }

  toString(): string {
    return `${this.succeeded} results and ${this.failed} failures (sum ${this.sum}, sum of squares ${this.squares})`
  }
}
