/**
 * Which worker holds which entry. The only place that assigns entries to a worker
 * and releases them.
 *
 * Must stay true: `TaskEntry.assignment` is the chunk that holds the entry, and
 * exactly these entries are counted by that chunk, its worker and their producer. A
 * report about an entry that the chunk does not hold any more is ignored: here, and
 * nowhere else, late outcomes are dropped.
 */
import type { Capacity } from "./capacity.ts"
import { type AssignedShares, FurtherShare } from "./chunkShares.ts"
import type { ChunkSizes } from "./distribution.ts"
import type { Observers } from "./observer.ts"
import type { TaskBlock, TaskEntry } from "./producer.ts"
import type { SpanLimit } from "./spanLimit.ts"
import { type ProducerSubscription, subscriptionOf } from "./subscription.ts"
import { type TaskType, typeOf } from "./taskTypes.ts"
import { Chunk, type WorkerState } from "./workerState.ts"

export class Assignments {
  private readonly capacity: Capacity
  /** A worker that was emptied for a quarantined entry may take again. */
  private readonly onEmptied: () => void
  private readonly chunkTasks: ChunkSizes
  private readonly observers: Observers
  private readonly spans: SpanLimit
  private lastId = 0

  constructor(
    capacity: Capacity,
    chunkTasks: ChunkSizes,
    observers: Observers,
    spans: SpanLimit,
    onEmptied: () => void
  ) {
    this.capacity = capacity
    this.chunkTasks = chunkTasks
    this.observers = observers
    this.spans = spans
    this.onEmptied = onEmptied
  }

  /** Assigns entries to a worker. `undefined` if none is wanted any more. Each counts one more attempt. */
  assign(worker: WorkerState, entries: Array<TaskEntry>): Chunk | undefined {
    let wanted = 0
    let released = false
    // By index, here and in `makeChunk`: in functions of this size, V8 does not inline the iterator of an array.
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at]
      const subscription = subscriptionOf(entry)
      if (entry.holdsPlace && subscription.places.release(entry)) released = true
      // The producer may have ended while it was asked.
      if (subscription.wants(entry)) entries[wanted++] = entry
    }
    if (wanted < entries.length) entries.length = wanted
    const chunk = wanted === 0 ? undefined : this.makeChunk(worker, entries)
    if (released) this.capacity.notify()
    return chunk
  }

  private makeChunk(worker: WorkerState, items: ReadonlyArray<TaskEntry>): Chunk {
    const chunk = new Chunk(++this.lastId, items, worker)
    this.chunkTasks.add(items.length)
    const first = subscriptionOf(items[0]).assigned
    first.add(chunk)
    let observed = false
    let traced = false
    for (let at = 0; at < items.length; at++) {
      const entry = items[at]
      entry.assignment = chunk
      entry.attempt++
      typeOf(entry).counts.started++
      if (entry.span !== undefined) traced = true
      const { assigned: owner, producer } = subscriptionOf(entry)
      if (producer.onRunning !== undefined) observed = true
      owner.size++
      if (owner !== first && !owner.hasShareOf(chunk)) addShare(chunk, owner)
    }
    worker.add(chunk)
    if (this.observers.active) this.observers.took(chunk)
    if (traced) this.spans.limit(items)
    if (observed) { for (const entry of items) subscriptionOf(entry).producer.onRunning?.() }
    return chunk
  }

  /** Assigns all tasks of a block to a worker. */
  assignBlock(worker: WorkerState, subscription: ProducerSubscription, block: TaskBlock, type: TaskType): Chunk {
    const chunk = block.chunk = new Chunk(++this.lastId, [], worker, { block, type, subscription })
    this.chunkTasks.add(block.size)
    type.counts.started += block.size
    subscription.assigned.add(chunk)
    subscription.assigned.size += block.size
    worker.add(chunk)
    subscription.producer.onRunning?.()
    return chunk
  }

  /** Takes the first `count` tasks without an outcome of a block from its worker. `finishFirst` must follow. */
  releaseFirst(chunk: Chunk, count: number): void {
    chunk.producer.assigned.size -= count
    if (chunk.worker.removeFirst(chunk, count)) removeShares(chunk)
    chunk.producer.producer.onRunning?.()
  }

  /** To be called when the outcomes of these tasks have been dealt with. */
  finishFirst({ worker }: Chunk): void {
    this.afterRelease(worker)
  }

  /** The entry did not start, so it counts no attempt and has made no span. */
  takeBackStart(entry: TaskEntry): void {
    entry.attempt--
    typeOf(entry).counts.started--
    if (entry.span?.sampled === true) this.spans.giveBack()
  }

  /** Whether the chunk holds an entry. */
  holds(chunk: Chunk, entry: TaskEntry | undefined): entry is TaskEntry {
    return entry !== undefined && entry.assignment === chunk
  }

  /** Takes an entry from its worker. `false` if the chunk does not hold it (any more). `finish` must follow. */
  release(chunk: Chunk, entry: TaskEntry | undefined): entry is TaskEntry {
    if (!this.holds(chunk, entry)) return false
    // One that lingers has had its outcome.
    if (entry.lingers) typeOf(entry).counts.lingering--
    else if (entry.cancelled) typeOf(entry).counts.cancelled++
    const subscription = subscriptionOf(entry)
    entry.assignment = undefined
    subscription.assigned.size--
    if (chunk.worker.remove(chunk, entry)) {
      removeShares(chunk)
      if (this.observers.active) this.observers.ended(chunk)
    }
    subscription.released(entry)
    return true
  }

  /** To be called when the outcome of a released entry, or its requeue, has been dealt with. */
  finish(chunk: Chunk, entry: TaskEntry): void {
    subscriptionOf(entry).afterRelease(entry)
    this.afterRelease(chunk.worker)
  }

  private afterRelease(worker: WorkerState): void {
    if (worker.assigned === 0 && (worker.runsQuarantined || worker.draining)) {
      worker.runsQuarantined = false
      worker.draining = false
      this.onEmptied()
    }
    this.capacity.notify()
  }
}

/** Adds the share of another producer than that of the first item. */
const addShare = (chunk: Chunk, owner: AssignedShares): void => {
  const share = new FurtherShare(chunk, owner)
  ;(chunk.furtherShares ??= []).push(share)
  owner.add(share)
}

const removeShares = (chunk: Chunk): void => {
  chunk.producer.assigned.remove(chunk)
  if (chunk.furtherShares !== undefined) { for (const share of chunk.furtherShares) share.owner.remove(share) }
}
