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
import type { TaskBlock, TaskEntry } from "./producer.ts"
import type { WorkerCounts } from "./statistics.ts"
import { type ProducerSubscription, subscriptionOf } from "./subscription.ts"
import { type TaskType, typeOf } from "./taskTypes.ts"

/** A reading of the clock. Chunks share it: a number of their own would be an object for each. */
export class Reading {
  readonly at: number

  constructor(at: number) {
    this.at = at
  }
}

export class Chunk implements Contract.Chunk, ChunkShare {
  readonly id: number
  readonly size: number
  readonly worker: WorkerState
  readonly quarantined: boolean
  /** Its block, until that is opened. */
  block: TaskBlock | undefined = undefined
  /** Items of the block with an outcome: those before this one. */
  done = 0
  /** Items of the block that are prefetched: the last ones. */
  prefetched = 0
  encoded: Contract.EncodedTasks | undefined = undefined
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
  taken: Reading | undefined = undefined
  /** Nanoseconds that its worker has reported for it, whole: most of these numbers need no object. */
  busy: number | undefined = undefined
  /** Items that failed before the last one was released. */
  failed = 0
  private readonly ownType: TaskType | undefined
  private readonly subscription: ProducerSubscription | undefined
  private list: ReadonlyArray<TaskEntry>

  constructor(
    id: number,
    items: ReadonlyArray<TaskEntry>,
    worker: WorkerState,
    block?: { readonly block: TaskBlock; readonly type: TaskType; readonly subscription: ProducerSubscription }
  ) {
    this.id = id
    this.list = items
    this.worker = worker
    this.quarantined = worker.runsQuarantined
    this.block = block?.block
    this.ownType = block?.type
    this.subscription = block?.subscription
    this.open = this.size = block?.block.size ?? items.length
  }

  get items(): ReadonlyArray<TaskEntry> {
    if (this.block !== undefined) this.openBlock(this.block)
    return this.list
  }

  private openBlock(block: TaskBlock): void {
    this.block = undefined
    const items = this.list = block.open(this.done)
    const prefetched = items.length - this.prefetched
    for (let at = this.done; at < items.length; at++) {
      const entry = items[at]
      entry.subscription = this.subscription
      entry.type = this.ownType
      entry.assignment = this
      entry.attempt++
      entry.prefetched = at >= prefetched
    }
    block.opened()
  }

  /** The producer of its first item. */
  get producer(): ProducerSubscription {
    return this.subscription ?? subscriptionOf(this.list[0])
  }

  /** The type of its first item. */
  get type(): TaskType {
    return this.ownType ?? typeOf(this.list[0])
  }

  get chunk(): this {
    return this
  }

  cancel(entry: TaskEntry): void {
    this.worker.handle.cancel(this, this.items.indexOf(entry))
  }

  get expectedMicros(): number {
    return this.type.micros
  }

  get bytes(): number {
    return this.encoded === undefined ? this.type.bytes : this.encoded.payloads.length / this.size
  }
}

export class WorkerState {
  readonly handle: Contract.WorkerHandle
  readonly counts: WorkerCounts
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

  constructor(handle: Contract.WorkerHandle, counts: WorkerCounts, capacity: Capacity) {
    this.handle = handle
    this.counts = counts
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

  /** Whether the entry comes alone in its chunk. */
  runsAlone(entry: TaskEntry): boolean {
    return this.handle.retracts === false && (!entry.idempotent || entry.taskTimeout !== undefined) || this.moves(entry)
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
    this.assigned += chunk.size
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

  /** The first `count` open items of a block have their outcomes. Whether they were the last ones of the chunk. */
  removeFirst(chunk: Chunk, count: number): boolean {
    this.assigned -= count
    chunk.done += count
    chunk.open -= count
    this.startBlock(chunk, chunk.prefetched - chunk.open)
    const isLast = chunk.open === 0
    if (isLast) this.unlink(chunk)
    while (this.prefetchedCount > 0 && this.prefetches && this.running < this.handle.concurrency) this.startNext()
    return isLast
  }

  /** So many items of a block are no longer prefetched. */
  private startBlock(chunk: Chunk, count: number): void {
    if (count <= 0) return
    chunk.prefetched -= count
    this.addPrefetched(-count)
    chunk.producer.startsBlock(count)
  }

  /** It is lost or ended: the entries that it still holds count no more. */
  leave(): void {
    this.capacity.addPrefetched(-this.prefetchedCount)
    this.prefetches = false
  }

  /** Entries of a new chunk that get no slot are prefetched. */
  private prefetch(chunk: Chunk): void {
    const free = Math.max(0, this.handle.concurrency - this.running)
    const { block, size } = chunk
    if (size <= free) return
    if (this.prefetchedCount === 0) {
      this.nextChunk = chunk
      this.nextPosition = block === undefined ? free : 0
    }
    if (block === undefined) {
      const { items } = chunk
      for (let position = free; position < size; position++) {
        subscriptionOf(items[position]).prefetches(items[position])
      }
    } else {
      chunk.prefetched = size - free
      chunk.producer.prefetchesBlock(size - free)
    }
    this.addPrefetched(size - free)
  }

  /** Gives a slot to the oldest prefetched entry. There is one. */
  private startNext(): void {
    for (let chunk = this.nextChunk!;; chunk = chunk.newer!, this.nextPosition = 0) {
      if (chunk.block !== undefined) {
        if (chunk.prefetched === 0) continue
        this.nextChunk = chunk
        this.nextPosition = 0
        return this.startBlock(chunk, 1)
      }
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
