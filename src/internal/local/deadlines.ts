/**
 * The timeouts of tasks that run in this process. One timer serves the earliest deadline of all of them; it is not set
 * anew for each task, and does not keep the process alive for long when none is left. A task that has timed out is
 * interrupted, and its timeout is reported when it has stopped, or after one second; its slot is taken until it has
 * stopped.
 */
import type * as Executor from "../../Executor.ts"
import { interrupt } from "../handlers/handlerRun.ts"
import type { RunningTask } from "./runningTask.ts"

/** How long the outcome of a timed-out task waits for the task to stop, in milliseconds. */
const GRACE = 1000

/** How long the timer may wait while no task runs, in milliseconds. */
const IDLE_WAIT = 100

export class Deadlines {
  private readonly scheduler: Executor.Scheduler
  private readonly tasks = new Set<RunningTask>()
  private timer: { readonly at: number; readonly cancel: Executor.Cancel } | undefined
  /** The timer waits no longer than it may while no task runs. */
  private waitsBriefly = false

  constructor(scheduler: Executor.Scheduler) {
    this.scheduler = scheduler
  }

  /** Interrupts the task at the deadline, in milliseconds of the scheduler's clock. */
  add(task: RunningTask, deadline: number): void {
    task.deadline = deadline
    this.tasks.add(task)
    this.arm(deadline)
  }

  /** The task has ended: decides whether it timed out. `since`: when it started. */
  end(task: RunningTask, since: number): void {
    this.tasks.delete(task)
    task.grace?.()
    // A task that kept the event loop busy may have ended before the timer fired.
    if (task.stopping === undefined && this.scheduler.now() - since > task.item.taskTimeout!) {
      task.stopping = "timedOut"
    }
    if (this.tasks.size === 0 && this.timer !== undefined && !this.waitsBriefly) this.waitBriefly()
  }

  private arm(deadline: number): void {
    if (this.timer !== undefined) {
      if (this.timer.at <= deadline) return
      this.timer.cancel()
    }
    this.waitsBriefly = false
    this.timer = {
      at: deadline,
      cancel: this.scheduler.after(deadline - this.scheduler.now(), this.onTimer)
    }
  }

  /** Once in this time, where tasks run one after the other, and not after each of them. */
  private waitBriefly(): void {
    this.arm(this.scheduler.now() + IDLE_WAIT)
    this.waitsBriefly = true
  }

  private readonly onTimer = (): void => {
    this.timer = undefined
    const now = this.scheduler.now()
    let next = Infinity
    for (const task of Array.from(this.tasks)) {
      if (task.deadline > now) {
        next = Math.min(next, task.deadline)
        continue
      }
      this.tasks.delete(task)
      if (task.stopping !== undefined) continue
      task.stopping = "timedOut"
      task.grace = this.scheduler.after(GRACE, () => {
        this.scheduler.failRunning(task.chunk, task.at, { _tag: "TimedOut", millis: task.item.taskTimeout! })
      })
      interrupt(task)
    }
    if (next !== Infinity) this.arm(next)
  }
}
