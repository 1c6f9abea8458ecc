/**
 * Chunks that are sent to a thread together: their items in a row, and which of the items have no outcome yet.
 * Sending one message costs as much as a dozen trivial tasks, for any chunk size that the user asked for. An item is
 * closed once, by its outcome or by its revocation.
 */
import type * as Executor from "../../../Executor.ts"
import { movesPayload } from "../../task.ts"

/**
 * The bytes of payloads up to which chunks travel together. The columns of larger messages are large objects of V8,
 * which cost more to make and to collect.
 */
const MAX_BYTES = 256 * 1024

/** The time by which an item must have ended, or else its thread is terminated. Owned by `Deadlines`. */
export interface Deadline {
  readonly time: number
  /** The outcome of the item if its thread is terminated; absent for a cancelled item, which needs none. */
  readonly failure: Executor.WireFailure | undefined
  /** The last tick found it passed. */
  passed: boolean
}

/** One chunk of a request. */
export interface RequestSegment {
  readonly request: Request
  readonly chunk: Executor.Chunk
  /** The index of its first item in the request. */
  readonly start: number
  /** Its items without an outcome. */
  open: number
}

export class Request {
  readonly id: number
  readonly requestSlot: number
  readonly segments: Array<RequestSegment> = []
  /** Its buffers belong to the thread now: it cannot be revoked to run elsewhere. */
  readonly moved: boolean
  /** Its items as another process encoded them: one chunk, which is not made into items. */
  readonly encoded: Executor.EncodedTasks | undefined
  /** Some of its items have a timeout. */
  timed = false
  /** By item; owned by `Deadlines`. */
  readonly deadlines = new Map<number, Deadline>()
  /** Items at and after this index were revoked, or do not exist. */
  limit = 0
  /** Items without an outcome. */
  open = 0
  /** Segments with items without an outcome. */
  openSegments = 0
  /** Estimated bytes of the payloads. */
  private bytes = 0
  private readonly list: Array<Executor.Item> = []
  /** Items, with those that were revoked. */
  private count = 0
  /** The segment of each item, unless there is one chunk for all. */
  private readonly segmentOfItem: Array<RequestSegment> = []
  private readonly closed: Array<boolean> = []
  /** No item before it is open. */
  private firstOpen = 0

  constructor(id: number, requestSlot: number, chunk: Executor.Chunk) {
    this.id = id
    this.requestSlot = requestSlot
    this.encoded = chunk.encoded
    this.moved = this.encoded === undefined && isMoved(chunk)
    this.add(chunk)
  }

  get items(): ReadonlyArray<Executor.Item> {
    return this.encoded === undefined ? this.list : this.segments[0].chunk.items
  }

  /** The number of items, with those that were revoked. */
  get size(): number {
    return this.count
  }

  /** Whether a chunk can be added, for at most `max` items. */
  fits(chunk: Executor.Chunk, max: number): boolean {
    const revoked = this.limit < this.count
    if (revoked || this.encoded !== undefined || chunk.encoded !== undefined) return false
    return !this.moved && !isMoved(chunk) && this.limit + chunk.size <= max &&
      this.bytes + bytesOf(chunk) <= MAX_BYTES
  }

  add(chunk: Executor.Chunk): void {
    const { size } = chunk
    const segment: RequestSegment = { request: this, chunk, start: this.limit, open: size }
    chunk.note = segment
    this.segments.push(segment)
    if (this.encoded === undefined) {
      for (const item of chunk.items) {
        this.list.push(item)
        this.segmentOfItem.push(segment)
        this.timed ||= item.taskTimeout !== undefined
      }
    }
    this.count += size
    this.limit += size
    this.open += size
    this.openSegments++
    this.bytes += bytesOf(chunk)
  }

  segmentOf(at: number): RequestSegment {
    return this.encoded === undefined ? this.segmentOfItem[at] : this.segments[0]
  }

  /** The item may be started again, as far as its task is concerned. */
  isIdempotent(at: number): boolean {
    return this.encoded !== undefined || this.list[at].idempotent
  }

  isOpen(at: number): boolean {
    return this.closed[at] !== true
  }

  close(at: number): void {
    if (this.closed[at] === true) return
    this.closed[at] = true
    this.open--
    if (--this.segmentOf(at).open === 0) this.openSegments--
  }

  /** Closes the items from this index on, which were revoked. */
  truncate(from: number): void {
    for (let at = from; at < this.limit; at++) this.close(at)
    this.limit = from
  }

  /** The first open item, or the number of items. */
  get first(): number {
    while (this.closed[this.firstOpen] === true) this.firstOpen++
    return this.firstOpen
  }
}

const bytesOf = ({ bytes, size }: Executor.Chunk): number => bytes * size

/** A task whose payload is moved comes alone in its chunk. */
const isMoved = ({ items: [{ transfer }] }: Executor.Chunk): boolean => movesPayload(transfer)
