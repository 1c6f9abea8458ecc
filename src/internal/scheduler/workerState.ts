/**
 * A worker and its chunks, as the scheduler sees them.
 *
 * Must stay true: `WorkerState.assigned` is the sum of `open` over its chunks,
 * a chunk is listed as long as `open` is above 0, and the capacity counts what the
 * worker holds beyond its concurrency as long as it is joined.
 */
import type { Capacity } from "./capacity.ts"
import type { ChunkShare, FurtherShare } from "./chunkShares.ts"
import type * as Contract from "./contract.ts"
import type { TaskEntry } from "./producer.ts"
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

  constructor(handle: Contract.WorkerHandle, capacity: Capacity) {
    this.handle = handle
    this.capacity = capacity
    this.prefetches = handle.window > handle.concurrency
  }

  /** Entries that it holds and cannot run yet. */
  get prefetched(): number {
    return this.prefetches ? Math.max(0, this.assigned - this.handle.concurrency) : 0
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
    if (this.prefetches) this.capacity.addPrefetched(this.prefetched - before)
  }

  /** An item of the chunk has its outcome, or goes elsewhere. Whether it was the last one. */
  remove(chunk: Chunk): boolean {
    this.assigned--
    if (this.prefetches && this.assigned >= this.handle.concurrency) this.capacity.addPrefetched(-1)
    if (--chunk.open > 0) return false
    this.unlink(chunk)
    return true
  }

  /** It is lost or ended: what it still holds counts no more. */
  leave(): void {
    this.capacity.addPrefetched(-this.prefetched)
    this.prefetches = false
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
    if (chunk !== undefined) chunk.worker.handle.cancel(chunk, chunk.items.indexOf(entry))
  }
}
