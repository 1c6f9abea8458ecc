/** What the main thread and a worker thread say to each other, and the memory that they share. */
import type { Severity } from "effect/LogLevel"
import type { WireFailure } from "../Executor.ts"

/** What a thread is started with. */
export interface ThreadData {
  /** URL of the handlers module. */
  readonly handlers: string
  /** Tasks that it must serve. */
  readonly names: ReadonlyArray<string>
  readonly concurrency: number
  readonly shared: SharedArrayBuffer
}

/** From the main thread. */
export type ToThread =
  | readonly [
    tag: "run",
    chunk: number,
    slot: number,
    names: ReadonlyArray<string>,
    counts: ReadonlyArray<number>,
    payloads: ReadonlyArray<unknown>,
    extras: Extras | undefined
  ]
  | readonly [tag: "cancel", chunk: number, at: number]
  | readonly [tag: "end"]

/** What few chunks need. Arrays are by item. */
export interface Extras {
  readonly attempts: ReadonlyArray<number> | undefined
  readonly timeouts: ReadonlyArray<number | undefined> | undefined
  /** Outcomes are sent one by one, before the next item starts. */
  readonly once: boolean
  readonly spans: ReadonlyArray<WireSpan | undefined> | undefined
}

interface WireSpan {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** From a thread. */
export type FromThread =
  | readonly [tag: "ready"]
  | readonly [tag: "unusable", failure: WireFailure]
  /** Outcomes of items: `values[i]` is that of `items[i]`, unless `failures` says otherwise. */
  | readonly [
    tag: "done",
    chunk: number,
    items: ReadonlyArray<number>,
    values: ReadonlyArray<unknown>,
    failures: ReadonlyArray<readonly [index: number, failure: WireFailure]> | undefined,
    micros: number,
    /** Nothing more will come of this chunk: its slot is free. */
    last: boolean
  ]
  /** An error outside of every handler, of a running item or of none: the thread wants to be replaced. */
  | readonly [tag: "fault", chunk: number, item: number, failure: WireFailure]
  /** An error outside of every handler, of a running item or of one that has ended: the thread is to be ended. */
  | readonly [tag: "doubt"]
  | readonly [tag: "log", entry: WireLog]

export interface WireLog {
  readonly level: Severity
  readonly message: ReadonlyArray<unknown>
  readonly cause: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly spans: ReadonlyArray<readonly [label: string, start: number]>
  readonly time: number
  /** Entries dropped before this one because too many waited. */
  readonly dropped: number
}

/**
 * Claims. One word per chunk under way, `next | limit << 16`: the thread claims an
 * item by raising `next`, the main thread takes the unstarted tail back by lowering
 * `limit`; both by compareExchange, so that an item is never had by both.
 */
export class Claims {
  /** Chunks that can be under way in one thread. */
  static readonly slots = 32
  /** The largest chunk that the halves of a word can count. */
  static readonly maxChunk = 512
  /** Log entries that can be on their way at once. */
  static readonly logs = 1000
  private readonly words: Int32Array<SharedArrayBuffer>

  constructor(shared: SharedArrayBuffer) {
    this.words = new Int32Array(shared)
  }

  static make(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (Claims.slots + 3))
  }

  /** Opens a slot for a chunk of `size` items. */
  open(slot: number, size: number): void {
    Atomics.store(this.words, slot, size << 16)
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

  /** Takes a place for a log entry on its way to the main thread; false if too many are. */
  openLog(): boolean {
    if (Atomics.load(this.words, Claims.slots + 2) >= Claims.logs) return false
    Atomics.add(this.words, Claims.slots + 2, 1)
    return true
  }

  /** The entry has arrived. */
  closeLog(): void {
    Atomics.sub(this.words, Claims.slots + 2, 1)
  }

  blamed(): { readonly slot: number; readonly item: number } | undefined {
    return decode(Atomics.load(this.words, Claims.slots + 1))
  }
}

const decode = (word: number) => word === 0 ? undefined : { slot: (word - 1) >>> 16, item: (word - 1) & 0xffff }

/** Messages that are sent together: one costs as much to send as a dozen. */
export class Outbox<M> {
  private messages: Array<M> = []
  private readonly post: (messages: ReadonlyArray<M>) => void
  private readonly repair: (message: M) => M

  /** `repair` replaces what cannot be cloned in a message. */
  constructor(post: (messages: ReadonlyArray<M>) => void, repair: (message: M) => M) {
    this.post = post
    this.repair = repair
  }

  add(message: M): void {
    this.messages.push(message)
  }

  send(): void {
    if (this.messages.length === 0) return
    const messages = this.messages
    this.messages = []
    try {
      this.post(messages)
    } catch {
      this.post(messages.map(this.repair))
    }
  }
}
