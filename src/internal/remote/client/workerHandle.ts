/**
 * One connection to a worker process as a lane: sends it chunks as long as it grants
 * credit, hands its outcomes on, and asks back what waits there when another worker
 * has nothing to do. A connection that ends is a loss, unless the worker has said
 * that it leaves.
 */
import type * as Executor from "../../../Executor.ts"
import type { WireSpan } from "../../encoding/span.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { Commands, Done, Events, RunCommand } from "../protocol/messages.ts"
import { ConnectionOutbox } from "../protocol/outbox.ts"
import { decodeAll, encodeParts, fromNumbers16, toNumbers16 } from "../protocol/payloads.ts"
import * as Bytes from "../protocol/serialization.ts"
import { sanitizeForLog } from "../transport/sanitize.ts"

/** The largest chunk that helps. */
export const MAX_CHUNK = 1024

/** How long a chunk should take, in microseconds: it costs some 200 of both sides, and with less work in it that shows. */
export const CHUNK_MICROS = 4000

/** How long a worker that says nothing may keep what has not started from one that is idle, in milliseconds. */
const HOLD = 40

/**
 * A chunk counts against the credit by the work that is expected of it, and at least as this part of one: with few
 * small chunks under way, both sides spend most of their time on waking each other.
 */
const LEAST = 1 / 16

/** Orders are sent in pieces of about this size. */
const PIECE = 1024 * 1024

type Place = typeof Commands.Type["cancels"][number]

/** A chunk under way. */
interface InFlightChunk {
  readonly chunk: Executor.Chunk
  readonly names: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<number>
  /** The items of which it was confirmed that they were claimed. */
  readonly confirmed: Set<number>
  /** Of each item whether it is answered, and how many are not. */
  readonly closed: Uint8Array
  open: number
  sent: boolean
}

export interface ProcessHandleOptions {
  readonly name: string
  readonly slots: number
  readonly maxTaskBytes: number
  readonly served: TaskCatalog
  readonly refuses: (name: string) => string | undefined
  readonly scheduler: Executor.Scheduler
  readonly onJoined: () => void
  /** It has nothing under way any more, and will get nothing. */
  readonly onLeft: () => void
}

export class ProcessHandle implements Executor.Lane {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly unsupported: (name: string) => string | undefined
  readonly orders: ConnectionOutbox<typeof Commands.Type>
  private readonly options: ProcessHandleOptions
  private readonly scheduler: Executor.Scheduler
  private readonly flights = new Map<number, InFlightChunk>()
  private credit = 0
  joined = false
  private leaving = false
  private heard = 0
  // What is to be sent.
  private unsent: Array<InFlightChunk> = []
  private confirmed: Array<Place> = []
  private cancels: Array<Place> = []
  private recall = false

  constructor(options: ProcessHandleOptions) {
    this.options = options
    this.scheduler = options.scheduler
    this.name = options.name
    this.concurrency = options.slots
    this.window = 2 * options.slots * MAX_CHUNK
    this.unsupported = options.refuses
    this.orders = new ConnectionOutbox(() => this.collect())
  }

  get busy(): boolean {
    return this.flights.size > 0
  }

  /** It could work, and has nothing to do. */
  get idle(): boolean {
    return this.joined && !this.leaving && this.flights.size === 0
  }

  // --- the scheduler's side --------------------------------------------------

  wake(): void {
    this.pull()
  }

  private readonly pull = (): void => {
    let used = 0
    for (const { chunk, open } of this.flights.values()) used += shareOf(chunk, open)
    while (this.joined && used < this.credit) {
      const chunk = this.scheduler.take(this, MAX_CHUNK)
      if (chunk === undefined) return
      const names: Array<string> = []
      const kinds = chunk.items.map(({ name }) => {
        const kind = names.indexOf(name)
        return kind === -1 ? names.push(name) - 1 : kind
      })
      const flight = {
        chunk,
        names,
        kinds,
        confirmed: new Set<number>(),
        closed: new Uint8Array(kinds.length),
        open: kinds.length,
        sent: false
      }
      chunk.note = flight
      used += shareOf(chunk, flight.open)
      if (this.flights.size === 0) this.heard = performance.now()
      this.flights.set(chunk.id, flight)
      this.unsent.push(flight)
      this.orders.added()
    }
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    this.cancels.push({ chunk: chunk.id, at })
    this.orders.added()
  }

  // --- what is sent ----------------------------------------------------------

  private collect(): typeof Commands.Type | undefined {
    const runs: Array<typeof RunCommand.Type> = []
    let bytes = 0
    while (bytes < PIECE) {
      const flight = this.unsent.shift()
      if (flight === undefined) break
      flight.sent = true
      for (const run of this.encode(flight)) {
        runs.push(run)
        bytes += run.payloads.length
      }
    }
    const { cancels, confirmed, recall } = this
    if (runs.length === 0 && cancels.length === 0 && confirmed.length === 0 && !recall) return undefined
    this.cancels = []
    this.confirmed = []
    this.recall = false
    return { runs, confirmed, cancels, recall }
  }

  /** A payload that is too large fails alone. */
  private encode({ chunk, kinds, names }: InFlightChunk): ReadonlyArray<typeof RunCommand.Type> {
    const { items } = chunk
    const { maxTaskBytes, served } = this.options
    const parts = encodeParts(
      items.map(({ payload }, at) => ({ kind: kinds[at], value: payload })),
      names.map((name) => served.shapes(name).payload),
      maxTaskBytes,
      (at, message) => {
        this.fail(chunk, at, { _tag: "Undecodable", part: "payload", message })
        // It has made room.
        queueMicrotask(this.pull)
      }
    )
    return parts.map(({ bytes, from, to }): typeof RunCommand.Type => {
      const some = items.slice(from, to)
      return {
        chunk: chunk.id,
        first: from,
        names,
        kinds: toNumbers16(kinds.slice(from, to)),
        payloads: bytes,
        confirms: chunk.quarantined,
        ...(some.some(({ attempt }) => attempt > 1) ? { attempts: some.map(({ attempt }) => attempt) } : {}),
        ...(some.some(({ taskTimeout }) => taskTimeout !== undefined)
          ? { timeouts: some.map(({ taskTimeout }) => taskTimeout ?? -1) }
          : {}),
        ...(some.some(({ span }) => span !== undefined) ? { spans: some.map(spanOf) } : {})
      }
    })
  }

  // --- what the worker says --------------------------------------------------

  /** Throws for what no worker of this version says. */
  hear({ claims, credit, done, returned }: typeof Events.Type): void {
    if (done.length > 0) this.heard = performance.now()
    for (const one of done) this.done(one)
    this.returned(returned)
    for (const { at, chunk } of claims) this.claimed(this.flights.get(chunk), at)
    if (credit !== undefined) {
      this.credit = credit
      this.leaving ||= credit === 0
      if (!this.joined && credit > 0) {
        this.joined = true
        this.options.onJoined()
        this.scheduler.join(this)
      }
    }
    this.pull()
    if (this.leaving && this.flights.size === 0) this.options.onLeft()
  }

  private done({ ats, chunk, failures, micros, values }: typeof Done.Type): void {
    const flight = this.flights.get(chunk)
    if (flight === undefined) return
    const { kinds, names } = flight
    const places = fromNumbers16(ats)
    const { items } = flight.chunk
    const shapes = names.map((name) => this.options.served.shapes(name).success)
    const results = places.length === 0 ? [] : decodeAll(values, places.map((at) => kinds[at]), shapes)
    const decoded = failures.map(({ failure }) => toFailure(Bytes.decode(failure)))
    this.scheduler.recordBusy(places.map((at) => items[at]), micros)
    for (let i = 0; i < places.length; i++) {
      this.scheduler.succeed(flight.chunk, places[i], results[i])
      this.close(flight, places[i])
    }
    failures.forEach(({ at, attempt, worker }, i) =>
      this.fail(flight.chunk, at, decoded[i], { attempt, worker: sanitizeForLog(worker) })
    )
  }

  private fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure, ran?: Executor.Ran): void {
    this.scheduler.fail(chunk, at, failure, ran)
    const flight = this.flights.get(chunk.id)
    if (flight !== undefined) this.close(flight, at)
  }

  /** Together where they follow each other, so that they are started together elsewhere. */
  private returned(places: ReadonlyArray<Place>): void {
    const sorted = places.toSorted((a, b) => a.chunk - b.chunk || a.at - b.at)
    for (let i = 0; i < sorted.length;) {
      const { at, chunk } = sorted[i]
      let length = 1
      while (sorted[i + length]?.chunk === chunk && sorted[i + length].at === at + length) length++
      i += length
      const flight = this.flights.get(chunk)
      if (flight === undefined) continue
      for (let item = at; item < at + length; item++) this.close(flight, item)
      this.scheduler.requeue(flight.chunk, at, at + length)
    }
  }

  private claimed(flight: InFlightChunk | undefined, at: number): void {
    // It may have been cancelled meanwhile: then it must not start, and is returned.
    if (flight === undefined || flight.closed[at] === 1) return
    flight.confirmed.add(at)
    this.confirmed.push({ chunk: flight.chunk.id, at })
    this.orders.added()
  }

  private close(flight: InFlightChunk, at: number): void {
    if (flight.closed[at] === 1) return
    flight.closed[at] = 1
    if (--flight.open === 0) this.flights.delete(flight.chunk.id)
  }

  // --- between workers -------------------------------------------------------

  /** Another worker is idle: asks back what this one has not started, if it has said nothing for a while. */
  share(now: number): void {
    if (this.recall || now - this.heard < HOLD) return
    let open = 0
    for (const flight of this.flights.values()) open += flight.open
    if (open <= this.concurrency) return
    this.heard = now
    this.recall = true
    this.orders.added()
  }

  /** The connection has ended. */
  lost(): void {
    if (!this.joined) return
    this.joined = false
    const flights = Array.from(this.flights.values()).filter(({ sent }) => sent)
    this.flights.clear()
    this.unsent = []
    this.scheduler.leave(this, {
      outOfMemory: false,
      attribution: this.leaving ? "nobody" : undefined,
      chunks: flights.map(({ chunk, confirmed }) => ({
        chunk,
        // What had to be claimed before it started, and was not, has not.
        started: (at) => confirmed.has(at) || !(chunk.quarantined || !chunk.items[at].idempotent)
      }))
    })
  }
}

/** What counts of a chunk against the credit. Of what nothing is known as much as can be. */
const shareOf = ({ expectedMicros: expected }: Executor.Chunk, open: number): number =>
  expected === 0 ? 1 : Math.min(1, Math.max(LEAST, (expected * open) / CHUNK_MICROS))

const spanOf = ({ span }: Executor.Item): WireSpan | null =>
  span === undefined ? null : { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }

const tags: ReadonlySet<unknown> = new Set<Executor.WireFailure["_tag"]>([
  "Failed",
  "Defect",
  "TimedOut",
  "Interrupted",
  "UnknownTask",
  "Undecodable",
  "WorkerLost",
  "NoWorker"
])

/** What a worker of the same version says of a failure; its parts are checked where they are used. */
const toFailure = (u: unknown): Executor.WireFailure => {
  if (typeof u === "object" && u !== null && "_tag" in u && tags.has(u._tag)) return u as Executor.WireFailure
  throw new TypeError("a failure of no known kind")
}
