/**
 * Chunks that went to a thread together: their items in a row, which of them have no
 * outcome yet, and until when some must have one. Sending one message costs as much
 * as working off a dozen trivial tasks, whatever size of chunk was asked for.
 */
import type * as Executor from "../../../Executor.ts"

/** Until when an item must have ended; after that its thread is ended. */
export interface Deadline {
  readonly time: number
  /** What becomes of the item, unless it has been cancelled. */
  readonly failure: Executor.WireFailure | undefined
  /** It was not met at the last look either. */
  passed: boolean
}

/** A chunk of a flight. */
export interface RequestSegment {
  readonly flight: Request
  readonly chunk: Executor.Chunk
  /** Where its items start in the flight. */
  readonly start: number
  /** Its items without an outcome. */
  open: number
}

export class Request {
  readonly id: number
  readonly slot: number
  readonly items: Array<Executor.Item> = []
  readonly parts: Array<RequestSegment> = []
  /** Its buffers are the thread's now: it runs there or nowhere. */
  readonly moved: boolean
  /** Some of its items have a timeout. */
  timed = false
  /** Of items that run with a timeout, or are to be stopped. */
  readonly deadlines = new Map<number, Deadline>()
  /** Items at and after it were taken back. */
  limit = 0
  /** Items, and chunks with items, that have no outcome. */
  open = 0
  openParts = 0
  /** The part of each item. */
  private readonly places: Array<RequestSegment> = []
  private readonly closed: Array<boolean> = []
  /** No item before it is open. */
  private firstOpen = 0

  constructor(id: number, slot: number, chunk: Executor.Chunk) {
    this.id = id
    this.slot = slot
    this.moved = isMoved(chunk)
    this.add(chunk)
  }

  /** Whether a chunk can go with it. */
  fits(chunk: Executor.Chunk, most: number): boolean {
    const taken = this.limit < this.items.length
    return !taken && !this.moved && !isMoved(chunk) && this.limit + chunk.items.length <= most
  }

  add(chunk: Executor.Chunk): void {
    const { items } = chunk
    const part: RequestSegment = { flight: this, chunk, start: this.limit, open: items.length }
    chunk.note = part
    this.parts.push(part)
    for (const item of items) {
      this.items.push(item)
      this.places.push(part)
      this.timed ||= item.taskTimeout !== undefined
    }
    this.limit += items.length
    this.open += items.length
    this.openParts++
  }

  partOf(at: number): RequestSegment {
    return this.places[at]
  }

  isOpen(at: number): boolean {
    return this.closed[at] !== true
  }

  close(at: number): void {
    if (this.closed[at] === true) return
    this.closed[at] = true
    this.open--
    if (--this.places[at].open === 0) this.openParts--
  }

  /** Closes the items from there up to the limit, which was before the end. */
  cut(from: number): void {
    for (let at = from; at < this.limit; at++) this.close(at)
    this.limit = from
  }

  /** The first item that is open, or the number of items. */
  get first(): number {
    while (this.closed[this.firstOpen] === true) this.firstOpen++
    return this.firstOpen
  }
}

/** A task whose payload is moved comes alone in its chunk. */
const isMoved = ({ items: [{ transfer }] }: Executor.Chunk): boolean => transfer === "payload" || transfer === "both"
