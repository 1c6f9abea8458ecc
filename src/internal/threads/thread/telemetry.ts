/**
 * What handlers in a thread log, trace and print, on its way to the main thread: in
 * order, and bounded. So much may be under way; while the main thread does not
 * come to it the newest wait, the oldest of which are dropped and counted.
 */
import { Deque } from "../../deque.ts"
import type { FromThread } from "../protocol/messages.ts"
import type { SharedState } from "../protocol/sharedState.ts"
import type { TelemetryRecord } from "../protocol/telemetry.ts"

/** Entries that wait while too many are under way. */
const WAITING = 1000

/** The side of the thread. */
export class Telemetry {
  private readonly claims: SharedState
  private readonly waiting = new Deque<TelemetryRecord>()
  private dropped = 0
  private readonly onEntry: (entry: TelemetryRecord) => void

  /** `onEntry` is called when there is something to send. */
  constructor(claims: SharedState, onEntry: (entry: TelemetryRecord) => void) {
    this.claims = claims
    this.onEntry = onEntry
  }

  add(entry: TelemetryRecord): void {
    this.waiting.push(entry)
    if (this.waiting.length > WAITING) {
      this.waiting.shift()
      this.dropped++
    }
    this.onEntry(entry)
  }

  /** Adds what may be sent. */
  readonly collect = (add: (message: FromThread) => void): void => {
    if (this.waiting.length === 0) return
    const entries: Array<TelemetryRecord> = []
    while (this.waiting.length > 0 && this.open()) entries.push(this.waiting.shift()!)
    if (entries.length === 0) return
    add(["telemetry", entries, this.dropped])
    this.dropped = 0
  }

  private open(): boolean {
    if (this.claims.openEntry()) return true
    // Said before it is asked again: else the place that becomes free now would not be heard of.
    this.claims.withhold()
    return this.claims.openEntry()
  }
}
