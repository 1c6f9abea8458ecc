/**
 * The deadlines of items that run in a thread, for items that do not stop by themselves. The thread interrupts an
 * item that is cancelled or times out; an item that does not yield, or that does not let itself be interrupted, ends
 * only with its thread, one grace period later.
 *
 * Two ticks must find the same item overdue. At the first one its outcome may be on its way, and the thread may be in
 * an item after it, which would be ended in its place; so no item may start between the two. See "Deadline" in docs/internals/threads-protocol.md.
 */
import type * as Executor from "../../../Executor.ts"
import type { Request } from "./request.ts"
import type { Requests } from "./requests.ts"

/** An item for which its thread is to be terminated. */
export interface OverdueItem {
  readonly request: Request
  readonly at: number
  /** Its outcome; absent if it was cancelled. */
  readonly failure: Executor.WireFailure | undefined
}

export class Deadlines {
  private readonly requests: Requests
  private readonly gracePeriod: number

  constructor(requests: Requests, gracePeriod: number) {
    this.requests = requests
    this.gracePeriod = gracePeriod
  }

  /** The item was told to stop. */
  cancel(request: Request, at: number): void {
    request.deadlines.set(at, { time: performance.now() + this.gracePeriod, failure: undefined, passed: false })
  }

  /** Whether an item has passed its deadline, and the items that two ticks in a row found overdue. */
  check(now: number): { readonly passed: boolean; readonly overdue: ReadonlyArray<OverdueItem> } {
    const overdue: Array<OverdueItem> = []
    let passed = false
    for (const request of this.requests.all) {
      if (request.timed) this.setTimeouts(request, now)
      for (const [at, deadline] of request.deadlines) {
        if (!request.isOpen(at)) request.deadlines.delete(at)
        else if (now >= deadline.time && !this.requests.hasEnded(request, at)) {
          if (deadline.passed) overdue.push({ request, at, failure: deadline.failure })
          deadline.passed = passed = true
        }
      }
    }
    return { passed, overdue }
  }

  /** The timeout of an item runs from the first tick that finds it claimed. */
  private setTimeouts(request: Request, now: number): void {
    const { deadlines, items } = request
    const claimed = this.requests.claimed(request)
    for (let at = request.first; at < claimed; at++) {
      const millis = items[at].taskTimeout
      if (millis === undefined || deadlines.has(at) || !request.isOpen(at)) continue
      deadlines.set(at, {
        time: now + millis + this.gracePeriod,
        failure: { _tag: "TimedOut", millis },
        passed: false
      })
    }
  }
}
