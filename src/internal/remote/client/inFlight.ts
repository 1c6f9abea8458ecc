/**
 * The chunks that a client has sent to a worker, or is about to send, and how much of the worker's credit they use.
 *
 * Must stay true: a chunk is in flight until every item of it is closed, and an item is closed once. An item is closed
 * by its outcome or by its return, whichever comes first.
 */
import type * as Executor from "../../../Executor.ts"
import { CHUNKS_PER_CREDIT } from "../protocol/limits.ts"

/**
 * How long a chunk should take, in microseconds. A chunk costs both sides together about 200 µs, which dominates below
 * this.
 */
export const CHUNK_MICROS = 4000

/** The least credit that a chunk uses. */
const MIN_CREDIT = 1 / CHUNKS_PER_CREDIT

export interface InFlightChunk {
  readonly chunk: Executor.Chunk
  /** The task names of the chunk, each once. */
  readonly names: ReadonlyArray<string>
  /** Of each item the index of its name. */
  readonly nameIndexes: ReadonlyArray<number>
  /** The items whose claims were confirmed. */
  readonly confirmed: Set<number>
  /** Of each item whether it is closed: 0 or 1. */
  readonly closed: Uint8Array
  /** Items that are not closed. */
  open: number
  /** Items that were sent: those before this position, but for the ones that could not be. */
  sent: number
}

export class InFlightChunks {
  private readonly chunks = new Map<number, InFlightChunk>()

  /** Chunks in flight. */
  get size(): number {
    return this.chunks.size
  }

  /** Items that are not closed. */
  get open(): number {
    let open = 0
    for (const chunk of this.chunks.values()) open += chunk.open
    return open
  }

  /** The credit that all chunks use. */
  get usedCredit(): number {
    let used = 0
    for (const chunk of this.chunks.values()) used += usedCredit(chunk)
    return used
  }

  some(holds: (chunk: InFlightChunk) => boolean): boolean {
    for (const chunk of this.chunks.values()) if (holds(chunk)) return true
    return false
  }

  get(id: number): InFlightChunk | undefined {
    return this.chunks.get(id)
  }

  add(chunk: Executor.Chunk): InFlightChunk {
    const names: Array<string> = []
    const nameIndexes: Array<number> = []
    let last = -1
    for (const { name } of chunk.items) {
      // Tasks of one name come in a row.
      if (name !== names[last]) {
        last = names.indexOf(name)
        if (last === -1) last = names.push(name) - 1
      }
      nameIndexes.push(last)
    }
    const open = nameIndexes.length
    const added = {
      chunk,
      names,
      nameIndexes,
      confirmed: new Set<number>(),
      closed: new Uint8Array(open),
      open,
      sent: 0
    }
    this.chunks.set(chunk.id, added)
    return added
  }

  close(inFlight: InFlightChunk, at: number): void {
    if (inFlight.closed[at] === 1) return
    inFlight.closed[at] = 1
    if (--inFlight.open === 0) this.chunks.delete(inFlight.chunk.id)
  }

  /** Takes all chunks. */
  clear(): ReadonlyArray<InFlightChunk> {
    const all = Array.from(this.chunks.values())
    this.chunks.clear()
    return all
  }
}

/** The credit that a chunk uses, from `MIN_CREDIT` to 1. A chunk of unknown duration uses 1. */
export const usedCredit = ({ chunk, open }: InFlightChunk): number =>
  chunk.expectedMicros === 0 ? 1 : Math.min(1, Math.max(MIN_CREDIT, (chunk.expectedMicros * open) / CHUNK_MICROS))
