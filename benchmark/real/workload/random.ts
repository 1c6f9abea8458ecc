/** Numbers and words that a seed determines, so that every process makes the same payloads. */

const WORDS =
  ("a task is a value that describes one piece of work and its handler is the function that runs it in this " +
    "process or in a thread or on another host while the scheduler counts every outcome exactly once").split(" ")

export class Random {
  private state: number

  constructor(seed: number) {
    // xorshift must not start at 0. The multiplier, Knuth's, spreads neighbouring seeds.
    this.state = Math.imul(seed + 1, 2654435761) | 1
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.state = x
    return (x >>> 0) % limit
  }

  words(count: number): string {
    return Array.from({ length: count }, () => WORDS[this.below(WORDS.length)]).join(" ")
  }
}
