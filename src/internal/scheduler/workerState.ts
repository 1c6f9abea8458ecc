/**
 * A worker and its chunks, as the scheduler sees them.
 *
 * Must stay true: `WorkerState.assigned` is the sum of `open` over its chunks,
 * a chunk is listed as long as `open` is above 0, and the capacity counts what the
 * worker holds beyond its concurrency as long as it is joined.
 */
import type { Capacity } from "./capacity.ts"
import type * as Contract from "./contract.ts"
import type { TaskEntry } from "./producer.ts"
import { typeOf } from "./taskTypes.ts"

export class Chunk implements Contract.Chunk {
  readonly id: number
  readonly items: ReadonlyArray<TaskEntry>
  readonly worker: WorkerState
  readonly quarantined: boolean
  note: unknown = undefined

  get expectedMicros(): number {
    return typeOf(this.items[0]).micros
  }

  get bytes(): number {
    return typeOf(this.items[0]).bytes
  }

  /** Items without an outcome. */
  open: number
  older: Chunk | undefined = undefined
  newer: Chunk | undefined = undefined

  constructor(id: number, items: ReadonlyArray<TaskEntry>, worker: WorkerState) {
    this.quarantined = worker.runsQuarantined
    this.id = id
    this.items = items
    this.worker = worker
    this.open = items.length
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
  /** Entries that it runs at once. Infinite where it takes no more than that: it then starts all that it takes. */
  private startsUpTo: number

  constructor(handle: Contract.WorkerHandle, capacity: Capacity) {
    this.handle = handle
    this.capacity = capacity
    this.startsUpTo = handle.window > handle.concurrency ? handle.concurrency : Infinity
  }

  /** Entries that it holds and cannot run yet. */
  get prefetched(): number {
    return Math.max(0, this.assigned - this.startsUpTo)
  }

  /** Whether the caller gives the payload up to this worker, so that the entry cannot be sent again. */
  moves(entry: TaskEntry): boolean {
    return this.handle.moves === true && (entry.transfer === "payload" || entry.transfer === "both")
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
    const before = this.prefetched
    this.assigned += chunk.items.length
    this.capacity.addPrefetched(this.prefetched - before)
  }

  /** An item of the chunk has its outcome, or goes elsewhere. */
  remove(chunk: Chunk): void {
    this.assigned--
    if (this.assigned >= this.startsUpTo) this.capacity.addPrefetched(-1)
    if (--chunk.open === 0) this.unlink(chunk)
  }

  /** It is lost or ended: what it still holds counts no more. */
  leave(): void {
    this.capacity.addPrefetched(-this.prefetched)
    this.startsUpTo = Infinity
  }

  private unlink(chunk: Chunk): void {
    if (chunk.newer === undefined) this.newestChunk = chunk.older
    else chunk.newer.older = chunk.older
    if (chunk.older !== undefined) chunk.older.newer = chunk.newer
    chunk.older = undefined
    chunk.newer = undefined
  }
}

/** Tells the workers that hold them to stop these entries. */
export const cancelAssigned = (entries: ReadonlyArray<TaskEntry>): void => {
  const fresh = entries.filter((entry) => !entry.cancelled)
  // All are marked before the first is stopped: its end may end others at once, and free slots in which these must not start.
  for (const entry of fresh) entry.cancelled = true
  for (const entry of fresh) {
    const chunk = entry.assignment as Chunk | undefined
    if (chunk !== undefined) chunk.worker.handle.cancel(chunk, entry.position)
  }
}
