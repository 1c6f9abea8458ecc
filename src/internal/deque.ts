/**
 * A double-ended list in one array. `push`, `shift` and `unshift` take constant time on
 * average, `insert` takes time for the items up to the nearer end, `remove` linear time.
 *
 * Must stay true: the items are `items[head..]`; removed items are cleared, so
 * that nothing is retained.
 */

/** Room before the first item that an emptied list keeps: an item that is taken and put back then needs no new array. */
const ROOM = 16

export class Deque<A> {
  private items: Array<A | undefined> = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: A): void {
    this.items.push(item)
  }

  /** Puts an item before all others. */
  unshift(item: A): void {
    if (this.head === 0) this.makeRoom()
    this.items[--this.head] = item
  }

  /** Room before the first item for half as many: less than `shift` gives up, or both in turn would copy each time. */
  private makeRoom(): void {
    const room = Math.max(ROOM, this.items.length >> 1)
    this.items = Array.from<A | undefined>({ length: room }).concat(this.items)
    this.head = room
  }

  /** Puts an item into a sorted list, before those with a greater key. */
  insert(item: A, key: (item: A) => number): void {
    const own = key(item)
    let low = this.head
    let high = this.items.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (key(this.items[middle] as A) > own) high = middle
      else low = middle + 1
    }
    if (low - this.head > this.items.length - low) {
      this.items.splice(low, 0, item)
      return
    }
    if (this.head === 0) {
      this.makeRoom()
      low += this.head
    }
    for (let at = this.head; at < low; at++) this.items[at - 1] = this.items[at]
    this.head--
    this.items[low - 1] = item
  }

  shift(): A | undefined {
    if (this.head === this.items.length) return undefined
    const item = this.items[this.head]
    this.items[this.head++] = undefined
    if (this.head === this.items.length) {
      if (this.head > ROOM) this.items.length = this.head = ROOM
    } else if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }

  get first(): A | undefined {
    return this.items[this.head]
  }

  /** Moves the first item to the end, or drops it. */
  next(keep: boolean): void {
    if (keep && this.length <= 1) return
    const item = this.shift()
    if (keep) this.push(item as A)
  }

  /** Takes the first `count` items, or all if there are fewer. */
  take(count: number): Array<A> {
    const taken = this.items.slice(this.head, this.head + count) as Array<A>
    this.head += taken.length
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else {
      this.items.fill(undefined, this.head - taken.length, this.head)
      if (this.head >= 1024 && this.head * 2 >= this.items.length) {
        this.items = this.items.slice(this.head)
        this.head = 0
      }
    }
    return taken
  }

  /** Removes an item. Whether it was there. */
  remove(item: A): boolean {
    const at = this.items.indexOf(item, this.head)
    if (at === -1) return false
    this.items.splice(at, 1)
    return true
  }

  /** Takes all items. */
  clear(): Array<A> {
    return this.take(this.length)
  }

  [Symbol.iterator](): Iterator<A> {
    return this.items.slice(this.head)[Symbol.iterator]() as Iterator<A>
  }
}
