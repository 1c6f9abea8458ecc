/**
 * A task that runs in the thread, with the timer that interrupts it when its time is over. `over` is set once, before
 * its outcome is settled: an error that its asynchronous work throws later is not attributed to it.
 */
import * as HandlerRun from "../../handlers/handlerRun.ts"
import { clampTimeout } from "../../timeout.ts"
import type { ThreadRequest } from "./threadRequest.ts"

export class RunningTask implements HandlerRun.HandlerRun {
  readonly request: ThreadRequest
  readonly at: number
  /** The time at which it started, if it has a timeout; else 0. */
  readonly since: number
  // Owned by `HandlerRun`.
  scope: HandlerRun.HandlerRun["scope"] = undefined
  context: HandlerRun.HandlerRun["context"] = undefined
  fiber: HandlerRun.HandlerRun["fiber"] = undefined
  /** It was interrupted, by the main thread or by its timeout. */
  stopping: "cancelled" | "timedOut" | undefined
  over = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(request: ThreadRequest, at: number, since: number) {
    this.request = request
    this.at = at
    this.since = since
  }

  cancel(): void {
    this.stopping ??= "cancelled"
    HandlerRun.interrupt(this)
  }

  /** Interrupts the task when it has run for `timeout` milliseconds. */
  limit(timeout: number): void {
    const left = timeout - (performance.now() - this.since)
    if (left > 0) {
      // Timers fire up to two milliseconds early: the task then gets another one.
      this.timer = setTimeout(() => this.limit(timeout), clampTimeout(left))
    } else {
      this.stopping = "timedOut"
      HandlerRun.interrupt(this)
    }
  }

  end(): void {
    this.over = true
    if (this.timer !== undefined) clearTimeout(this.timer)
  }
}
