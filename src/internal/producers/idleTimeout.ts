/**
 * Measures how long an execution has gone without a completed task. The clock runs
 * only while one of its tasks runs and the consumer waits: not while its tasks wait
 * for slots that others have, for a worker that starts, or for a retry.
 *
 * Must stay true: `expired` is called once, and only after the clock has run for
 * the whole bound since the last completed task. A completed task costs no timer.
 */
import type { Timer, Timers } from "../timers.ts"

export class IdleTimeout {
  private left: number
  /** When it started to run, or `undefined` while it stands still. */
  private since: number | undefined
  private timer: Timer | undefined
  private readonly bound: number
  private readonly timers: Timers
  private readonly expired: () => void

  constructor(bound: number, timers: Timers, expired: () => void) {
    this.bound = bound
    this.left = bound
    this.timers = timers
    this.expired = expired
  }

  completed(): void {
    this.left = this.bound
    if (this.since !== undefined) this.since = this.timers.now()
  }

  run(running: boolean): void {
    if (running === (this.since !== undefined)) return
    if (running) {
      this.since = this.timers.now()
      this.timer ??= this.timers.set(this.left, this.check)
    } else {
      this.left -= this.timers.now() - this.since!
      this.since = undefined
    }
  }

  stop(): void {
    this.since = undefined
    if (this.timer !== undefined) this.timers.clear(this.timer)
    this.timer = undefined
  }

  // The timer is not moved by completed tasks: when it fires, it is set again for the time that is left.
  private readonly check = (): void => {
    this.timer = undefined
    if (this.since === undefined) return
    const left = this.left - (this.timers.now() - this.since)
    if (left <= 0) this.expired()
    else this.timer = this.timers.set(left, this.check)
  }
}
