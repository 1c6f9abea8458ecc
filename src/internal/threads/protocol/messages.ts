/** What the main thread and a worker thread say to each other, and the memory that they share. */
import type { WireFailure } from "../../../Executor.ts"
import type { Packed } from "../../encoding/columns.ts"
import type { SeriesUpdate } from "../thread/metrics.ts"
import type { Entry } from "../thread/telemetry.ts"

/** What a thread is started with. */
export interface ThreadData {
  /** URL of the handlers module. */
  readonly handlers: string
  /** Tasks that it must serve. */
  readonly names: ReadonlyArray<string>
  readonly concurrency: number
  /** Somebody wants to see the spans that end here. */
  readonly traced: boolean
  readonly shared: SharedArrayBuffer
}

/** From the main thread. */
export type ToThread =
  | readonly [
    tag: "run",
    chunk: number,
    slot: number,
    names: ReadonlyArray<string>,
    /** Of each item the index of its name; absent where there is one. */
    kinds: ReadonlyArray<number> | undefined,
    /** The payloads of each name. */
    payloads: ReadonlyArray<Packed>,
    extras: Extras | undefined
  ]
  | readonly [tag: "cancel", chunk: number, at: number]
  /** There is room for telemetry that was withheld. */
  | readonly [tag: "more"]
  | readonly [tag: "end"]

/** What few chunks need. Arrays are by item. */
export interface Extras {
  readonly attempts: ReadonlyArray<number> | undefined
  readonly timeouts: ReadonlyArray<number | undefined> | undefined
  /** Outcomes are sent one by one, before the next item starts. */
  readonly once: boolean
  readonly spans: ReadonlyArray<WireSpan | undefined> | undefined
}

/** Which span it is. */
export interface WireSpan {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** From a thread. */
export type FromThread =
  | readonly [tag: "ready"]
  | readonly [tag: "unusable", failure: WireFailure]
  | Done
  /** An error outside of every handler, of a running item or of none: the thread wants to be replaced. */
  | readonly [tag: "fault", chunk: number, item: number, failure: WireFailure]
  /** An error outside of every handler, of a running item or of one that has ended: the thread is to be ended. */
  | readonly [tag: "doubt"]
  /** What handlers logged, traced and printed, and how much of it was dropped before. */
  | readonly [tag: "telemetry", entries: ReadonlyArray<Entry>, dropped: number]
  | readonly [tag: "metrics", updates: ReadonlyArray<SeriesUpdate>]

/** Outcomes of items. */
export type Done = readonly [
  tag: "done",
  chunk: number,
  results: ReadonlyArray<Results>,
  failures: ReadonlyArray<readonly [at: number, failure: WireFailure]>,
  micros: number,
  /** Nothing more will come of this chunk: its slot is free. */
  last: boolean
]

export interface Results {
  /** Which items, or the first of those that follow each other. */
  readonly at: number | ReadonlyArray<number>
  readonly packed: Packed
}

/**
 * Claims. One word per chunk under way, `next | limit << 16`: the thread claims an
 * item by raising `next`, the main thread takes the unstarted tail back by lowering
 * `limit`; both by compareExchange, so that an item is never had by both.
 */
export class Claims {
  /** Chunks that can be under way in one thread. */
  static readonly slots = 64
  /** The largest chunk that the halves of a word can count. */
  static readonly maxChunk = 512
  /** Telemetry that can be on its way at once. */
  static readonly entries = 1000
  private static readonly bytes = 4 * (Claims.slots + 4)
  private readonly words: Int32Array<SharedArrayBuffer>
  /** Of each item in each slot whether it has ended. */
  private readonly ended: Uint8Array<SharedArrayBuffer>

  constructor(shared: SharedArrayBuffer) {
    this.words = new Int32Array(shared, 0, Claims.slots + 4)
    this.ended = new Uint8Array(shared, Claims.bytes)
  }

  static make(): SharedArrayBuffer {
    return new SharedArrayBuffer(Claims.bytes + Claims.slots * Claims.maxChunk)
  }

  /** Opens a slot for a chunk of `size` items. */
  open(slot: number, size: number): void {
    const first = slot * Claims.maxChunk
    this.ended.fill(0, first, first + size)
    Atomics.store(this.words, slot, size << 16)
  }

  /** The item has ended, though its outcome may still have to be sent. */
  end(slot: number, item: number): void {
    this.ended[slot * Claims.maxChunk + item] = 1
  }

  hasEnded(slot: number, item: number): boolean {
    return this.ended[slot * Claims.maxChunk + item] === 1
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
  takeBack(slot: number): number {
    while (true) {
      const word = Atomics.load(this.words, slot)
      const next = word & 0xffff
      if (Atomics.compareExchange(this.words, slot, word, next | next << 16) === word) return next
    }
  }

  /** The thread is in the synchronous part of an item. */
  enter(slot: number, item: number): void {
    Atomics.store(this.words, Claims.slots, 1 + (slot << 16 | item))
  }

  /** The thread is in no item. */
  leave(): void {
    Atomics.store(this.words, Claims.slots, 0)
  }

  /** The item whose synchronous part the thread is in. */
  current(): { readonly slot: number; readonly item: number } | undefined {
    return decode(Atomics.load(this.words, Claims.slots))
  }

  /** The thread ends because of this item. */
  blame(slot: number, item: number): void {
    Atomics.store(this.words, Claims.slots + 1, 1 + (slot << 16 | item))
  }

  /** Takes a place for telemetry on its way to the main thread; false if too much is. */
  openEntry(): boolean {
    if (Atomics.load(this.words, Claims.slots + 2) < Claims.entries) {
      Atomics.add(this.words, Claims.slots + 2, 1)
      return true
    }
    return false
  }

  /** An entry has arrived; whether the thread withholds some, and is to be told that there is room. */
  closeEntry(): boolean {
    Atomics.sub(this.words, Claims.slots + 2, 1)
    return Atomics.exchange(this.words, Claims.slots + 3, 0) === 1
  }

  /** The thread withholds telemetry. */
  withhold(): void {
    Atomics.store(this.words, Claims.slots + 3, 1)
  }

  blamed(): { readonly slot: number; readonly item: number } | undefined {
    return decode(Atomics.load(this.words, Claims.slots + 1))
  }
}

const decode = (word: number) => word === 0 ? undefined : { slot: (word - 1) >>> 16, item: (word - 1) & 0xffff }

/** Messages that are sent together: one costs as much to send as a dozen. */
export class Outbox<M> {
  private messages: Array<M> = []
  private moved: Array<ArrayBuffer> = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly post: (messages: ReadonlyArray<M>, moved: ReadonlyArray<ArrayBuffer>) => void
  private readonly repair: (message: M) => M
  private readonly collect: ((add: (message: M) => void) => void) | undefined

  /** `repair` replaces what cannot be cloned in a message; `collect` adds what else is to go, before all others. */
  constructor(
    post: (messages: ReadonlyArray<M>, moved: ReadonlyArray<ArrayBuffer>) => void,
    repair: (message: M) => M,
    collect?: (add: (message: M) => void) => void
  ) {
    this.post = post
    this.repair = repair
    this.collect = collect
  }

  add(message: M): void {
    this.messages.push(message)
  }

  /** Buffers of messages that are given up, not copied. */
  move(buffers: Iterable<ArrayBuffer>): void {
    for (const buffer of buffers) if (!this.moved.includes(buffer)) this.moved.push(buffer)
  }

  /** Sends at the latest in 100 ms. */
  sendSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.send()
    }, 100).unref()
  }

  send(): void {
    const { messages, moved } = this
    this.messages = []
    this.moved = []
    this.collect?.((message) => messages.unshift(message))
    if (messages.length === 0) return
    try {
      this.post(messages, moved)
    } catch {
      this.post(messages.map(this.repair), [])
    }
  }
}
