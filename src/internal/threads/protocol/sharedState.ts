/**
 * The memory that the main thread and one worker thread share: which items are claimed and which have ended, the
 * item that the thread is in, the item that ended the thread, and how much telemetry is on its way. A thread
 * that does not yield cannot send messages, and tells the main thread by this memory alone.
 *
 * The claims of a request are one word, `next | limit << 16`. The thread claims an item by raising `next`, the main
 * thread revokes the unclaimed tail by lowering `limit` to `next`, both by compareExchange of the whole word: an item
 * is either claimed or revoked, never both. The layout is in docs/internals/threads-protocol.md.
 */

const MIN_REQUEST_SLOTS = 64
const MAX_ITEMS = 1024

/** Words after the claims of the request slots. */
const CURRENT_ITEM = 0
const CULPRIT = 1
const TELEMETRY_IN_FLIGHT = 2
const TELEMETRY_WITHHELD = 3
const TICKS = 4
const WORDS = 5

/** An item of the request in a slot. */
export interface ItemPosition {
  readonly requestSlot: number
  readonly at: number
}

export class SharedState {
  /** The most items of a request; the halves of a word can count more. A client of Remote sends so many together. */
  static readonly maxItems = MAX_ITEMS
  /** The largest chunk that saves time, in items. */
  static readonly chunkItems = MAX_ITEMS / 2
  /** Telemetry records that can be in flight. */
  static readonly maxTelemetry = 1000
  /** Items that were sent can be revoked. */
  readonly retracts: boolean = true
  /** Requests that can be in flight to the thread. */
  readonly requestSlots: number
  private readonly claims: Int32Array<SharedArrayBuffer>
  private readonly words: Int32Array<SharedArrayBuffer>
  /** One byte for each item of each slot: 1 once the item has ended. */
  private readonly ended: Uint8Array<SharedArrayBuffer>
  /** One byte for each item of each slot: 1 once the item has been cancelled. */
  private readonly cancelled: Uint8Array<SharedArrayBuffer>

  constructor(shared: SharedArrayBuffer) {
    const slots = this.requestSlots = (shared.byteLength - 4 * WORDS) / (4 + 2 * MAX_ITEMS)
    this.claims = new Int32Array(shared, 0, slots)
    this.words = new Int32Array(shared, 4 * slots, WORDS)
    const bytes = 4 * (slots + WORDS)
    this.ended = new Uint8Array(shared, bytes, slots * MAX_ITEMS)
    this.cancelled = new Uint8Array(shared, bytes + slots * MAX_ITEMS)
  }

  /** The memory for a thread that runs so many items at once: each of them may keep a request open. */
  static make(concurrency = 1): SharedArrayBuffer {
    const slots = Math.max(MIN_REQUEST_SLOTS, 2 * concurrency)
    return new SharedArrayBuffer(4 * (slots + WORDS) + 2 * slots * MAX_ITEMS)
  }

  // --- claims ----------------------------------------------------------------

  /** Main thread: opens a free slot for a request of so many items, none of which is claimed. */
  open(requestSlot: number, items: number): void {
    const first = requestSlot * MAX_ITEMS
    this.ended.fill(0, first, first + items)
    this.cancelled.fill(0, first, first + items)
    Atomics.store(this.claims, requestSlot, items << 16)
  }

  /** Thread: a request has arrived. The memory has all of it. */
  received(_requestSlot: number, _items: number): void {}

  /** Thread: claims the next item of a slot; -1 if none is left. */
  claim(requestSlot: number): number {
    while (true) {
      const word = Atomics.load(this.claims, requestSlot)
      const next = word & 0xffff
      if (next >= word >>> 16) return -1
      if (Atomics.compareExchange(this.claims, requestSlot, word, word + 1) === word) return next
    }
  }

  /** The number of items claimed so far: all items before it have been claimed. */
  claimed(requestSlot: number): number {
    return Atomics.load(this.claims, requestSlot) & 0xffff
  }

  /** Whether no item is left to claim. Limits are only lowered, so that this stays true until the slot is opened again. */
  isExhausted(requestSlot: number): boolean {
    const word = Atomics.load(this.claims, requestSlot)
    return (word & 0xffff) >= word >>> 16
  }

  /** Revokes the unclaimed tail of a slot; returns its first item. Both sides may revoke. */
  revoke(requestSlot: number): number {
    while (true) {
      const word = Atomics.load(this.claims, requestSlot)
      const next = word & 0xffff
      if (Atomics.compareExchange(this.claims, requestSlot, word, next | next << 16) === word) return next
    }
  }

  // --- ended items -----------------------------------------------------------

  /** Thread: the item has ended, though its outcome may not have been sent yet. */
  markEnded(requestSlot: number, at: number): void {
    this.ended[requestSlot * MAX_ITEMS + at] = 1
  }

  hasEnded(requestSlot: number, at: number): boolean {
    return this.ended[requestSlot * MAX_ITEMS + at] === 1
  }

  /** Main thread: the item is to stop. The thread reads it before it starts the handler. */
  markCancelled(requestSlot: number, at: number): void {
    this.cancelled[requestSlot * MAX_ITEMS + at] = 1
  }

  isCancelled(requestSlot: number, at: number): boolean {
    return this.cancelled[requestSlot * MAX_ITEMS + at] === 1
  }

  // --- time ------------------------------------------------------------------

  /** Main thread: counts the ticks of its monitor. */
  tick(): void {
    Atomics.add(this.words, TICKS, 1)
  }

  /** Thread: ticks so far. They cost less to read than the clock. */
  get ticks(): number {
    return Atomics.load(this.words, TICKS)
  }

  // --- attribution -----------------------------------------------------------

  /** Thread: it is in the synchronous part of an item. */
  enterItem(requestSlot: number, at: number): void {
    Atomics.store(this.words, CURRENT_ITEM, encode(requestSlot, at))
  }

  /** Thread: it is in no item. */
  leaveItem(): void {
    Atomics.store(this.words, CURRENT_ITEM, 0)
  }

  /** Thread: it exits because of this item. */
  setCulprit(requestSlot: number, at: number): void {
    Atomics.store(this.words, CULPRIT, encode(requestSlot, at))
  }

  /** The item that ended the thread: the one that the thread named, else the one that the thread was in. */
  culprit(): ItemPosition | undefined {
    return decode(Atomics.load(this.words, CULPRIT)) ?? decode(Atomics.load(this.words, CURRENT_ITEM))
  }

  // --- telemetry -------------------------------------------------------------

  /** Thread: counts a record as in flight; false if too many are. */
  acquireTelemetry(): boolean {
    if (Atomics.load(this.words, TELEMETRY_IN_FLIGHT) < SharedState.maxTelemetry) {
      Atomics.add(this.words, TELEMETRY_IN_FLIGHT, 1)
      return true
    }
    return false
  }

  /** Main thread: a record has been replayed; returns whether the thread withholds records and must be told. */
  releaseTelemetry(): boolean {
    Atomics.sub(this.words, TELEMETRY_IN_FLIGHT, 1)
    return Atomics.exchange(this.words, TELEMETRY_WITHHELD, 0) === 1
  }

  /** Thread: the main thread can receive more records. The memory says how many. */
  acknowledgeTelemetry(): void {}

  /** Thread: it withholds records, and is to be told when one in flight has been replayed. */
  withholdTelemetry(): void {
    Atomics.store(this.words, TELEMETRY_WITHHELD, 1)
  }
}

/** The members of the state of a thread's items, in shared memory or not. */
export type ItemStates = Pick<SharedState, keyof SharedState>

/** 0 means no item. */
const encode = (requestSlot: number, at: number): number => 1 + (requestSlot << 16 | at)

const decode = (word: number): ItemPosition | undefined =>
  word === 0 ? undefined : { requestSlot: (word - 1) >>> 16, at: (word - 1) & 0xffff }
