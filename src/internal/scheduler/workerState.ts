/**
 * A worker and its chunks, as the scheduler sees them.
 *
 * Must stay true: `WorkerState.assigned` is the sum of `open` over its chunks,
 * a chunk is listed as long as `open` is above 0, and the capacity counts the
 * entries that the worker holds beyond its concurrency as long as it is joined. These are its newest
 * entries: they are `TaskEntry.prefetched`, and the older ones run.
 */
import { movesPayload } from "../task.ts"
import type { Capacity } from "./capacity.ts"
import type { ChunkShare, FurtherShare } from "./chunkShares.ts"
import type * as Contract from "./contract.ts"
import type { TaskEntry } from "./producer.ts"
import { subscriptionOf } from "./subscription.ts"
import { typeOf } from "./taskTypes.ts"

export class Chunk implements Contract.Chunk, ChunkShare {
  readonly id: number
  readonly items: ReadonlyArray<TaskEntry>
  readonly worker: WorkerState
  readonly quarantined: boolean
  note: unknown = undefined
  /** Items without an outcome. */
  open: number
  /** Its neighbours in the list of its worker. */
  older: Chunk | undefined = undefined
  newer: Chunk | undefined = undefined
  newerShare: ChunkShare | undefined = undefined
  olderShare: ChunkShare | undefined = undefined
  /** The shares of other producers than that of its first item. Written by `Assignments` alone. */
  furtherShares: Array<FurtherShare> | undefined = undefined
  /** Items that were given back or lost before they started. Written by `Losses` alone. */
  returned = 0
  // Written by `Observers` alone.
  /** When its worker took it, while somebody observes. */
  takenAt: number | undefined = undefined
  /** The reading of the clock at which its worker last reported about it. */
  reading = -1
  /** Microseconds that its worker has reported for it. */
  busy: number | undefined = undefined
  /** Items that failed before the last one was released. */
  failed = 0

  constructor(id: number, items: ReadonlyArray<TaskEntry>, worker: WorkerState) {
    this.id = id
    this.items = items
    this.worker = worker
    this.quarantined = worker.runsQuarantined
    this.open = items.length
  }

  get chunk(): this {
    return this
  }

  cancel(entry: TaskEntry): void {
    this.worker.handle.cancel(this, this.items.indexOf(entry))
  }

  get expectedMicros(): number {
    return typeOf(this.items[0]).micros
  }

  get bytes(): number {
    return typeOf(this.items[0]).bytes
  }
}

export class WorkerState {
  readonly handle: Contract.WorkerHandle
  /** Its chunks that have items without an outcome, newest first. */
  newestChunk: Chunk | undefined = undefined
  /** Entries that it holds. */
  assigned = 0
  /** `take` returned nothing since it was last woken. */
  parked = true
  /** Its one entry is quarantined. */
  runsQuarantined = false
  /** It gets nothing until it is empty and can run a quarantined entry. */
  draining = false
  private readonly capacity: Capacity
  /** It is joined and takes more than it runs at once. Else it starts all that it takes. */
  private prefetches: boolean
  private prefetchedCount = 0
  /** The chunk and the position from which on its oldest prefetched entry is found. */
  private nextChunk: Chunk | undefined = undefined
  private nextPosition = 0

  constructor(handle: Contract.WorkerHandle, capacity: Capacity) {
    this.handle = handle
    this.capacity = capacity
    this.prefetches = handle.window > handle.concurrency
  }

  /** Entries that it holds and cannot run yet. */
  get prefetched(): number {
    return this.prefetchedCount
  }

  /** Entries that it runs. */
  get running(): number {
    return this.assigned - this.prefetchedCount
  }

  /** Whether the caller gives the payload up to this worker, so that the entry cannot be sent again. */
  moves(entry: TaskEntry): boolean {
    return this.handle.moves === true && movesPayload(entry.transfer)
  }

  /** The entries that it holds. */
  *entries(): Iterable<TaskEntry> {
    for (let chunk = this.newestChunk; chunk !== undefined; chunk = chunk.older) {
      for (const entry of chunk.items) if (entry.assignment === chunk) yield entry
    }
  }

  add(chunk: Chunk): void {
    chunk.older = this.newestChunk
    if (this.newestChunk !== undefined) this.newestChunk.newer = chunk
    this.newestChunk = chunk
    if (this.prefetches) this.prefetch(chunk)
    this.assigned += chunk.items.length
  }

  /** An item of the chunk has its outcome, or goes elsewhere. Whether it was the last one. */
  remove(chunk: Chunk, entry: TaskEntry): boolean {
    this.assigned--
    if (entry.prefetched) this.addPrefetched(-1)
    const isLast = --chunk.open === 0
    if (isLast) this.unlink(chunk)
    if (this.prefetchedCount > 0 && this.prefetches && this.running < this.handle.concurrency) this.startNext()
    return isLast
  }

  /** It is lost or ended: the entries that it still holds count no more. */
  leave(): void {
    this.capacity.addPrefetched(-this.prefetchedCount)
    this.prefetches = false
  }

  /** Entries of a new chunk that get no slot are prefetched. */
  private prefetch(chunk: Chunk): void {
    const free = Math.max(0, this.handle.concurrency - this.running)
    const { items } = chunk
    if (items.length <= free) return
    if (this.prefetchedCount === 0) {
      this.nextChunk = chunk
      this.nextPosition = free
    }
    for (let position = free; position < items.length; position++) {
      subscriptionOf(items[position]).prefetches(items[position])
    }
    this.addPrefetched(items.length - free)
  }

  /** Gives a slot to the oldest prefetched entry. There is one. */
  private startNext(): void {
    for (let chunk = this.nextChunk!;; chunk = chunk.newer!, this.nextPosition = 0) {
      const { items } = chunk
      for (let position = this.nextPosition; position < items.length; position++) {
        const entry = items[position]
        if (entry.assignment !== chunk || !entry.prefetched) continue
        this.nextChunk = chunk
        this.nextPosition = position + 1
        this.addPrefetched(-1)
        return subscriptionOf(entry).starts(entry)
      }
    }
  }

  private addPrefetched(count: number): void {
    this.prefetchedCount += count
    if (this.prefetches) this.capacity.addPrefetched(count)
  }

  private unlink(chunk: Chunk): void {
    if (this.nextChunk === chunk) {
      this.nextChunk = chunk.newer
      this.nextPosition = 0
    }
    if (chunk.newer === undefined) this.newestChunk = chunk.older
    else chunk.newer.older = chunk.older
    if (chunk.older !== undefined) chunk.older.newer = chunk.newer
    chunk.older = undefined
    chunk.newer = undefined
  }
}
