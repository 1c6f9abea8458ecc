/**
 * Claims. One word per chunk under way, `next | limit << 16`: the thread claims an
 * item by raising `next`, the main thread takes the unstarted tail back by lowering
 * `limit`; both by compareExchange, so that an item is never had by both.
 */
export class SharedState {
  /** Chunks that can be under way in one thread. */
  static readonly slots = 64
  /** The largest chunk that the halves of a word can count. */
  static readonly maxChunk = 512
  /** Telemetry that can be on its way at once. */
  static readonly entries = 1000
  private static readonly bytes = 4 * (SharedState.slots + 4)
  private readonly words: Int32Array<SharedArrayBuffer>
  /** Of each item in each slot whether it has ended. */
  private readonly ended: Uint8Array<SharedArrayBuffer>

  constructor(shared: SharedArrayBuffer) {
    this.words = new Int32Array(shared, 0, SharedState.slots + 4)
    this.ended = new Uint8Array(shared, SharedState.bytes)
  }

  static make(): SharedArrayBuffer {
    return new SharedArrayBuffer(SharedState.bytes + SharedState.slots * SharedState.maxChunk)
  }

  /** Opens a slot for a chunk of `size` items. */
  open(slot: number, size: number): void {
    const first = slot * SharedState.maxChunk
    this.ended.fill(0, first, first + size)
    Atomics.store(this.words, slot, size << 16)
  }

  /** The item has ended, though its outcome may still have to be sent. */
  end(slot: number, item: number): void {
    this.ended[slot * SharedState.maxChunk + item] = 1
  }

  hasEnded(slot: number, item: number): boolean {
    return this.ended[slot * SharedState.maxChunk + item] === 1
  }

  /** Claims the next item of a slot, or -1. */
  claim(slot: number): number {
    while (true) {
      const word = Atomics.load(this.words, slot)
      const next = word & 0xffff
      if (next >= word >>> 16) return -1
      if (Atomics.compareExchange(this.words, slot, word, word + 1) === word) return next
    }
  }

  /** The items claimed so far. */
  claimed(slot: number): number {
    return Atomics.load(this.words, slot) & 0xffff
  }

  /** Takes the unclaimed tail back: the first item of it. */
  revoke(slot: number): number {
    while (true) {
      const word = Atomics.load(this.words, slot)
      const next = word & 0xffff
      if (Atomics.compareExchange(this.words, slot, word, next | next << 16) === word) return next
    }
  }

  /** The thread is in the synchronous part of an item. */
  enter(slot: number, item: number): void {
    Atomics.store(this.words, SharedState.slots, 1 + (slot << 16 | item))
  }

  /** The thread is in no item. */
  leave(): void {
    Atomics.store(this.words, SharedState.slots, 0)
  }

  /** The item whose synchronous part the thread is in. */
  current(): { readonly slot: number; readonly item: number } | undefined {
    return decode(Atomics.load(this.words, SharedState.slots))
  }

  /** The thread ends because of this item. */
  blame(slot: number, item: number): void {
    Atomics.store(this.words, SharedState.slots + 1, 1 + (slot << 16 | item))
  }

  /** Takes a place for telemetry on its way to the main thread; false if too much is. */
  openEntry(): boolean {
    if (Atomics.load(this.words, SharedState.slots + 2) < SharedState.entries) {
      Atomics.add(this.words, SharedState.slots + 2, 1)
      return true
    }
    return false
  }

  /** An entry has arrived; whether the thread withholds some, and is to be told that there is room. */
  closeEntry(): boolean {
    Atomics.sub(this.words, SharedState.slots + 2, 1)
    return Atomics.exchange(this.words, SharedState.slots + 3, 0) === 1
  }

  /** The thread withholds telemetry. */
  withhold(): void {
    Atomics.store(this.words, SharedState.slots + 3, 1)
  }

  blamed(): { readonly slot: number; readonly item: number } | undefined {
    return decode(Atomics.load(this.words, SharedState.slots + 1))
  }
}

const decode = (word: number) => word === 0 ? undefined : { slot: (word - 1) >>> 16, item: (word - 1) & 0xffff }
