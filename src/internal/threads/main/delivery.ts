/**
 * Finds outcomes that never arrive: a message could not be read on either side, or was lost by a fault. An item that
 * has ended in the thread and stays without an outcome makes the main thread ask the thread to send all that it has.
 * Messages arrive in order, so after the answer no outcome of an earlier moment can follow: an outcome that is missing
 * then is lost, and its item fails. A thread that does not yield does not answer, and nothing is concluded.
 */
import type { WireFailure } from "../../../Executor.ts"
import type { Request } from "./request.ts"
import type { Requests } from "./requests.ts"

/** How often items that have ended are looked for, in milliseconds. */
const INTERVAL = 500

/** A question to the thread, with the items that had ended by then. */
interface Sync {
  readonly id: number
  readonly ended: Map<Request, ReadonlyArray<number>>
  readonly reason: string
}

export class Delivery {
  private readonly requests: Requests
  private readonly ask: (syncId: number) => void
  private readonly fail: (request: Request, at: number, failure: WireFailure) => void
  private readonly close: (request: Request) => void
  private nextLook = 0
  /** Items that had ended at the last look, of requests that are open: the tasks of others must not be retained. */
  private seen: Sync["ended"] = new Map()
  private sync: Sync | undefined
  private lastId = 0

  /**
   * @param ask sends `sync`
   * @param close no outcome of a request follows
   */
  constructor(
    requests: Requests,
    ask: (syncId: number) => void,
    fail: (request: Request, at: number, failure: WireFailure) => void,
    close: (request: Request) => void
  ) {
    this.requests = requests
    this.ask = ask
    this.fail = fail
    this.close = close
  }

  /** Called while the thread is busy. */
  check(now: number): void {
    if (now < this.nextLook || this.sync !== undefined) return
    this.nextLook = now + INTERVAL
    const { seen } = this
    this.seen = this.endedItems()
    for (const [request, items] of this.seen) {
      if (seen.get(request)?.includes(items[0]) === true) return this.start("the message was lost")
    }
  }

  /** A message could not be read. */
  start(reason: string): void {
    if (this.sync !== undefined) return
    this.sync = { id: ++this.lastId, ended: this.endedItems(), reason }
    this.ask(this.lastId)
  }

  /** The thread has reported that no outcome of a request follows: items without one have lost it. */
  closed(request: Request): void {
    this.seen.delete(request)
    if (request.open === 0) return
    for (let at = 0; at < request.size; at++) this.lose(request, at, "the message was lost")
  }

  /** The thread has sent all outcomes that it had when it was asked. */
  answered(syncId: number, open: ReadonlyArray<number>): void {
    const { sync } = this
    if (sync?.id !== syncId) return
    this.sync = undefined
    this.seen = new Map()
    for (const [request, ended] of sync.ended) {
      const known = open.includes(request.id)
      const lost = known ? ended : Array.from({ length: request.size }, (_, at) => at)
      for (const at of lost) this.lose(request, at, sync.reason)
      if (!known && this.requests.find(request.id) === request) this.close(request)
    }
  }

  private lose(request: Request, at: number, reason: string): void {
    if (!request.isOpen(at)) return
    const failure: WireFailure = at < this.requests.claimed(request)
      ? { _tag: "Undecodable", part: "success", message: `its outcome did not arrive: ${reason}` }
      : { _tag: "Undecodable", part: "payload", message: `it did not arrive: ${reason}` }
    this.fail(request, at, failure)
  }

  /** All requests, with their items that have ended and have no outcome. */
  private endedItems(): Sync["ended"] {
    return new Map(this.requests.all.map((request) => {
      const claimed = this.requests.claimed(request)
      const ended: Array<number> = []
      for (let at = request.first; at < claimed; at++) {
        if (request.isOpen(at) && this.requests.hasEnded(request, at)) ended.push(at)
      }
      return [request, ended]
    }))
  }
}
