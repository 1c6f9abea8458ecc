/**
 * Finds out whether a thread makes progress: whether it claims or settles items. A thread that makes none while items
 * run is held up by them, whether they keep it busy or wait themselves, and what waits behind them is better run
 * elsewhere. A thread in which nothing runs is only slow to begin, and its items would wait elsewhere as well.
 */
import type { Requests } from "./requests.ts"

/** How long items may hold up those behind them, in milliseconds. */
const MAX_STALL = 4

export class Progress {
  private readonly requests: Requests
  private readonly concurrency: number
  /** Items claimed and settled at the last tick, and the time since when there were no more. */
  private seen = 0
  private since = 0

  constructor(requests: Requests, concurrency: number) {
    this.requests = requests
    this.concurrency = concurrency
  }

  /** A request is about to be opened: if the thread has nothing left to claim, the time starts now. */
  beforeOpen(): void {
    if (this.requests.all.every((request) => this.requests.claimed(request) >= request.limit)) {
      this.since = performance.now()
    }
  }

  /** `settled`: the items that the thread has settled so far. */
  observe(now: number, settled: number): "progressed" | "stalled" | undefined {
    const { requests } = this
    let seen = settled
    let running = 0
    let waiting = false
    for (const request of requests.all) {
      const claimed = requests.claimed(request)
      seen += claimed
      waiting ||= claimed < request.limit
      for (let at = request.first; at < claimed; at++) if (request.isOpen(at)) running++
    }
    if (seen !== this.seen) {
      this.seen = seen
      this.since = now
      return "progressed"
    }
    const blocked = running > 0 && (waiting || running >= this.concurrency)
    return blocked && now - this.since >= MAX_STALL ? "stalled" : undefined
  }
}
