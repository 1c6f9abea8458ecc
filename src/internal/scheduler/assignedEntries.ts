/**
 * The entries of one producer that workers hold: a doubly linked list through the
 * entries themselves, so that a task costs no allocation and cancelling a producer
 * does not look at the entries of others.
 *
 * Must stay true: an entry is in the list of its producer exactly as long as
 * `TaskEntry.assignment` is set, and `size` counts the list.
 */
import type { TaskEntry } from "./producer.ts"

export class AssignedEntries {
  private newest: TaskEntry | undefined = undefined
  private count = 0

  get size(): number {
    return this.count
  }

  add(entry: TaskEntry): void {
    const newest = this.newest
    entry.olderAssigned = newest
    if (newest !== undefined) newest.newerAssigned = entry
    this.newest = entry
    this.count++
  }

  remove(entry: TaskEntry): void {
    const { newerAssigned: newer, olderAssigned: older } = entry
    if (newer === undefined) this.newest = older
    else newer.olderAssigned = older
    if (older !== undefined) older.newerAssigned = newer
    entry.newerAssigned = undefined
    entry.olderAssigned = undefined
    this.count--
  }

  /** Entries with an index above `after`, the last added first. */
  above(after: number): Array<TaskEntry> {
    const entries: Array<TaskEntry> = []
    for (let entry = this.newest; entry !== undefined; entry = entry.olderAssigned) {
      if (entry.index > after) entries.push(entry)
    }
    return entries
  }
}
