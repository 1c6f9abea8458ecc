/**
 * Numbers that a seed determines, for faults, schedules and generated programs.
 *
 * Every choice of a run must come from a `Dice`, so that the same seed repeats the same choices.
 */

/** A generator of pseudo-random numbers: mulberry32, by Tommy Ettinger, in the public domain. */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** A number from 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number from 0 to below `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  /** A whole number from `minimum` to `maximum`, both included. */
  between(minimum: number, maximum: number): number {
    return minimum + this.below(maximum - minimum + 1)
  }

  /** `true` with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of the elements. */
  pick<A>(elements: ReadonlyArray<A>): A {
    return elements[this.below(elements.length)]
  }
}
