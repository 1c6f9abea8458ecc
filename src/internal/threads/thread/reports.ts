/**
 * Reports the outcomes of items to the main thread. An item is marked as ended in shared memory before its outcome is
 * sent. Outcomes are sent together where that delays none of them by much; outcomes of a request with an item that is
 * not idempotent are sent one by one, before the next item starts.
 */
import { thread } from "#platform"
import type { HandlerOutcome } from "../../handlers/outcome.ts"
import type { FromThread } from "../protocol/messages.ts"
import type { ThreadOutbox } from "../protocol/outbox.ts"
import type { SharedState } from "../protocol/sharedState.ts"
import type { ThreadRequest } from "./threadRequest.ts"

type ReportedState = Pick<SharedState, "markEnded" | "isExhausted" | "claimed">

export class Reports {
  private readonly sharedState: ReportedState
  private readonly outbox: ThreadOutbox<FromThread>
  /** Requests that are reported at the end of this turn of the event loop. */
  private readonly scheduled = new Set<ThreadRequest>()
  /** The time up to which the work of the thread has been reported. */
  private reportedUntil = 0

  constructor(sharedState: ReportedState, outbox: ThreadOutbox<FromThread>) {
    this.sharedState = sharedState
    this.outbox = outbox
  }

  /** Requests are scheduled: the work since the last report belongs to them. */
  get pending(): boolean {
    return this.scheduled.size > 0
  }

  /** The requests that are reported at the end of this turn of the event loop. */
  get unreported(): Iterable<ThreadRequest> {
    return this.scheduled
  }

  /** The thread begins to work: the time before does not count. */
  startClock(): void {
    this.reportedUntil = performance.now()
  }

  /** The item has ended. */
  settle(request: ThreadRequest, at: number, outcome: HandlerOutcome): void {
    this.sharedState.markEnded(request.requestSlot, at)
    if (outcome._tag === "Success") request.succeed(at, outcome.value, request.handlerOf(at)?.resultShape)
    else request.fail(at, outcome)
    if (request.extras?.once === true) this.send(request)
  }

  /** Adds the outcomes of a request to the outbox. */
  flush(request: ThreadRequest): void {
    const now = performance.now()
    const micros = (now - this.reportedUntil) * 1000
    this.reportedUntil = now
    // The main thread learns with the last outcome that none follows.
    if (!request.exhausted && this.sharedState.isExhausted(request.requestSlot)) {
      request.exhaust(this.sharedState.claimed(request.requestSlot))
    }
    request.closed = request.done
    const [results, failures] = request.take()
    this.outbox.add(["done", request.id, results, failures, micros, request.closed])
    if (request.transferred.length > 0) this.outbox.transfer(request.transferred.splice(0))
  }

  /** Sends the outcomes of a request now, with all others in the outbox. */
  send(request: ThreadRequest): void {
    if (request.reportable) this.flush(request)
    this.outbox.send()
  }

  /** Sends the outcomes of a request together with those of other items that end in this turn of the event loop. */
  sendSoon(request: ThreadRequest): void {
    this.scheduled.add(request)
    if (this.scheduled.size > 1) return
    thread.soon(() => {
      const requests = Array.from(this.scheduled)
      this.scheduled.clear()
      for (const request of requests) {
        if (request.reportable) this.flush(request)
      }
      this.outbox.send()
    })
  }
}
