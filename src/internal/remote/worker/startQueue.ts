/**
 * The tasks of one client that have not started at this worker, in the order in which they start.
 *
 * Must stay true: a task with `confirmStart` is claimed when a slot asks for it, and starts only after the client has
 * confirmed the claim. At most as many claims as there are slots wait for their confirmation, because each of them may
 * have run if the connection is lost. Confirmed tasks start first.
 */
import { Deque } from "../../deque.ts"
import { SessionBlock } from "./sessionBlock.ts"
import type { SessionEntry } from "./sessionEntry.ts"

export class StartQueue {
  private readonly slots: number
  private readonly announce: (entry: SessionEntry) => void
  private readonly waiting = new Deque<SessionEntry | SessionBlock>()
  /** Claims that are not confirmed. */
  private readonly claimed = new Set<SessionEntry>()
  private readonly confirmed = new Deque<SessionEntry>()

  /** `announce` tells the client of a claim. */
  constructor(slots: number, announce: (entry: SessionEntry) => void) {
    this.slots = slots
    this.announce = announce
  }

  /** No task waits to be asked for. */
  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  add(task: SessionEntry | SessionBlock): void {
    this.waiting.push(task)
  }

  /** The next tasks to start, if they are a block that is not open and that `fits`. */
  nextBlock(fits: (block: SessionBlock) => boolean): SessionBlock | undefined {
    const first = this.waiting.first
    if (!(first instanceof SessionBlock) || this.confirmed.length > 0) return undefined
    if (first.isOpen || !fits(first)) return undefined
    this.waiting.shift()
    return first
  }

  /** The client has confirmed the claim. A claim that was withdrawn meanwhile is not. */
  confirm(entry: SessionEntry): void {
    if (this.claimed.delete(entry)) this.confirmed.push(entry)
  }

  /** Withdraws the claim of a cancelled task. */
  withdraw(entry: SessionEntry): void {
    this.claimed.delete(entry)
  }

  /** The next task to start, or `undefined`. */
  next(): SessionEntry | undefined {
    for (let entry = this.confirmed.shift(); entry !== undefined; entry = this.confirmed.shift()) {
      if (!entry.cancelled) return entry
    }
    for (let entry = this.waiting.shift(); entry !== undefined; entry = this.waiting.shift()) {
      if (entry instanceof SessionBlock) {
        entry.expand()
        for (const ofBlock of entry.entries!.toReversed()) this.waiting.unshift(ofBlock)
        continue
      }
      if (entry.cancelled) continue
      if (!entry.confirmStart) return entry
      if (this.claimed.size >= this.slots) {
        this.waiting.unshift(entry)
        return undefined
      }
      this.claimed.add(entry)
      this.announce(entry)
    }
    return undefined
  }

  /** Takes every task, also those that are claimed. */
  takeAll(): ReadonlyArray<SessionEntry> {
    const waiting = this.waiting.clear().flatMap((task): ReadonlyArray<SessionEntry> => {
      if (!(task instanceof SessionBlock)) return [task]
      task.expand()
      return task.entries!
    })
    const entries = [...this.confirmed.clear(), ...this.claimed, ...waiting]
    this.claimed.clear()
    return entries.filter(({ cancelled }) => !cancelled)
  }

  /** Nothing more starts. */
  clear(): void {
    this.waiting.clear()
    this.confirmed.clear()
  }
}
