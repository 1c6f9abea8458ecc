/**
 * The time in which no worker has joined and the executor says that none can be had. Each task that waits then fails
 * with `NoWorker` once it has waited for the executor's timeout.
 *
 * Must stay true: the wait of a task counts from when its caller gave it, or from when the last worker left if that is
 * later. Of an execution, whose tasks are pulled when a worker asks, it counts from when the execution had something to
 * start. All tasks fail at most 1/32 of the timeout late, so that many tasks cost few passes over the run queue.
 */
import * as Duration from "effect/Duration"
import * as TaskFailure from "../../TaskFailure.ts"
import type { Timer, Timers } from "../timers.ts"
import type { Outcomes } from "./outcomes.ts"
import type { TaskEntry } from "./producer.ts"
import type { Quarantine } from "./quarantine.ts"
import type { RunQueue } from "./runQueue.ts"
import type { ProducerSubscription } from "./subscription.ts"
import type { UnservedTasks } from "./unserved.ts"

interface WorkerAbsenceParts {
  readonly timers: Timers
  readonly outcomes: Outcomes
  readonly runQueue: RunQueue
  readonly quarantine: Quarantine
  readonly unserved: UnservedTasks
}

/** Passes over the run queue in one timeout, at most. */
const PASSES = 32

export class WorkerAbsence {
  private readonly parts: WorkerAbsenceParts
  private readonly since: number
  private timeout = 0
  private cause: unknown
  private timer: Timer | undefined
  /** Pulling a source may call `check`. */
  private expiring = false

  constructor(parts: WorkerAbsenceParts) {
    this.parts = parts
    this.since = parts.timers.now()
  }

  /** Takes the latest cause, and the timeout in milliseconds. */
  report(cause: unknown, timeout: number): void {
    this.cause = cause
    this.timeout = timeout
    this.check()
  }

  /** A worker has joined. */
  end(): void {
    if (this.timer !== undefined) this.parts.timers.clear(this.timer)
    this.timer = undefined
  }

  /** The producer has something to start: `given`, if that is one task. */
  waits(subscription: ProducerSubscription, given: TaskEntry | undefined): void {
    const now = this.parts.timers.now()
    if (given !== undefined) given.waitsSince = now
    if (!subscription.queued) subscription.waitsSince = now
  }

  /** Fails the tasks whose time is over. To be called when tasks begin to wait. */
  check(): void {
    if (this.expiring || (this.timer !== undefined && this.timeout > 0)) return
    this.end()
    this.expiring = true
    this.expire()
    this.expiring = false
  }

  private expire(): void {
    const { outcomes, quarantine, runQueue, timers, unserved } = this.parts
    const now = timers.now()
    const limit = now - this.timeout
    const reject = (entry: TaskEntry) => {
      const waited = Duration.millis(Math.round(now - this.startOf(entry)))
      // If it is retried, its next wait begins now.
      entry.waitsSince = now
      outcomes.reject(
        entry,
        "none",
        new TaskFailure.NoWorker({ waited, ...(this.cause === undefined ? {} : { cause: this.cause }) })
      )
    }
    if (this.since <= limit) {
      for (const entry of quarantine.clear()) reject(entry)
      for (const entry of unserved.clear()) reject(entry)
    }
    let earliest = Infinity
    for (let left = runQueue.length; left > 0; left--) {
      const subscription = runQueue.shift()!
      const start = Math.max(this.since, subscription.waitsSince)
      if (start > limit) {
        earliest = Math.min(earliest, start)
        runQueue.add(subscription)
        continue
      }
      for (let entry = subscription.shift(); entry !== undefined; entry = subscription.shift()) {
        const start = this.startOf(entry)
        if (start <= limit) {
          reject(entry)
          continue
        }
        earliest = Math.min(earliest, start)
        runQueue.requeue(entry)
        break
      }
    }
    // Tasks that begin to wait meanwhile are due after these.
    if (earliest === Infinity && runQueue.length === 0) return
    const wait = earliest === Infinity ? this.timeout : earliest - limit
    this.timer = timers.set(Math.max(wait, this.timeout / PASSES), () => {
      this.timer = undefined
      this.check()
    })
  }

  private startOf({ waitsSince, subscription }: TaskEntry): number {
    return Math.max(this.since, waitsSince, (subscription as ProducerSubscription).waitsSince)
  }
}
