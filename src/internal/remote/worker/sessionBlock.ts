/**
 * A run of a client whose tasks need no entries: all of one name, at their first attempt, idempotent, and without timeouts
 * and spans. The main thread of the worker passes its payloads and results on as bytes.
 *
 * Must stay true: each task of the run is answered once, by `succeeded` or by its entry.
 */
import type { TaskBlock, TaskEntry } from "../../scheduler/producer.ts"
import type { SessionChunk, SessionEntry } from "./sessionEntry.ts"

/** The members of a session that a block uses. */
export interface BlockOwner {
  /** Makes the entry of a task. */
  readonly entryOf: (block: SessionBlock, position: number) => SessionEntry
  /** Its tasks from `from` up to, not including, `to` have succeeded, and took so many microseconds each. */
  readonly settledBlock: (block: SessionBlock, from: number, to: number, results: Uint8Array, micros: number) => void
  /** Its payloads, or why they cannot be decoded. */
  readonly payloadsOf: (block: SessionBlock) => ReadonlyArray<unknown> | string
  readonly resultsOf: (block: SessionBlock, results: Uint8Array, count: number) => ReadonlyArray<unknown> | string
  /** Fails an entry whose payload cannot be decoded. */
  readonly refuse: (entry: SessionEntry, why: string) => void
}

export class SessionBlock implements TaskBlock {
  readonly name: string
  readonly size: number
  readonly payloads: Uint8Array
  /** The chunk of the client. */
  readonly of: SessionChunk
  /** The position of its first task in that chunk. */
  readonly first: number
  /** The index of its first entry in the session. */
  readonly index: number
  chunk: TaskBlock["chunk"]
  private readonly owner: BlockOwner
  /** Its entries, once it is open. */
  private made: ReadonlyArray<SessionEntry> | undefined
  private done = 0
  private why: string | undefined

  constructor(
    owner: BlockOwner,
    name: string,
    of: SessionChunk,
    first: number,
    size: number,
    index: number,
    payloads: Uint8Array
  ) {
    this.owner = owner
    this.name = name
    this.of = of
    this.first = first
    this.size = size
    this.index = index
    // The bytes of a frame are valid until the connection reads on.
    this.payloads = new Uint8Array(payloads)
  }

  get isOpen(): boolean {
    return this.made !== undefined
  }

  /** Its entries without an outcome, once it is open. */
  get entries(): ReadonlyArray<SessionEntry> | undefined {
    return this.made?.slice(this.done)
  }

  /** Opens it, wherever it is. */
  expand(): void {
    if (this.made !== undefined) return
    if (this.chunk !== undefined) return void this.chunk.items
    this.open(0)
    this.opened()
  }

  open(from: number): ReadonlyArray<TaskEntry> {
    this.done = from
    const { entries } = this.of
    const payloads = this.owner.payloadsOf(this)
    if (typeof payloads === "string") this.why = payloads
    return this.made = Array.from({ length: this.size }, (_, i) => {
      const entry = this.owner.entryOf(this, i)
      if (typeof payloads !== "string") entry.payload = payloads[i]
      if (i >= from) entries[this.first + i] = entry
      return entry
    })
  }

  opened(): void {
    const { entries, why } = this
    if (why !== undefined && entries !== undefined) { for (const entry of entries) this.owner.refuse(entry, why) }
  }

  decode(results: Uint8Array, count: number): ReadonlyArray<unknown> | string {
    return this.owner.resultsOf(this, results, count)
  }

  succeeded(from: number, to: number, results: Uint8Array, micros: number): void {
    this.done = to
    this.owner.settledBlock(this, from, to, results, micros)
  }
}
