/**
 * The knowledge of each side about the other without shared memory, in pages that are not cross-origin isolated: it
 * comes from messages alone. All items that were sent count as started, so a thread is sent one request for each slot, and no item
 * can be revoked. See "Without shared memory" in docs/internals/threads-protocol.md.
 */
import { type ItemStates, SharedState } from "./sharedState.ts"

/** Telemetry records that the main thread acknowledges together. */
const ACKNOWLEDGED = 100

/** The members that only memory could serve. */
class Unshared {
  readonly retracts = false
  readonly ticks = 0
  tick(): void {}
  markEnded(): void {}
  hasEnded(): boolean {
    return false
  }
  enterItem(): void {}
  leaveItem(): void {}
  setCulprit(): void {}
  culprit(): undefined {}
  withholdTelemetry(): void {}
}

/** The state of the main thread: items are claimed when they are sent. */
export class SentItems extends Unshared implements ItemStates {
  readonly requestSlots: number
  private readonly sizes: Array<number> = []
  private replayed = 0

  constructor(concurrency: number) {
    super()
    this.requestSlots = concurrency
  }

  open(requestSlot: number, items: number): void {
    this.sizes[requestSlot] = items
  }

  claimed(requestSlot: number): number {
    return this.sizes[requestSlot]
  }

  /** None is revoked, unless the request was not sent. */
  revoke(requestSlot: number): number {
    return this.sizes[requestSlot]
  }

  isExhausted(): boolean {
    return true
  }

  releaseTelemetry(): boolean {
    return ++this.replayed % ACKNOWLEDGED === 0
  }

  // Of the thread.
  received(): void {}
  claim(): number {
    return -1
  }
  markCancelled(): void {}
  isCancelled(): boolean {
    return false
  }
  acquireTelemetry(): boolean {
    return false
  }
  acknowledgeTelemetry(): void {}
}

/** The state of a thread: the items that it has received. */
export class ReceivedItems extends Unshared implements ItemStates {
  readonly requestSlots = 0
  private readonly next: Array<number> = []
  private readonly sizes: Array<number> = []
  private readonly cancelled: Array<Set<number>> = []
  private telemetryInFlight = 0

  received(requestSlot: number, items: number): void {
    this.next[requestSlot] = 0
    this.sizes[requestSlot] = items
    this.cancelled[requestSlot] = new Set()
  }

  claim(requestSlot: number): number {
    return this.isExhausted(requestSlot) ? -1 : this.next[requestSlot]++
  }

  claimed(requestSlot: number): number {
    return this.next[requestSlot]
  }

  isExhausted(requestSlot: number): boolean {
    return this.next[requestSlot] >= this.sizes[requestSlot]
  }

  /** The main thread counts all of them as started, so the thread starts them. */
  revoke(requestSlot: number): number {
    return this.sizes[requestSlot]
  }

  markCancelled(requestSlot: number, at: number): void {
    this.cancelled[requestSlot].add(at)
  }

  isCancelled(requestSlot: number, at: number): boolean {
    return this.cancelled[requestSlot].has(at)
  }

  acquireTelemetry(): boolean {
    if (this.telemetryInFlight >= SharedState.maxTelemetry) return false
    this.telemetryInFlight++
    return true
  }

  acknowledgeTelemetry(): void {
    this.telemetryInFlight -= ACKNOWLEDGED
  }

  // Of the main thread.
  open(): void {}
  releaseTelemetry(): boolean {
    return false
  }
}
