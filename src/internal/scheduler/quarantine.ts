/**
 * Entries that may have caused the loss of a worker. Each runs again alone, on a
 * worker that is emptied for it, so that a next loss is proof.
 *
 * Must stay true: an entry here has a place of the capacity; a worker runs at
 * most one of them, and nothing beside it; no more workers are emptied than there are
 * entries.
 */
import { Deque } from "../deque.ts"
import type { Preparation } from "./preparation.ts"
import type { TaskEntry } from "./producer.ts"
import { isWanted, subscriptionOf } from "./subscription.ts"
import type { Workers } from "./workers.ts"
import type { WorkerState } from "./workerState.ts"

export class Quarantine {
  private readonly entries = new Deque<TaskEntry>()
  private readonly workers: Workers
  private readonly preparation: Preparation

  constructor(workers: Workers, preparation: Preparation) {
    this.workers = workers
    this.preparation = preparation
  }

  get size(): number {
    return this.entries.length
  }

  add(entry: TaskEntry): void {
    subscriptionOf(entry).places.acquire(entry)
    this.entries.push(entry)
  }

  /** Takes all entries. */
  clear(): Array<TaskEntry> {
    return this.entries.clear()
  }

  /** Whether the worker must take nothing: it runs a quarantined entry, or is being emptied for one. */
  withholds(worker: WorkerState): boolean {
    if (worker.runsQuarantined) return true
    if (worker.assigned === 0) return false
    let occupied = 0
    for (const other of this.workers) if (other.draining || other.runsQuarantined) occupied++
    worker.draining = worker.draining || occupied < this.entries.length
    return worker.draining
  }

  /** The entry that an empty worker runs next, alone. */
  take(worker: WorkerState): TaskEntry | undefined {
    for (let left = this.entries.length; left > 0; left--) {
      const entry = this.entries.shift()!
      if (!isWanted(entry)) {
        subscriptionOf(entry).places.release(entry)
        continue
      }
      if (this.preparation.prepare(entry, worker) === undefined) continue
      worker.runsQuarantined = true
      worker.draining = false
      return entry
    }
    return undefined
  }
}
