/**
 * The logs, spans and output of a thread on their way to the main thread: in order, and bounded. At most
 * `SharedState.maxTelemetry` records are in flight. Further ones wait in the thread, up to 1,000; then the oldest are
 * dropped and counted. So a thread that logs without end fills neither its own memory nor the main thread's. See "Telemetry" in
 * docs/internals/threads-protocol.md.
 */
import { Deque } from "../../deque.ts"
import type { FromThread } from "../protocol/messages.ts"
import type { SharedState } from "../protocol/sharedState.ts"
import type { TelemetryRecord } from "../protocol/telemetry.ts"

/** Records that wait while too many are in flight. */
const MAX_WAITING = 1000

export class TelemetryBuffer {
  private readonly sharedState: Pick<SharedState, "acquireTelemetry" | "withholdTelemetry">
  private readonly waiting = new Deque<TelemetryRecord>()
  private dropped = 0
  private readonly onRecord: (record: TelemetryRecord) => void

  /** @param onRecord called when there is a record to send */
  constructor(
    sharedState: Pick<SharedState, "acquireTelemetry" | "withholdTelemetry">,
    onRecord: (record: TelemetryRecord) => void
  ) {
    this.sharedState = sharedState
    this.onRecord = onRecord
  }

  add(record: TelemetryRecord): void {
    this.waiting.push(record)
    if (this.waiting.length > MAX_WAITING) {
      this.waiting.shift()
      this.dropped++
    }
    this.onRecord(record)
  }

  /** Adds a message with the records that may be sent. */
  readonly collect = (add: (message: FromThread) => void): void => {
    if (this.waiting.length === 0) return
    const records: Array<TelemetryRecord> = []
    while (this.waiting.length > 0 && this.acquire()) records.push(this.waiting.shift()!)
    if (records.length === 0) return
    add(["telemetry", records, this.dropped])
    this.dropped = 0
  }

  private acquire(): boolean {
    if (this.sharedState.acquireTelemetry()) return true
    // The flag is set before the second try. In the other order, the main thread could release the last record
    // between the two without seeing the flag, and the waiting records would stay here.
    this.sharedState.withholdTelemetry()
    return this.sharedState.acquireTelemetry()
  }
}
