/**
 * A time without workers, from the executor's call of `Scheduler.unavailable` until a worker joins. In that time, each
 * task that has waited for the executor's timeout fails with `NoWorker`.
 *
 * Must stay true: the wait of a task begins when its caller gives it, or when the last worker leaves if that is later.
 * The tasks of an execution are pulled only when a worker asks for them: their wait begins when the execution has
 * something to start. A task fails at most 1/32 of the timeout too late, so that one pass over the run queue serves
 * many tasks.
 */
import * as Duration from "effect/Duration"
import * as TaskFailure from "../../TaskFailure.ts"
import type { Timer, Timers } from "../timers.ts"
import type { Outcomes } from "./outcomes.ts"
import type { TaskEntry } from "./producer.ts"
import type { Quarantine } from "./quarantine.ts"
import type { RunQueue } from "./runQueue.ts"
import { type ProducerSubscription, subscriptionOf } from "./subscription.ts"
import type { UnservedTasks } from "./unserved.ts"

interface WorkerAbsenceParts {
  readonly timers: Timers
  readonly outcomes: Outcomes
  readonly runQueue: RunQueue
  readonly quarantine: Quarantine
  readonly unserved: UnservedTasks
}

/** The largest number of passes over the run queue in one timeout. */
const PASSES = 32

export class WorkerAbsence {
  private readonly parts: WorkerAbsenceParts
  private readonly since: number
  private timeout = 0
  private cause: unknown
  private timer: Timer | undefined
  /** When callers gave single tasks, or when a task began to wait for its retry. */
  private readonly starts = new WeakMap<TaskEntry, number>()
  /** Whether `expire` runs. It pulls sources, which may call `check`. */
  private expiring = false

  constructor(parts: WorkerAbsenceParts) {
    this.parts = parts
    this.since = parts.timers.now()
  }

  /** Takes the latest reason why there is no worker, and the timeout in milliseconds. */
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

  /** A producer has something to start. `given` is the task, if it is a single one. */
  waits(subscription: ProducerSubscription, given: TaskEntry | undefined): void {
    const now = this.parts.timers.now()
    if (given !== undefined) this.starts.set(given, now)
    if (!subscription.queued) subscription.waitsSince = now
  }

  /** Fails the tasks that have waited for the timeout. Must be called when tasks begin to wait. */
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
      this.starts.set(entry, now)
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
    // These wait outside of the run queue, which may be empty.
    let earliest = quarantine.size > 0 || unserved.size > 0 ? this.since : Infinity
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
    // Tasks that begin to wait before the timer fires have waited for the timeout later than these.
    if (earliest === Infinity && runQueue.length === 0) return
    const wait = earliest === Infinity ? this.timeout : earliest - limit
    this.timer = timers.set(Math.max(wait, this.timeout / PASSES), () => {
      this.timer = undefined
      this.check()
    })
  }

  private startOf(entry: TaskEntry): number {
    return Math.max(this.since, this.starts.get(entry) ?? 0, subscriptionOf(entry).waitsSince)
  }
}
