/**
 * The tasks of one client on the dispatcher of a worker process: an origin whose
 * tasks come encoded over a connection, and whose outcomes go back as they are.
 *
 * A task that must not start in doubt is claimed first, when a slot is free for it,
 * and starts only after the client has confirmed that it heard so.
 */
import * as Duration from "effect/Duration"
import * as Tracer from "effect/Tracer"
import type * as Executor from "../../../Executor.ts"
import type { TaskFailure } from "../../../TaskFailure.ts"
import { Deque } from "../../deque.ts"
import type { TaskStats } from "../../scheduler/chunkSizing.ts"
import { type Producer, TaskEntry } from "../../scheduler/producer.ts"
import type { ProducerSubscription } from "../../scheduler/subscription.ts"
import type * as Task from "../../task.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { Commands, Done, Events, RunCommand } from "../protocol/messages.ts"
import { ConnectionOutbox } from "../protocol/outbox.ts"
import { decodeAll, encodeParts, fromNumbers16, type Sent, toNumbers16, tooLarge } from "../protocol/payloads.ts"
import * as Bytes from "../protocol/serialization.ts"

/** A chunk as its client counts it. */
interface SessionChunk {
  readonly id: number
  /** Tasks of this name have results of this shape. */
  readonly names: ReadonlyArray<string>
  /** By their places, those without an outcome; and how many there are. */
  readonly entries: Array<SessionEntry | undefined>
  open: number
}

class SessionEntry extends TaskEntry {
  readonly chunk: SessionChunk
  readonly at: number
  readonly kind: number
  private readonly callerSpan: Tracer.AnySpan | undefined
  /** It starts only after it was claimed, and that was confirmed. */
  readonly confirms: boolean

  constructor(
    task: Task.Any,
    index: number,
    taskTimeout: number | undefined,
    chunk: SessionChunk,
    at: number,
    kind: number,
    span: Tracer.AnySpan | undefined,
    confirms: boolean
  ) {
    super(task, index, taskTimeout)
    this.chunk = chunk
    this.at = at
    this.kind = kind
    this.callerSpan = span
    this.confirms = confirms || !task["~papyros/Task"].idempotent
  }

  override get span(): Tracer.AnySpan | undefined {
    return this.callerSpan
  }
}

/** News are sent in pieces of about this size. */
const PIECE = 1024 * 1024

export interface ClientSessionOptions {
  readonly served: TaskCatalog
  readonly maxTaskBytes: number
  /** The name of this worker. */
  readonly worker: string
  /** Tasks that it runs at once. */
  readonly slots: number
}

export class ClientSession implements Producer {
  readonly pushed = true
  readonly chunkSize = undefined
  readonly span = undefined
  readonly parent = undefined
  readonly news: ConnectionOutbox<typeof Events.Type>
  private readonly options: ClientSessionOptions
  private link: ProducerSubscription | undefined
  private readonly waiting = new Deque<SessionEntry>()
  /** Claimed, and of these those that may start now. */
  private readonly claiming = new Set<SessionEntry>()
  private readonly confirmed = new Deque<SessionEntry>()
  private readonly chunks = new Map<number, SessionChunk>()
  private count = 0
  // What is to be told.
  private readonly ended = new Map<SessionChunk, Array<SessionEntry>>()
  private returned: Array<SessionEntry> = []
  private claims: Array<SessionEntry> = []
  private credit: number | undefined
  private leaving = false

  constructor(options: ClientSessionOptions) {
    this.options = options
    this.news = new ConnectionOutbox(() => this.collect())
  }

  /** To be called before anything else. */
  attached(link: ProducerSubscription): void {
    this.link = link
  }

  /** Tasks that have no outcome yet. */
  get open(): number {
    let open = 0
    for (const chunk of this.chunks.values()) open += chunk.open
    return open
  }

  // --- what the client says --------------------------------------------------

  /** Throws for orders that no client of this version gives. */
  order({ cancels, confirmed, recall, runs }: typeof Commands.Type): void {
    for (const run of runs) this.run(run)
    for (const { at, chunk } of confirmed) this.confirm(this.chunks.get(chunk)?.entries[at])
    if (cancels.length > 0) this.cancel(cancels.map(({ at, chunk }) => this.chunks.get(chunk)?.entries[at]))
    if (recall) this.recall()
    this.link!.ready()
  }

  private run(run: typeof RunCommand.Type): void {
    const { attempts, first, names, spans, timeouts } = run
    const kinds = fromNumbers16(run.kinds)
    const payloads = decodeAll(run.payloads, kinds, names.map((name) => this.options.served.shapes(name).payload))
    let chunk = this.chunks.get(run.chunk)
    if (chunk === undefined) this.chunks.set(run.chunk, chunk = { id: run.chunk, names, entries: [], open: 0 })
    chunk.open += payloads.length
    payloads.forEach((payload, i) => {
      const timeout = timeouts?.[i] ?? -1
      const span = spans?.[i]
      const entry = new SessionEntry(
        this.options.served.task(names[kinds[i]]),
        this.count++,
        timeout < 0 ? undefined : timeout,
        chunk,
        first + i,
        kinds[i],
        span === undefined || span === null ? undefined : Tracer.externalSpan(span),
        run.confirms
      )
      entry.payload = payload
      // The scheduler counts the start that is to come.
      entry.attempt = (attempts?.[i] ?? 1) - 1
      chunk.entries[entry.at] = entry
      // The client may not have heard yet that nothing more is taken.
      if (this.leaving) this.giveBack(entry)
      else this.waiting.push(entry)
    })
  }

  private confirm(entry: SessionEntry | undefined): void {
    if (entry === undefined || !this.claiming.delete(entry)) return
    this.confirmed.push(entry)
  }

  private cancel(entries: ReadonlyArray<SessionEntry | undefined>): void {
    const running = entries.filter((entry) => entry?.cancelled === false) as ReadonlyArray<SessionEntry>
    for (const entry of this.link!.cancel(running) as ReadonlyArray<SessionEntry>) {
      this.claiming.delete(entry)
      this.giveBack(entry)
    }
  }

  /** Starts nothing more. */
  leave(): void {
    this.leaving = true
    this.recall()
    this.grant(0)
  }

  /** Gives back all that has not started. */
  private recall(): void {
    const tried = this.link!.reclaim() as ReadonlyArray<SessionEntry>
    const entries = [...tried, ...this.confirmed.clear(), ...this.claiming, ...this.waiting.clear()]
    this.claiming.clear()
    for (const entry of entries) if (!entry.cancelled) this.giveBack(entry)
  }

  /** Says how many chunks the client may have under way. */
  grant(credit: number): void {
    this.credit = credit
    this.news.added()
  }

  /** Ends what runs; calls back when it has stopped. */
  end(stopped: () => void): void {
    this.waiting.clear()
    this.confirmed.clear()
    this.link!.end(stopped)
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    for (let entry = this.confirmed.shift(); entry !== undefined; entry = this.confirmed.shift()) {
      if (!entry.cancelled) return entry
    }
    for (let entry = this.waiting.shift(); entry !== undefined; entry = this.waiting.shift()) {
      if (entry.cancelled) continue
      if (!entry.confirms) return entry
      // Whatever is claimed when the connection is lost may have run: as little as keeps the slots busy.
      if (this.claiming.size >= this.options.slots) {
        this.waiting.unshift(entry)
        return undefined
      }
      this.claiming.add(entry)
      this.claims.push(entry)
      this.news.added()
    }
    return undefined
  }

  settled(entry: TaskEntry): void {
    const { chunk } = entry as SessionEntry
    const ended = this.ended.get(chunk)
    if (ended === undefined) this.ended.set(chunk, [entry as SessionEntry])
    else ended.push(entry as SessionEntry)
    this.forget(entry as SessionEntry)
    this.news.added()
  }

  dropped(entry: TaskEntry): void {
    this.giveBack(entry as SessionEntry)
  }

  onCapacity(): void {}

  closed(): void {}

  private giveBack(entry: SessionEntry): void {
    entry.cancelled = true
    this.returned.push(entry)
    this.forget(entry)
    this.news.added()
  }

  private forget({ at, chunk }: SessionEntry): void {
    chunk.entries[at] = undefined
    if (--chunk.open === 0) this.chunks.delete(chunk.id)
  }

  // --- what the client is told -----------------------------------------------

  /** Takes what there is to tell, up to about a piece; the rest waits for the next time. */
  private collect(): typeof Events.Type | undefined {
    const { claims, credit, returned } = this
    if (this.ended.size === 0 && claims.length === 0 && returned.length === 0 && credit === undefined) return undefined
    this.claims = []
    this.returned = []
    this.credit = undefined
    const done: Array<typeof Done.Type> = []
    let bytes = 0
    for (const [chunk, entries] of this.ended) {
      if (bytes > PIECE) break
      this.ended.delete(chunk)
      for (const one of this.encode(chunk, entries)) {
        done.push(one)
        bytes += one.values.length
      }
    }
    return {
      done,
      returned: returned.map(placeOf),
      claims: claims.map(placeOf),
      ...(credit === undefined ? {} : { credit })
    }
  }

  private encode(chunk: SessionChunk, entries: ReadonlyArray<SessionEntry>): ReadonlyArray<typeof Done.Type> {
    const succeeded = entries.filter((entry) => entry.failure === undefined)
    const failures = entries.flatMap((entry) =>
      entry.failure === undefined ? [] : [this.failed(entry, toWire(entry.failure), entry.failure.worker)]
    )
    let micros = 0
    for (const { type } of entries) micros += (type as TaskStats | undefined)?.micros ?? 0
    const parts = encodeParts(
      succeeded.map(({ kind, value }): Sent => ({ kind, value })),
      chunk.names.map((name) => this.options.served.shapes(name).success),
      this.options.maxTaskBytes,
      (at, message) => {
        const entry = succeeded[at]
        failures.push(this.failed(entry, { _tag: "Undecodable", part: "success", message }, undefined))
      }
    )
    const done = parts.map(({ bytes, from, to }): typeof Done.Type => ({
      chunk: chunk.id,
      ats: toNumbers16(succeeded.slice(from, to).map(({ at }) => at)),
      values: bytes,
      failures: [],
      micros: (micros * (to - from)) / entries.length
    }))
    return failures.length === 0
      ? done
      : [...done, { chunk: chunk.id, ats: NOTHING, values: NOTHING, failures, micros: 0 }]
  }

  private failed(
    { at, attempt }: SessionEntry,
    failure: Executor.WireFailure,
    worker: string | undefined
  ): typeof Done.Type["failures"][number] {
    const own = this.options.worker
    const name = worker === undefined ? own : `${own}/${worker}`
    return { at, attempt, worker: name, failure: encodeFailure(failure, this.options.maxTaskBytes) }
  }
}

const NOTHING = new Uint8Array()

const placeOf = ({ at, chunk }: SessionEntry) => ({ chunk: chunk.id, at })

/** A failure whose error is too large, or cannot be cloned, says that instead. */
const encodeFailure = (failure: Executor.WireFailure, limit: number): Uint8Array => {
  let why: string
  try {
    const bytes = Bytes.encode(failure)
    if (bytes.length <= limit) return bytes
    why = tooLarge(bytes.length, limit)
  } catch (error) {
    why = String(error)
  }
  const part = failure._tag === "Failed" ? "error" : "defect"
  return Bytes.encode({ _tag: "Undecodable", part, message: why } satisfies Executor.WireFailure)
}

/** A failure of the worker's own dispatcher, whose errors are still encoded, as it crosses the wire. */
const toWire = ({ reason, trace }: TaskFailure<Task.Any>): Executor.WireFailure => {
  switch (reason._tag) {
    case "Failed":
      return { _tag: "Failed", error: reason.error, trace }
    case "Defect":
      return { _tag: "Defect", defect: reason.defect, trace }
    case "Interrupted":
      return { _tag: "Interrupted", trace }
    case "TimedOut":
      return { _tag: "TimedOut", millis: Duration.toMillis(reason.duration) }
    case "UnknownTask":
      return { _tag: "UnknownTask" }
    case "Undecodable":
      return { _tag: "Undecodable", part: reason.part, message: reason.message }
    case "WorkerLost": {
      const { exitCode, outOfMemory, signal } = reason
      return { _tag: "WorkerLost", exitCode, outOfMemory, signal }
    }
    case "NoWorker":
      return { _tag: "NoWorker", millis: 0, cause: reason.message }
  }
}
