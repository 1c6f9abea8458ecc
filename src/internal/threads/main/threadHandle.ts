/**
 * One worker thread as a lane: sends it chunks, hands its outcomes on, takes back
 * what a long task holds up, and ends it where a task does not stop.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type ResourceLimits, Worker } from "node:worker_threads"
import type * as Executor from "../../../Executor.ts"
import * as Codec from "../../encoding/codec.ts"
import { fromColumns, toColumns } from "../../encoding/columns.ts"
import { wireSpan } from "../../encoding/span.ts"
import type { Done, Extras, FromThread, ThreadData, ToThread } from "../protocol/messages.ts"
import { ThreadOutbox } from "../protocol/outbox.ts"
import { SharedState } from "../protocol/sharedState.ts"
import type { TelemetryRecord } from "../protocol/telemetry.ts"
import { buffersOf, copyLarge } from "../protocol/transfer.ts"
import type { PoolOptions } from "./options.ts"
import { type Deadline, Request, type RequestSegment } from "./request.ts"
import * as Telemetry from "./telemetry.ts"

/** How long an item may hold up those behind it, in milliseconds. */
const HOLD = 4

/**
 * Small chunks under way at once, refilled when half of them are done: with one the thread waits for each next one,
 * and with few at a time both sides spend most of their time on waking each other.
 */
const MANY = 64

/** Work that waits in the thread, in microseconds, above which two chunks are enough, and others may have of it. */
const AHEAD = 2000

/**
 * Payloads under way in all threads, in bytes, above which two chunks in each are enough. More gain nothing, and memory
 * that swings by some tens of megabytes makes V8 collect everything over and over: bytes took three times as long.
 */
const AHEAD_BYTES = 32 * 1024 * 1024

/**
 * Of a thread, in megabytes. V8's own bound, 48 MB or more, is what every thread grows to, however little is alive; of
 * handlers that parse and map megabytes none was slower with this one, and some were by half with 6.
 */
const YOUNG: ResourceLimits = { maxYoungGenerationSizeMb: 12 }

/**
 * At its cap a thread is given 16 MB more to end in. A young generation of the default size, promoted all at once,
 * takes more than that, and V8 then aborts the whole process: seen in one of six such threads, with this in none.
 */
const YOUNG_OF_CAPPED: ResourceLimits = { maxYoungGenerationSizeMb: 4 }

/** The pool, as its threads see it. */
export interface ThreadOwner {
  readonly options: PoolOptions
  readonly scheduler: Executor.Scheduler
  /** Its loggers, tracer and metrics receive the telemetry of threads. */
  readonly context: Context.Context<never>
  /** The codec of the payloads of a type. */
  codecOf(name: string): Codec.Codec
  /** The thread can run tasks. */
  ready(): void
  /** The handlers module cannot be used in the thread. */
  unusable(cause: unknown): void
  /** The thread settled a task, or ended one in time. */
  worked(): void
  log(effect: Effect.Effect<void>): void
  /** The thread has exited. */
  exited(thread: ThreadHandle, started: boolean, cause: unknown): void
  /** The thread got work: it is watched until it has none. */
  startMonitor(): void
}

export class ThreadHandle implements Executor.Lane {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly moves = true
  idleSince: number | undefined
  private readonly pool: ThreadOwner
  private readonly worker: Worker
  private readonly claims: SharedState
  private readonly outbox: ThreadOutbox<ToThread>
  private readonly metrics: Telemetry.MetricReplay
  /**
   * Not a Map: the table that a growing Map leaves behind refers to its successor, so that one which has got old keeps
   * all that follow, with the tasks in them, until the next full collection: seen as 80 MB after a million tasks.
   */
  private flights: Array<Request> = []
  private readonly slots: Array<Request | undefined> = Array.from({ length: SharedState.slots }, () => undefined)
  private flightId = 0
  private joined = false
  private tasks = 0
  /** It starts nothing more and is replaced when what runs has ended. */
  private retiring = false
  /** Items run long: what waits behind them has been taken back, and nothing is sent. */
  private held = false
  /** It is about to be ended: nothing may start that would end with it. */
  private condemned = false
  /** Items settled and claimed at the last look, and since when no more. */
  private claimed = 0
  private claimedAt = 0
  /** It is being terminated, and unless in doubt for a reason that concerns none of what it still held. */
  private ending = false
  private doubt = false
  private error: unknown
  private outOfMemory = false
  private onExit: (() => void) | undefined
  private grace: ReturnType<typeof setTimeout> | undefined

  constructor(pool: ThreadOwner, name: string) {
    const { concurrency, group, handlers, resourceLimits } = pool.options
    const names = Array.from(group.tasks.keys())
    this.pool = pool
    this.name = name
    this.concurrency = concurrency
    this.window = 2 * SharedState.maxChunk
    const shared = SharedState.make()
    this.claims = new SharedState(shared)
    const traced = Telemetry.isTraced(pool.context)
    const data: ThreadData = { handlers, names, concurrency, traced, shared }
    this.metrics = new Telemetry.MetricReplay(pool.context)
    // Compiled, it lies beside this module's folder as .js.
    const entry = import.meta.url.endsWith(".ts") ? "../thread/entry.ts" : "../thread/entry.js"
    this.worker = new Worker(new URL(entry, import.meta.url), {
      workerData: data,
      name: `papyros ${name}`,
      resourceLimits: resourceLimits === undefined ? YOUNG : { ...YOUNG_OF_CAPPED, ...resourceLimits }
    })
    this.outbox = new ThreadOutbox(
      (messages, moved) => this.worker.postMessage(messages, moved),
      this.withoutUnclonable
    )
    this.worker.on("message", this.receive)
    this.worker.on("error", (error: unknown) => {
      this.error = error
      this.outOfMemory = (error as { readonly code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY"
    })
    this.worker.on("exit", this.exited)
  }

  get busy(): boolean {
    return this.flights.length > 0
  }

  /** It could work, and has nothing to do. */
  get idle(): boolean {
    return this.joined && !this.retiring && this.flights.length === 0
  }

  /** More waits for it than it can run. */
  get full(): boolean {
    let open = 0
    for (const flight of this.flights) open += flight.open
    return open > this.concurrency || !this.joined
  }

  // --- work ------------------------------------------------------------------

  wake(): void {
    this.pull()
  }

  private pull(): void {
    let { ahead, bytes, chunks } = this.underWay()
    // Refilled when half of them are done, so that many go at a time.
    const mostBytes = AHEAD_BYTES / this.pool.options.max
    const most = chunks > MANY / 2 || bytes > mostBytes / 2 ? 2 : MANY
    let next: Request | undefined
    while (this.joined && !this.held && !this.condemned && !this.retiring) {
      if (chunks >= 2 && (chunks >= most || ahead >= AHEAD || bytes >= mostBytes)) break
      // What was taken back keeps its slot until the thread comes to it.
      if (this.flights.length >= SharedState.slots) break
      const chunk = this.pool.scheduler.take(this, SharedState.maxChunk)
      if (chunk === undefined) break
      chunks++
      ahead += expectedOf(chunk, chunk.items.length)
      bytes += chunk.bytes * chunk.items.length
      if (next?.fits(chunk, SharedState.maxChunk) === true) {
        next.add(chunk)
      } else {
        if (next !== undefined) this.send(next)
        next = this.open(chunk)
      }
    }
    if (next !== undefined) this.send(next)
    this.outbox.send()
    if (this.flights.length === 0) this.idleSince ??= performance.now()
    else this.pool.startMonitor()
  }

  private flightOf(id: number): Request | undefined {
    return this.flights.find((flight) => flight.id === id)
  }

  /** Chunks without an outcome, microseconds that they are expected to take, and bytes of their payloads. */
  private underWay(): { readonly chunks: number; readonly ahead: number; readonly bytes: number } {
    let chunks = 0
    let ahead = 0
    let bytes = 0
    for (const { openParts, parts } of this.flights) {
      chunks += openParts
      if (openParts === 0) continue
      for (const { chunk, open } of parts) {
        ahead += expectedOf(chunk, open)
        bytes += chunk.bytes * open
      }
    }
    return { ahead, bytes, chunks }
  }

  private open(chunk: Executor.Chunk): Request {
    // What it claims is watched from here on.
    if (this.flights.every((flight) => this.claims.claimed(flight.slot) >= flight.limit)) {
      this.claimedAt = performance.now()
    }
    this.idleSince = undefined
    const flight = new Request(++this.flightId, this.slots.indexOf(undefined), chunk)
    this.slots[flight.slot] = flight
    this.flights.push(flight)
    // It may be taken back before it is sent.
    this.claims.open(flight.slot, 0)
    return flight
  }

  private send(flight: Request): void {
    this.claims.open(flight.slot, flight.limit)
    const moved: Array<ArrayBuffer> = flight.moved ? [...buffersOf(flight.items[0].payload)] : []
    this.outbox.add(this.message(flight, moved))
    this.outbox.move(moved)
  }

  /** Payloads are packed by type. Adds the buffers of copies to those that are moved. */
  private message({ id, items, moved: given, slot }: Request, moved: Array<ArrayBuffer>): ToThread {
    const copied = (bytes: Uint8Array) => copyLarge(bytes, moved)
    const names = [items[0].name]
    const kinds: Array<number> = []
    const payloads: Array<Array<unknown>> = [[]]
    for (const { name, payload } of items) {
      let kind = names.indexOf(name)
      if (kind === -1) {
        kind = names.push(name) - 1
        payloads.push([])
      }
      kinds.push(kind)
      payloads[kind].push(payload)
    }
    const packed = payloads.map((some, kind) => {
      const { shape, withBytes } = this.pool.codecOf(names[kind])
      try {
        return toColumns(
          shape,
          given || withBytes === undefined ? some : some.map((payload) => withBytes(payload, copied))
        )
      } catch {
        // Encoded by another process, and not as the schema has it: the thread refuses it, each by itself.
        return toColumns(undefined, some)
      }
    })
    return ["run", id, slot, names, names.length === 1 ? undefined : kinds, packed, extrasOf(items)]
  }

  /** Something in the chunk cannot be cloned: it fails alone, and the rest is sent. */
  private readonly withoutUnclonable = (message: ToThread): ToThread => {
    if (message[0] !== "run") return message
    const [tag, id, slot, names, kinds, , extras] = message
    const flight = this.flightOf(id)!
    const payloads: ReadonlyArray<Array<unknown>> = names.map(() => [])
    flight.items.forEach(({ payload }, at) => {
      const sent = payloads[kinds === undefined ? 0 : kinds[at]]
      try {
        structuredClone(payload)
        sent.push(payload)
      } catch (error) {
        // What the thread makes of its remains comes too late.
        this.settle(flight, at, { _tag: "Undecodable", part: "payload", message: String(error) })
        sent.push(undefined)
      }
    })
    return [tag, id, slot, names, kinds, payloads.map((some) => toColumns(undefined, some)), extras]
  }

  private settle(flight: Request, at: number, failure: Executor.WireFailure): void {
    const { chunk, start } = flight.partOf(at)
    flight.close(at)
    this.pool.scheduler.fail(chunk, at - start, failure)
  }

  // --- what the thread says --------------------------------------------------

  private readonly receive = (messages: ReadonlyArray<FromThread>): void => {
    for (const message of messages) this.handle(message)
    this.pull()
  }

  private handle(message: FromThread): void {
    switch (message[0]) {
      case "ready":
        this.joined = true
        this.pool.ready()
        this.pool.scheduler.join(this)
        return
      case "unusable": {
        const failure = message[1]
        this.error = failure._tag === "Defect" ? Codec.defect.decode(failure.defect) : failure
        this.pool.unusable(this.error)
        void this.worker.terminate()
        return
      }
      case "done":
        return this.done(message)
      case "fault": {
        const flight = this.flightOf(message[1])
        if (flight !== undefined) this.settle(flight, message[2], message[3])
        else this.pool.log(Effect.logError(`An error in ${this.name} belongs to no running task`, message[3]))
        return this.retire()
      }
      case "doubt":
        this.doubt = true
        return this.kill()
      case "telemetry":
        if (message[2] > 0) {
          this.pool.log(
            Effect.logWarning(`${this.name} logged and printed too fast: ${message[2]} entries were dropped`)
          )
        }
        for (const entry of message[1]) this.report(entry)
        return
      case "metrics":
        return message[1].forEach(this.metrics.apply)
    }
  }

  private report(entry: TelemetryRecord): void {
    switch (entry[0]) {
      case "log":
        this.pool.log(Telemetry.log(entry[1]))
        return this.reported()
      case "span":
        Telemetry.replaySpan(entry[1], this.pool.context)
        return this.reported()
      case "print":
        return Telemetry.print(entry[1], this.reported)
    }
  }

  /** An entry has arrived where it was to go: there is room for another. */
  private readonly reported = (): void => {
    if (!this.claims.closeEntry()) return
    this.outbox.add(["more"])
    this.outbox.send()
  }

  private done([, id, results, failures, micros, last]: Done): void {
    const flight = this.flightOf(id)
    if (flight === undefined) return
    const { scheduler } = this.pool
    const ended: Array<number> = []
    const values: Array<unknown> = []
    for (const { at, packed } of results) {
      const some = fromColumns(packed)
      for (let i = 0; i < some.length; i++) {
        ended.push(typeof at === "number" ? at + i : at[i])
        values.push(some[i])
      }
    }
    for (const [at] of failures) ended.push(at)
    if (ended.length > 0) {
      this.held = false
      scheduler.recordBusy(ended.map((at) => flight.items[at]), micros)
      for (let i = 0; i < values.length; i++) {
        const { chunk, start } = flight.partOf(ended[i])
        flight.close(ended[i])
        scheduler.succeed(chunk, ended[i] - start, values[i])
      }
      for (const [at, failure] of failures) this.settle(flight, at, failure)
      this.tasks += ended.length
      this.pool.worked()
      if (this.tasks >= this.pool.options.maxTasksPerWorker) this.retire()
    }
    if (last) this.land(flight)
  }

  /** The thread is done with a chunk. */
  private land(flight: Request): void {
    this.flights.splice(this.flights.indexOf(flight), 1)
    this.slots[flight.slot] = undefined
    if (this.flights.length === 0) this.held = this.condemned = false
    if (this.retiring && this.flights.length === 0) this.stop()
  }

  // --- stopping --------------------------------------------------------------

  /** Takes back what the thread has not claimed of a chunk. */
  private takeBack(flight: Request): void {
    const { limit, parts, slot } = flight
    const from = this.claims.revoke(slot)
    if (from >= limit) return
    flight.cut(from)
    for (const { chunk, start } of parts) {
      const end = Math.min(limit - start, chunk.items.length)
      if (start + end > from) this.pool.scheduler.requeue(chunk, Math.max(0, from - start), end)
    }
  }

  /** Takes back all that can run elsewhere. */
  private takeBackAll(): void {
    for (const flight of this.flights.slice()) if (!flight.moved) this.takeBack(flight)
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    const { flight, start } = chunk.note as RequestSegment
    const item = start + at
    this.takeBack(flight)
    if (!flight.isOpen(item)) return
    flight.deadlines.set(item, {
      time: performance.now() + this.pool.options.gracePeriod,
      failure: undefined,
      passed: false
    })
    this.outbox.add(["cancel", flight.id, item])
    this.outbox.send()
  }

  /** Starts nothing more and is replaced when what runs has ended. */
  private retire(): void {
    if (this.retiring) return
    this.retiring = true
    this.takeBackAll()
    if (this.flights.length === 0) this.stop()
  }

  /** Ends the thread in good order, and calls back when it has exited. */
  end(exited: () => void): void {
    this.retiring = true
    this.onExit = exited
    this.stop()
  }

  private stop(): void {
    if (this.ending) return
    this.ending = true
    this.outbox.add(["end"])
    this.outbox.send()
    this.grace = setTimeout(() => void this.worker.terminate(), this.joined ? this.pool.options.gracePeriod : 0)
  }

  /** Ends the thread because an item does not stop; whatever else runs in it is innocent. */
  private kill(): void {
    if (this.ending) return
    this.ending = true
    this.retiring = true
    for (const flight of this.flights.slice()) this.takeBack(flight)
    void this.worker.terminate()
  }

  // --- the watch -------------------------------------------------------------

  /** Looks for an item that runs long. */
  look(now: number): void {
    if (!this.busy || this.ending) return
    this.holdBack(now)
    this.endOverdue(now)
  }

  /** Takes back what waits behind items that run long, whether they keep the thread busy or wait themselves. */
  private holdBack(now: number): void {
    let claimed = this.tasks
    let running = 0
    let waiting = false
    for (const flight of this.flights) {
      const next = this.claims.claimed(flight.slot)
      claimed += next
      waiting ||= next < flight.limit
      for (let at = flight.first; at < next; at++) if (flight.isOpen(at)) running++
    }
    if (claimed !== this.claimed) {
      this.claimed = claimed
      this.claimedAt = now
      this.release()
    } else if (running > 0 && (waiting || running >= this.concurrency) && !this.held && now - this.claimedAt >= HOLD) {
      // A thread in which nothing runs is only slow to begin: elsewhere its tasks would wait behind others.
      this.held = true
      this.takeBackAll()
    }
  }

  /** Takes back what waits here if that is much, for another thread that has nothing to do. */
  share(): void {
    let micros = 0
    for (const { limit, parts, slot } of this.flights) {
      micros += Math.max(0, limit - this.claims.claimed(slot)) * parts[parts.length - 1].chunk.expectedMicros
    }
    if (micros > AHEAD) this.takeBackAll()
  }

  /** The thread goes on: it may be sent more. */
  private release(): void {
    if (!this.held) return
    this.held = false
    this.pull()
  }

  /**
   * Ends the thread if something should have ended long ago. The thread itself stops what yields; what does not, or
   * what does not let itself be interrupted, can only be ended from here. Nothing more is started at the first look
   * that finds it; its outcome may be on its way then, and what would be ended may be what came after it.
   */
  private endOverdue(now: number): void {
    const overdue: Array<readonly [flight: Request, at: number, deadline: Deadline]> = []
    let condemned = false
    for (const flight of this.flights) {
      if (flight.timed) this.setDeadlines(flight, now)
      for (const [at, deadline] of flight.deadlines) {
        if (!flight.isOpen(at)) flight.deadlines.delete(at)
        else if (now >= deadline.time && !this.claims.hasEnded(flight.slot, at)) {
          if (deadline.passed) overdue.push([flight, at, deadline])
          deadline.passed = condemned = true
        }
      }
    }
    if (overdue.length > 0) {
      this.kill()
      // It did not fail to work.
      this.pool.worked()
      for (const [flight, at, { failure }] of overdue) if (failure !== undefined) this.settle(flight, at, failure)
    } else if (condemned !== this.condemned) {
      this.condemned = condemned
      if (condemned) this.takeBackAll()
      else this.pull()
    }
  }

  /** Items with a timeout have it from when they were first seen to run. */
  private setDeadlines(flight: Request, now: number): void {
    const { deadlines, items, slot } = flight
    const claimed = this.claims.claimed(slot)
    for (let at = flight.first; at < claimed; at++) {
      const millis = items[at].taskTimeout
      if (millis === undefined || deadlines.has(at) || !flight.isOpen(at)) continue
      deadlines.set(at, {
        time: now + millis + this.pool.options.gracePeriod,
        failure: { _tag: "TimedOut", millis },
        passed: false
      })
    }
  }

  // --- the end ---------------------------------------------------------------

  private readonly exited = (exitCode: number): void => {
    clearTimeout(this.grace)
    if (this.joined) {
      const blame = this.doubt ? "ambiguous" as const : this.ending ? "nobody" as const : undefined
      const blamed = this.doubt ? undefined : this.claims.blamed() ?? this.claims.current()
      this.pool.scheduler.leave(this, {
        exitCode,
        outOfMemory: this.outOfMemory,
        attribution: blame,
        chunks: this.flights.flatMap((flight) => {
          const claimed = this.claims.claimed(flight.slot)
          const guilty = blame === undefined && blamed !== undefined && this.slots[blamed.slot] === flight
            ? blamed.item
            : undefined
          return flight.parts.map(({ chunk, start }) => ({
            chunk,
            started: (at: number) => start + at < claimed,
            culprit: guilty === undefined ? undefined : guilty - start
          }))
        })
      })
    }
    this.flights = []
    const started = this.joined
    this.joined = false
    this.pool.exited(this, started, this.error ?? new Error(`the thread exited with code ${exitCode} while it started`))
    this.onExit?.()
  }
}

/** Of what nothing is known two are enough. */
const expectedOf = ({ expectedMicros: expected }: Executor.Chunk, open: number): number =>
  expected === 0 ? AHEAD : expected * open

/** What few chunks need; nothing where all items are plain. */
const extrasOf = (items: ReadonlyArray<Executor.Item>): Extras | undefined => {
  const attempts = items.some((item) => item.attempt > 1) ? items.map((item) => item.attempt) : undefined
  const timeouts = items.some((item) => item.taskTimeout !== undefined)
    ? items.map((item) => item.taskTimeout)
    : undefined
  const spans = items.some((item) => item.span !== undefined)
    ? items.map(({ span }) => span === undefined ? undefined : wireSpan(span))
    : undefined
  const once = items.some((item) => !item.idempotent)
  return attempts === undefined && timeouts === undefined && spans === undefined && !once
    ? undefined
    : { attempts, timeouts, once, spans }
}
