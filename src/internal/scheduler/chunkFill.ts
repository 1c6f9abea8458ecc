/**
 * Chooses the entries of a chunk: deferred ones first, then those of a waiting
 * parent's children, then a share of every producer in the order of their turns.
 *
 * Must stay true: a chunk never takes more of the capacity than is free, a
 * producer whose turn it is gets a share of the chunk, and an entry comes alone whose
 * payload is moved, or that must not wait behind others.
 */
import type { Capacity } from "./capacity.ts"
import { ChunkBudget } from "./chunkSizing.ts"
import type { Preparation } from "./preparation.ts"
import type { ParentTask, Subscription, TaskBlock, TaskEntry } from "./producer.ts"
import type { RunQueue } from "./runQueue.ts"
import type { ProducerSubscription } from "./subscription.ts"
import type { TaskType } from "./taskTypes.ts"
import type { UnservedTasks } from "./unserved.ts"
import type { Workers } from "./workers.ts"
import type { WorkerState } from "./workerState.ts"

export interface ChunkFillerOptions {
  readonly capacity: Capacity
  readonly workers: Workers
  readonly runQueue: RunQueue
  readonly unserved: UnservedTasks
  readonly preparation: Preparation
  readonly maxChunk: number
  /** Chunks are filled up to this expected time, or without regard to it. */
  readonly chunkMicros: number | undefined
}

/** A block takes no longer than so many chunks. */
const MAX_BLOCK_CHUNKS = 4

/** A chunk without entries, which is never written to. */
const EMPTY: Array<TaskEntry> = []

export interface BlockOfProducer {
  readonly subscription: ProducerSubscription
  readonly block: TaskBlock
  readonly type: TaskType
}

export class ChunkFiller {
  private readonly capacity: Capacity
  private readonly workers: Workers
  private readonly runQueue: RunQueue
  private readonly unserved: UnservedTasks
  private readonly preparation: Preparation
  private readonly maxChunk: number
  private readonly chunkMicros: number | undefined
  /** The producer that `fillFrom` asked last may have more. */
  private hasMore = false

  constructor(options: ChunkFillerOptions) {
    this.capacity = options.capacity
    this.workers = options.workers
    this.runQueue = options.runQueue
    this.unserved = options.unserved
    this.preparation = options.preparation
    this.maxChunk = options.maxChunk
    this.chunkMicros = options.chunkMicros
  }

  /** At most `max` entries for a worker; the children of `parent` come before other producers. */
  fill(worker: WorkerState, max: number, parent: ParentTask | undefined): Array<TaskEntry> {
    const most = Math.min(max, this.maxChunk)
    const { runQueue } = this
    let entries = EMPTY
    if (this.unserved.size > 0) this.unserved.fill(worker, most, entries = [])
    if (parent?.subscriptions !== undefined) {
      entries = this.fillFromChildren(parent.subscriptions, most, worker, entries)
    }
    for (let turns = runQueue.length; turns > 0 && entries.length < most; turns--) {
      const subscription = runQueue.first
      const share = Math.ceil((most - entries.length) / turns)
      this.hasMore = false
      if (!subscription.ended) entries = this.fillFrom(subscription, share, worker, entries)
      runQueue.rotate(this.hasMore)
    }
    return entries
  }

  /** The block of the producer whose turn it is, if the worker is to have all of it. */
  takeBlock(max: number): BlockOfProducer | undefined {
    const { capacity, chunkMicros, runQueue, unserved } = this
    if (runQueue.length === 0 || unserved.size > 0 || chunkMicros === undefined || !capacity.isUnbounded) {
      return undefined
    }
    const subscription = runQueue.first
    const { ended, producer, requeued } = subscription
    if (producer.nextBlock === undefined || ended || requeued.length > 0) return undefined
    const block = producer.nextBlock(({ name, size }) => {
      const micros = this.preparation.microsOf(name)
      return size <= max && micros > 0 && micros * size <= MAX_BLOCK_CHUNKS * chunkMicros
    })
    if (block === undefined) return undefined
    runQueue.rotate(true)
    return { subscription, block, type: this.preparation.typeOf(block.name)! }
  }

  private fillFromChildren(
    children: Iterable<Subscription>,
    most: number,
    worker: WorkerState,
    entries: Array<TaskEntry>
  ): Array<TaskEntry> {
    for (const child of children) {
      if (entries.length >= most) break
      entries = this.fillFrom(child as ProducerSubscription, most - entries.length, worker, entries)
    }
    return entries
  }

  /**
   * Adds entries of one producer, at most `share`, and sets `hasMore`. The first entry makes the array: most chunks of
   * one entry then need no memory for more.
   */
  private fillFrom(
    subscription: ProducerSubscription,
    share: number,
    worker: WorkerState,
    entries: Array<TaskEntry>
  ): Array<TaskEntry> {
    this.hasMore = true
    const size = this.admitted(subscription, share, worker, entries)
    if (size <= 0) return entries
    const budget = this.chunkMicros !== undefined && subscription.producer.chunkSize === undefined && size > 1
      ? new ChunkBudget(subscription.lastChunk, this.chunkMicros)
      : undefined
    const start = entries.length
    while (entries.length - start < size && !isAlone(entries, worker)) {
      const entry = subscription.shift()
      if (entry === undefined) {
        this.shareTail(subscription, entries, start)
        this.hasMore = subscription.requeued.length > 0
        return entries
      }
      const type = this.preparation.prepare(entry, worker)
      if (type === undefined) continue
      if (entries.length > 0 && worker.runsAlone(entry)) {
        subscription.requeue(entry)
        break
      }
      if (budget !== undefined) {
        if (!budget.fits(type)) {
          subscription.requeue(entry)
          break
        }
        budget.add(type)
      }
      if (entries === EMPTY) entries = [entry]
      else entries.push(entry)
    }
    if (budget !== undefined && entries.length > start) subscription.lastChunk = entries.length - start
    return entries
  }

  /** How many entries of a producer may join a chunk. */
  private admitted(
    { depth, places, producer }: ProducerSubscription,
    share: number,
    { assigned, handle }: WorkerState,
    entries: ReadonlyArray<TaskEntry>
  ): number {
    // Not by `Math.min`, for which V8 converts integers to floats and back.
    let size = share
    if (producer.chunkSize !== undefined && producer.chunkSize < size) size = producer.chunkSize
    if (handle.capacityAt !== undefined) {
      const taken = entries.length === 0 ? 0 : entries.filter((entry) => entry.depth === depth).length
      const room = handle.capacityAt(depth) - taken
      if (room < size) size = room
    }
    if (this.capacity.isUnbounded) return size
    if (handle.window <= handle.concurrency) {
      // They start at once, or come back unstarted: then each needs a place.
      const room = this.capacity.free + places.count - entries.length
      return Math.min(size, Math.max(entries.length === 0 ? 1 : 0, room))
    }
    // Entries beyond the worker's free slots do not start, so they need places; those that have one keep it.
    const freeSlots = handle.concurrency - assigned - entries.length
    const free = this.capacity.free - Math.max(0, -freeSlots)
    return Math.min(size, Math.max(0, freeSlots) + Math.max(0, free) + places.count)
  }

  /** Spreads the end of a source over the workers. */
  private shareTail(subscription: ProducerSubscription, entries: Array<TaskEntry>, start: number): void {
    if (this.workers.size < 2 || subscription.producer.chunkSize !== undefined) return
    const end = start + Math.ceil((entries.length - start) / this.workers.size)
    while (entries.length > end) subscription.requeue(entries.pop()!)
  }
}

/** Whether the chunk holds an entry that comes alone, so that no other has to wait for the same worker. */
const isAlone = (entries: ReadonlyArray<TaskEntry>, worker: WorkerState): boolean =>
  entries.length === 1 && worker.runsAlone(entries[0])
