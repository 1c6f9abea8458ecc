/**
 * The requests in flight to one thread, and the claims on their items in shared memory. All outcomes and revocations
 * of items pass through here, so that an item is settled with the scheduler and closed in its request together.
 * A request keeps its slot until the thread has reported that no outcome of it follows, even if all of it was revoked.
 * See "Revoke" in docs/internals/threads-protocol.md.
 */
import type * as Executor from "../../../Executor.ts"
import type { EncodedResults } from "../protocol/messages.ts"
import type { ItemPosition, ItemStates } from "../protocol/sharedState.ts"
import { Request } from "./request.ts"

/** The members of the scheduler that take the outcomes and returns of items. */
export type ItemSink = Pick<Executor.Scheduler, "succeed" | "fail" | "requeue">

export class Requests {
  private readonly sharedState: ItemStates
  private readonly sink: ItemSink
  /**
   * Not a Map: the table that a growing Map leaves behind refers to its successor, so that an old table keeps all
   * later ones alive, with the tasks in them, until the next full collection: 80 MB were seen after a million tasks.
   */
  private inFlight: Array<Request> = []
  private readonly slots: Array<Request | undefined>
  private lastId = 0
  private sentCount = 0

  constructor(sharedState: ItemStates, sink: ItemSink) {
    this.sharedState = sharedState
    this.slots = Array.from({ length: sharedState.requestSlots }, () => undefined)
    this.sink = sink
  }

  /** In the order in which they were opened. */
  get all(): ReadonlyArray<Request> {
    return this.inFlight
  }

  get empty(): boolean {
    return this.inFlight.length === 0
  }

  /** No slot is free. */
  get full(): boolean {
    return this.inFlight.length >= this.slots.length
  }

  /** Items without an outcome. */
  get open(): number {
    let open = 0
    for (const request of this.inFlight) open += request.open
    return open
  }

  /** Items that the thread was sent, without those that were revoked. */
  get sent(): number {
    return this.sentCount
  }

  /** The request of an item that runs alone, because it may have ended a thread before. */
  get quarantined(): Request | undefined {
    const [request] = this.inFlight
    return request?.open === 1 && request.segments[0].chunk.quarantined ? request : undefined
  }

  find(id: number): Request | undefined {
    return this.inFlight.find((request) => request.id === id)
  }

  /** A request for a chunk. It can be extended, or revoked, until it is published. */
  add(chunk: Executor.Chunk): Request {
    const request = new Request(++this.lastId, this.slots.indexOf(undefined), chunk)
    this.slots[request.requestSlot] = request
    this.inFlight.push(request)
    this.sharedState.open(request.requestSlot, 0)
    this.sentCount += chunk.size
    return request
  }

  /** Adds a chunk to a request that is not published. */
  extend(request: Request, chunk: Executor.Chunk): void {
    request.add(chunk)
    this.sentCount += chunk.size
  }

  /** Lets the thread claim the items of the request. */
  publish({ limit, requestSlot }: Request): void {
    this.sharedState.open(requestSlot, limit)
  }

  /** No outcome of the request follows. */
  close(request: Request): void {
    this.inFlight.splice(this.inFlight.indexOf(request), 1)
    this.slots[request.requestSlot] = undefined
  }

  clear(): void {
    this.inFlight = []
  }

  // --- items -----------------------------------------------------------------

  succeed(request: Request, at: number, value: unknown): void {
    const { chunk, start } = request.segmentOf(at)
    request.close(at)
    this.sink.succeed(chunk, at - start, value)
  }

  /** Items of a request with encoded payloads have succeeded, from `from` up to, not including, `to`. */
  succeedEncoded(request: Request, { bytes, from, to }: EncodedResults, micros: number): void {
    for (let at = from; at < to; at++) request.close(at)
    request.encoded!.succeed(from, to, bytes, micros)
  }

  fail(request: Request, at: number, failure: Executor.WireFailure): void {
    const { chunk, start } = request.segmentOf(at)
    request.close(at)
    this.sink.fail(chunk, at - start, failure)
  }

  /** The number of items that the thread has claimed: all items before it are claimed. */
  claimed({ requestSlot }: Request): number {
    return this.sharedState.claimed(requestSlot)
  }

  /** The thread does not start the handler of the item, if it has not yet. */
  markCancelled({ requestSlot }: Request, at: number): void {
    this.sharedState.markCancelled(requestSlot, at)
  }

  /** Whether the item has ended in the thread, though its outcome may not have arrived. */
  hasEnded({ requestSlot }: Request, at: number): boolean {
    return this.sharedState.hasEnded(requestSlot, at)
  }

  /** The item that ended the thread. */
  culprit(): { readonly request: Request | undefined; readonly at: number } | undefined {
    const position: ItemPosition | undefined = this.sharedState.culprit()
    return position && { request: this.slots[position.requestSlot], at: position.at }
  }

  // --- revocation ------------------------------------------------------------

  /** Revokes the items of a request that the thread has not claimed, and gives them back to the scheduler. */
  revoke(request: Request): void {
    const { limit, requestSlot, segments } = request
    const from = this.sharedState.revoke(requestSlot)
    if (from >= limit) return
    this.sentCount -= limit - from
    request.truncate(from)
    for (const { chunk, start } of segments) {
      const end = Math.min(limit - start, chunk.size)
      if (start + end > from) this.sink.requeue(chunk, Math.max(0, from - start), end)
    }
  }

  /** Revokes all unclaimed items. */
  revokeAll(): void {
    for (const request of this.inFlight.slice()) this.revoke(request)
  }

  /** Revokes all unclaimed items that can run elsewhere: those whose buffers were copied, not moved. */
  revokeCopied(): void {
    for (const request of this.inFlight.slice()) if (!request.moved) this.revoke(request)
  }
}
