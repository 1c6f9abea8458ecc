/**
 * Counts how often each hash was seen, in a table of 12 bytes a place, which is at most three quarters full: a `Map`
 * needs a hundred bytes for each task of a run.
 *
 * Hashes are compared by 64 bits. If two are taken for one, a task gets a key that it has in no other order of the
 * source, and at worst runs again.
 */

const WIDTH = 3

export class Occurrences {
  /** Places of two halves of a hash and its count, which is 0 where the place is free. */
  private places = new Uint32Array(WIDTH * 1024)
  private used = 0

  /** How often the hash was added before. */
  add(high: number, low: number): number {
    if (4 * (this.used + 1) * WIDTH > 3 * this.places.length) this.grow()
    const at = this.find(high >>> 0, low >>> 0)
    const before = this.places[at + 2]
    if (before === 0) {
      this.places[at] = high
      this.places[at + 1] = low
      this.used++
    }
    this.places[at + 2] = before + 1
    return before
  }

  /** The place of the hash, or the free one for it. */
  private find(high: number, low: number): number {
    const { places } = this
    const mask = places.length / WIDTH - 1
    for (let index = low & mask;; index = (index + 1) & mask) {
      const at = index * WIDTH
      if (places[at + 2] === 0 || (places[at] === high && places[at + 1] === low)) return at
    }
  }

  private grow(): void {
    const old = this.places
    this.places = new Uint32Array(2 * old.length)
    for (let at = 0; at < old.length; at += WIDTH) {
      if (old[at + 2] === 0) continue
      const to = this.find(old[at], old[at + 1])
      this.places.set(old.subarray(at, at + WIDTH), to)
    }
  }
}
