/**
 * The messages of one side of a session. Plain code adds content, and an Effect sends it. Each message is kept until
 * the peer has acknowledged it, so that the session can continue over another connection.
 *
 * Must stay true: each side handles every message of the other side once and in order, over any number of connections.
 * A message contains everything that was added since the last one. It is collected in a microtask, after the code that
 * called `added` has finished, so that the content of one turn of the event loop is one message.
 */
import * as Effect from "effect/Effect"
import { Deque } from "../../deque.ts"

/** A message of a session. */
export interface Numbered {
  /** Counts the messages of one side from 1. 0: the message is only an acknowledgement. */
  readonly seq: number
  /** The number of the last message that was received. */
  readonly ack: number
}

/** Content to send, and its approximate size in bytes. */
export interface Collected<A> {
  readonly content: A
  readonly bytes: number
}

interface Unacknowledged<A> extends Collected<A> {
  readonly seq: number
}

/** Calls a function once, in so many milliseconds. Returns a function that cancels the call. */
export type After = (millis: number, f: () => void) => () => void

/** No message is collected while more bytes than this are unacknowledged. */
const MAX_UNACKNOWLEDGED = 16 * 1024 * 1024

/** Received messages are acknowledged after this number of bytes or of milliseconds at the latest. */
const ACK_BYTES = 256 * 1024
const ACK_DELAY = 100

/** The approximate size of a message without its payloads or results, in bytes. */
const OVERHEAD = 1024

export class SessionOutbox<A extends object> {
  private readonly collect: () => Collected<A> | undefined
  private readonly empty: A
  private sender: ((message: A & Numbered) => void) | undefined
  private scheduled = false
  /** The number of the present connection. */
  private connection = 0
  private readonly unacknowledged = new Deque<Unacknowledged<A>>()
  private unacknowledgedBytes = 0
  /** Messages that were sent over a lost connection, and are to be sent again. */
  private readonly lost = new Deque<Unacknowledged<A>>()
  private sent = 0
  private received = 0
  private receivedBytes = 0
  private ackDue = false
  private readonly after: After
  private cancelAck: (() => void) | undefined

  /** `collect` takes the content that waits to be sent, if any. `empty` is the content of an acknowledgement alone. */
  constructor(collect: () => Collected<A> | undefined, empty: A, after: After) {
    this.collect = collect
    this.empty = empty
    this.after = after
  }

  // --- sending ---------------------------------------------------------------

  /** Must be called when content waits to be sent. */
  readonly added = (): void => {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      const sender = this.sender
      if (sender === undefined) return
      const message = this.next()
      if (message === undefined) return
      this.sender = undefined
      sender(message)
    })
  }

  /**
   * Calls `onMessage` with the next message, as soon as there is one. Returns a function that withdraws the call. At
   * most one caller may wait.
   */
  onNext(onMessage: (message: A & Numbered) => void): () => void {
    const message = this.next()
    if (message === undefined) this.sender = onMessage
    else onMessage(message)
    return () => {
      if (this.sender === onMessage) this.sender = undefined
    }
  }

  /**
   * The next message for the present connection, as soon as there is one. Never completes once the session has
   * continued over another connection. At most one caller may wait.
   */
  get take(): Effect.Effect<A & Numbered> {
    const { connection } = this
    return Effect.callback((resume) => {
      if (connection !== this.connection) return
      return Effect.sync(this.onNext((message) => resume(Effect.succeed(message))))
    })
  }

  private next(): A & Numbered | undefined {
    const next = this.lost.shift() ?? this.collectNext()
    if (next === undefined && !this.ackDue) return undefined
    this.acknowledging()
    if (next === undefined) return { ...this.empty, seq: 0, ack: this.received }
    this.unacknowledged.push(next)
    return { ...next.content, seq: next.seq, ack: this.received }
  }

  private collectNext(): Unacknowledged<A> | undefined {
    if (this.unacknowledgedBytes > MAX_UNACKNOWLEDGED) return undefined
    const collected = this.collect()
    if (collected === undefined) return undefined
    const bytes = collected.bytes + OVERHEAD
    this.unacknowledgedBytes += bytes
    return { content: collected.content, bytes, seq: ++this.sent }
  }

  // --- receiving -------------------------------------------------------------

  /**
   * Takes the numbers of a received message of about `bytes` bytes. Returns whether its content is to be handled:
   * `false` for a message that was received before. Throws for numbers that no peer of this version sends.
   */
  receive({ ack, seq }: Numbered, bytes: number): boolean {
    this.acknowledge(ack)
    if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError("a malformed number of a message")
    if (seq <= this.received) return false
    if (seq > this.received + 1) throw new RangeError("a message is missing")
    this.received = seq
    this.receivedBytes += bytes + OVERHEAD
    if (this.receivedBytes >= ACK_BYTES) this.requestAck()
    else this.cancelAck ??= this.after(ACK_DELAY, () => this.requestAck())
    return true
  }

  private requestAck(): void {
    this.ackDue = true
    this.added()
  }

  /** Called when a message is sent, which acknowledges everything that was received. */
  private acknowledging(): void {
    this.ackDue = false
    this.receivedBytes = 0
    this.cancelAck?.()
    this.cancelAck = undefined
  }

  private acknowledge(ack: number): void {
    if (!Number.isSafeInteger(ack) || ack < 0 || ack > this.sent) throw new RangeError("a malformed acknowledgement")
    const wasFull = this.unacknowledgedBytes > MAX_UNACKNOWLEDGED
    for (const messages of [this.unacknowledged, this.lost]) {
      while ((messages.first?.seq ?? Infinity) <= ack) this.unacknowledgedBytes -= messages.shift()!.bytes
    }
    if (wasFull) this.added()
  }

  // --- another connection ----------------------------------------------------

  /** The number of the last message that was received. */
  get lastReceived(): number {
    return this.received
  }

  /**
   * Continues the session over another connection. The peer has received the messages up to `ack`; later ones are sent
   * again. A message is sent at once, if only to acknowledge.
   */
  resume(ack: number): void {
    this.acknowledge(ack)
    this.connection++
    this.sender = undefined
    const all = [...this.unacknowledged.clear(), ...this.lost.clear()]
    for (const message of all) this.lost.push(message)
    this.requestAck()
  }

  /** Sends no more acknowledgements. Called when the session has ended. */
  close(): void {
    this.acknowledging()
  }
}
