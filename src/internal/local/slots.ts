/**
 * The slots of this process: `concurrency` tasks run at once, a task that has lent its slot not counted. Tasks that
 * need a slot again come before tasks that have not started. The handle that starts tasks is told through
 * `onCapacity`, which may call back into `Slots`.
 */
import { Deque } from "../deque.ts"
import type { RunningTask, SlotPool } from "./runningTask.ts"

export class Slots implements SlotPool {
  private readonly concurrency: number
  private readonly onCapacity: () => void
  /** Slots in use. */
  private used = 0
  /** Tasks that have started and not ended, by depth of nesting. */
  private readonly started: Array<number> = []
  /** Tasks that can go on and have no slot, each once. */
  private readonly returning = new Deque<RunningTask>()
  private lender: RunningTask | undefined

  constructor(concurrency: number, onCapacity: () => void) {
    this.concurrency = concurrency
    this.onCapacity = onCapacity
  }

  /** Slots that are free. */
  get free(): number {
    return this.concurrency - this.used
  }

  get allFree(): boolean {
    return this.used === 0
  }

  /** Tasks at this depth that may start. */
  capacityAt(depth: number): number {
    return this.concurrency - (this.started[depth] ?? 0)
  }

  /** Gives a slot to a task that starts. */
  occupy(depth: number): void {
    this.used++
    this.started[depth] = (this.started[depth] ?? 0) + 1
  }

  /** Frees the slot of a task that has ended, unless it is lent. */
  release(depth: number, lent: boolean): void {
    this.started[depth]--
    if (!lent) this.used--
  }

  lend(task: RunningTask): void {
    this.used--
    this.lender = task
    this.onCapacity()
  }

  reclaim(task: RunningTask, resume: () => void): void {
    if (task.resumptions === undefined) {
      task.resumptions = [resume]
      this.returning.push(task)
    } else {
      task.resumptions.push(resume)
    }
    this.onCapacity()
  }

  /** The task that lent its slot last, once: its children start first. */
  takeLender(): RunningTask | undefined {
    const { lender } = this
    this.lender = undefined
    return lender
  }

  /** Gives free slots to tasks that need theirs again; returns whether a slot is left. */
  resumeReturning(): boolean {
    while (this.used < this.concurrency) {
      const task = this.returning.shift()
      if (task === undefined) return true
      const resumptions = task.resumptions!
      task.resumptions = undefined
      // Since it asked, another of its fibers may have begun to wait: the slot then stays lent.
      if (!task.waiting && !task.over) {
        task.lent = false
        this.used++
      }
      for (const resume of resumptions) resume()
    }
    return false
  }
}
