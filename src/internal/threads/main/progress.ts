/**
 * Finds out whether a thread makes progress: whether it claims or settles items. A thread that makes none while items
 * run is held up by them, whether they keep it busy or wait themselves, and the items behind them are better run
 * elsewhere. A thread in which nothing runs is only slow to begin, and its items would wait elsewhere as well.
 *
 * In a thread that runs one item at a time, an item that takes no longer than expected holds nothing up: the next one
 * stays behind it, so that the thread need not wait for the main thread between two items. If another thread has a free
 * slot, that one gets it all the same (`ThreadHandle.rebalance`).
 */
import type { Request } from "./request.ts"
import type { Requests } from "./requests.ts"

/** How long items of unknown length may hold up those behind them, in milliseconds. */
const MIN_STALL = 4

/** How long items may do so that were expected to take long, in milliseconds. */
const MAX_STALL = 100

/** An item that takes so many times longer than expected holds up those behind it. */
const MAX_FACTOR = 4

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
    let stall = MIN_STALL
    for (const request of requests.all) {
      const claimed = requests.claimed(request)
      seen += claimed
      waiting ||= claimed < request.limit
      for (let at = request.first; at < claimed; at++) {
        if (!request.isOpen(at)) continue
        running++
        if (this.concurrency === 1) stall = Math.max(stall, maxStall(request, at))
      }
    }
    if (seen !== this.seen) {
      this.seen = seen
      this.since = now
      return "progressed"
    }
    const blocked = running > 0 && (waiting || running >= this.concurrency)
    return blocked && now - this.since >= stall ? "stalled" : undefined
  }
}

/** How long a running item may hold up others, in milliseconds. One that may have to be ended by force holds up none. */
const maxStall = (request: Request, at: number): number =>
  request.timed || !request.isIdempotent(at)
    ? MIN_STALL
    : Math.min(MAX_STALL, request.segmentOf(at).chunk.expectedMicros * MAX_FACTOR / 1000)
