/**
 * Puts the outcomes of an ordered execution in the order of its tasks.
 *
 * Must stay true: every outcome with an index below `head` has been handed on,
 * once and in order, and `early` holds only outcomes with greater indexes.
 */
import type { TaskEntry } from "../scheduler/producer.ts"

export class ResultOrder {
  private head = 0
  private readonly early = new Map<number, TaskEntry>()

  /** Adds an outcome. Returned if it is the next in order, else kept for `advance`. */
  add(entry: TaskEntry): TaskEntry | undefined {
    if (entry.index === this.head) return entry
    this.early.set(entry.index, entry)
    return undefined
  }

  /** Outcomes wait for that of an earlier task. */
  get waits(): boolean {
    return this.early.size > 0
  }

  /** The next in order was handed on. Returns the one after it, if its outcome is known. */
  advance(): TaskEntry | undefined {
    const next = this.early.get(++this.head)
    if (next !== undefined) this.early.delete(this.head)
    return next
  }

  /** Drops the outcomes after an index, which are not wanted any more. */
  dropAfter(index: number): void {
    for (const other of this.early.keys()) if (other > index) this.early.delete(other)
  }

  /** Tasks before an index that have no outcome yet. Outcomes after it must have been dropped. */
  missingBefore(index: number): number {
    return index - this.head - this.early.size + (this.early.has(index) ? 1 : 0)
  }

  clear(): void {
    this.early.clear()
  }
}
