/** Lanes as the scheduler sees them: what each holds, chunk by chunk. */
import type { TaskCodec } from "../encoding/codec.ts"
import type { TaskStats } from "./chunkSizing.ts"
import type * as Contract from "./contract.ts"
import type { TaskEntry } from "./producer.ts"

/** What the scheduler knows of one type of task. */
export interface TaskType extends TaskStats {
  readonly name: string
  readonly codec: TaskCodec | undefined
  sampled: number
}

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

  constructor(id: number, items: ReadonlyArray<TaskEntry>, seat: WorkerState) {
    this.quarantined = seat.alone
    this.id = id
    this.items = items
    this.worker = seat
    this.open = items.length
  }
}

/** A lane and what it holds. */
export class WorkerState {
  readonly worker: Contract.WorkerHandle
  /** Its chunks that have items without an outcome, newest first. */
  newest: Chunk | undefined = undefined
  held = 0
  /** It asked and got nothing. */
  parked = false
  /** It runs a suspect, alone. */
  alone = false
  /** It gets nothing until it is empty, to take a suspect. */
  draining = false

  constructor(lane: Contract.WorkerHandle) {
    this.worker = lane
  }

  /** What it holds and cannot run yet. A lane that takes no more than it runs at once starts all that it takes. */
  get ahead(): number {
    const { concurrency, window } = this.worker
    return window > concurrency ? Math.max(0, this.held - concurrency) : 0
  }

  add(chunk: Chunk): void {
    chunk.older = this.newest
    if (this.newest !== undefined) this.newest.newer = chunk
    this.newest = chunk
    this.held += chunk.items.length
  }

  remove(chunk: Chunk): void {
    if (chunk.newer === undefined) this.newest = chunk.older
    else chunk.newer.older = chunk.older
    if (chunk.older !== undefined) chunk.older.newer = chunk.newer
    chunk.older = undefined
    chunk.newer = undefined
  }
}

/** The type of an entry that a lane holds. */
export const typeOf = (entry: TaskEntry): TaskType => entry.type as TaskType
