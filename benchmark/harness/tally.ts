/** Says whether what was delivered is what had to be, in few numbers. Imports nothing, for processes that are measured whole. */

/** What arrived at a consumer; equal for equal sets of integers, in whatever order. */
export class Tally {
  succeeded = 0
  failed = 0
  private sum = 0
  private squares = 0

  /** The tally of another process. */
  static from(succeeded: number, sum: number, squares: number): Tally {
    const tally = new Tally()
    tally.succeeded = succeeded
    tally.sum = sum
    tally.squares = squares | 0
    return tally
  }

  /** Adds what another has counted. */
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
    // Modulo 2^32: beyond 2^53 a sum of squares would depend on their order.
    this.squares = (this.squares + Math.imul(n, n)) | 0
    return this
  }

  toJSON(): readonly [succeeded: number, sum: number, squares: number] {
    return [this.succeeded, this.sum, this.squares]
  }

  toString(): string {
    return `${this.succeeded} results and ${this.failed} failures (sum ${this.sum}, of squares ${this.squares})`
  }
}
