/**
 * The entries of one producer that workers hold, found through their chunks, so that
 * cancelling a producer does not look at the chunks of others.
 *
 * A share stands for all items of a chunk that come from one producer. A chunk is the
 * share of the producer of its first item, so that most chunks need no other object;
 * an entry costs nothing but a count.
 *
 * Must stay true: `size` counts the entries of the producer whose `assignment` is
 * set, and the chunk of each has one share in the list. A share stays in the list until
 * its whole chunk has its outcomes.
 */
import type { Assignment, TaskEntry } from "./producer.ts"

export interface ChunkItems extends Assignment {
  readonly items: ReadonlyArray<TaskEntry>
}

/** A member of the list of a producer. Its links are written by `AssignedShares` alone. */
export interface ChunkShare {
  readonly chunk: ChunkItems
  newerShare: ChunkShare | undefined
  olderShare: ChunkShare | undefined
}

/** The share of another producer than that of the first item. */
export class FurtherShare implements ChunkShare {
  readonly chunk: ChunkItems
  readonly owner: AssignedShares
  newerShare: ChunkShare | undefined = undefined
  olderShare: ChunkShare | undefined = undefined

  constructor(chunk: ChunkItems, owner: AssignedShares) {
    this.chunk = chunk
    this.owner = owner
  }
}

/** The shares of one producer. */
export class AssignedShares {
  /** Entries that workers hold. Written by `Assignments` alone. */
  size = 0
  private newest: ChunkShare | undefined = undefined

  /** Whether the chunk, which is the newest, has its share. */
  hasShareOf(chunk: ChunkItems): boolean {
    return this.newest?.chunk === chunk
  }

  add(share: ChunkShare): void {
    share.olderShare = this.newest
    if (this.newest !== undefined) this.newest.newerShare = share
    this.newest = share
  }

  remove(share: ChunkShare): void {
    const { newerShare: newer, olderShare: older } = share
    if (newer === undefined) this.newest = older
    else newer.olderShare = older
    if (older !== undefined) older.newerShare = newer
  }

  /** Entries with an index above `after`, those of the newest chunk first. */
  above(after: number): Array<TaskEntry> {
    const entries: Array<TaskEntry> = []
    for (let share = this.newest; share !== undefined; share = share.olderShare) {
      const { chunk } = share
      for (const entry of chunk.items) {
        if (entry.assignment === chunk && entry.index > after && this.owns(entry)) entries.push(entry)
      }
    }
    return entries
  }

  private owns(entry: TaskEntry): boolean {
    return (entry.subscription as { readonly assigned?: AssignedShares } | undefined)?.assigned === this
  }
}
