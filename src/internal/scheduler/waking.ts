/**
 * Wakes parked workers: those whose `take` returned nothing.
 *
 * Must stay true: a parked worker is woken when a task may have become startable on it, and workers with a free slot
 * come first. `wake` may be called while workers are being woken. A worker that throws stops no other one: its error is
 * thrown when all have been woken.
 */
import type { Quarantine } from "./quarantine.ts"
import type { RunQueue } from "./runQueue.ts"
import type { UnservedTasks } from "./unserved.ts"
import type { WorkerAbsence } from "./workerAbsence.ts"
import type { Workers } from "./workers.ts"

export interface WakingOptions {
  readonly workers: Workers
  readonly runQueue: RunQueue
  readonly quarantine: Quarantine
  readonly unserved: UnservedTasks
  readonly later: (f: () => void) => void
}

export class Waking {
  /** Set while the executor has no worker and says that none can be had. */
  absence: WorkerAbsence | undefined
  private readonly options: WakingOptions
  /** Workers are being woken, and whether something may have become startable meanwhile. */
  private waking = false
  private startable = false
  /** The error of the first worker that threw. */
  private thrown: { readonly error: unknown } | undefined
  private wakesSoon = false
  private closed = false

  constructor(options: WakingOptions) {
    this.options = options
  }

  /** Wakes the parked workers until none finds a task or all are full. */
  wake(): void {
    if (this.closed) return
    if (this.absence !== undefined) return this.absence.check()
    this.startable = true
    if (this.waking) return
    this.waking = true
    while (this.startable) {
      this.startable = false
      // A task must not wait behind others on one worker, while another worker has a free slot.
      this.wakeParked(true)
      this.wakeParked(false)
    }
    this.waking = false
    if (this.thrown === undefined) return
    const { error } = this.thrown
    this.thrown = undefined
    throw error
  }

  /** Wakes the parked workers that have a free slot, or those that have none, while there is anything to take. */
  private wakeParked(freeSlot: boolean): void {
    const { quarantine, runQueue, unserved, workers } = this.options
    for (const worker of workers) {
      if (runQueue.length === 0 && quarantine.size === 0 && unserved.size === 0) return
      if (!worker.parked || worker.assigned < worker.handle.concurrency !== freeSlot) continue
      worker.parked = false
      try {
        worker.handle.wake()
      } catch (error) {
        // A worker of another executor.
        this.thrown ??= { error }
      }
    }
  }

  /** Wakes them once, in a later turn of the event loop. */
  wakeSoon(): void {
    if (this.wakesSoon) return
    this.wakesSoon = true
    this.options.later(() => {
      this.wakesSoon = false
      this.wake()
    })
  }

  /** Wakes no worker from now on. */
  close(): void {
    this.closed = true
  }
}
