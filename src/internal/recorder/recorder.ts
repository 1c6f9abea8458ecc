/**
 * Records the chunks, messages, failures and workers of the dispatchers below one service, in bounded memory.
 * `summary.ts` makes the summaries for users from these records.
 *
 * Must stay true: it works per chunk and per message of a worker, never per task; totals are those of the schedulers;
 * the time in which slots held tasks and the time that workers report are exact, and only the reasons of free slots are
 * sampled. All times are milliseconds since the recording began, unless their name says otherwise.
 */
import type * as TaskFailure from "../../TaskFailure.ts"
import type * as Contract from "../scheduler/contract.ts"
import { causeOf } from "../scheduler/lossCause.ts"
import type { Observable, Observer } from "../scheduler/observer.ts"
import type { FreeReason, TaskEntry } from "../scheduler/producer.ts"
import { typeOf } from "../scheduler/taskTypes.ts"
import type { Chunk, Reading, WorkerState } from "../scheduler/workerState.ts"
import type * as Task from "../task.ts"
import type { Remedies } from "./advice.ts"
import { FreeSlots } from "./budget.ts"
import { Columns } from "./columns.ts"
import { EventLoops } from "./eventLoops.ts"
import { Failures } from "./failures.ts"
import type { WorkerEvent } from "./model.ts"
import type { Row } from "./rows.ts"
import { SegmentRing, SEGMENTS } from "./segments.ts"
import { shortName } from "./sizes.ts"
import { type TypeRecord, TypeRecords } from "./types.ts"
import { busyColumns, firstThatLeft, JoinedWorker, WorkerRecord, WORKERS } from "./workers.ts"

/** Events of workers that are kept. */
const EVENTS = 500

/** Samples of the reasons of free slots, and the time in which there are more of them, in milliseconds. */
const SAMPLE_EVERY = 100
const FIRST_SAMPLES_EVERY = 10
const FIRST = 2000

/** The shortest limit of the length of a merged segment, in milliseconds. */
const SHORTEST_SPAN = 50

export interface RecorderOptions {
  readonly name: string | undefined
  /** How long the latest segments must reach back, in milliseconds. */
  readonly window: number
  readonly payloads: boolean
  readonly remedies?: Remedies | undefined
}

/** The schedulers of one recording, each with its own clock. */
export class Recorder {
  readonly name: string
  readonly types = new TypeRecords()
  readonly segments = new SegmentRing()
  readonly columns = new Columns()
  readonly failures: Failures
  readonly free = new FreeSlots()
  readonly eventLoops = new EventLoops()
  readonly workers: Array<WorkerRecord> = []
  readonly joined = new Map<WorkerState, JoinedWorker>()
  /** The newest last. */
  readonly events: Array<WorkerEvent> = []
  readonly sources: ReadonlyArray<Observable>
  readonly series: {
    readonly succeeded: Float32Array
    readonly failed: Float32Array
    readonly waiting: Float32Array
    readonly running: Float32Array
    readonly slots: Float32Array
    readonly occupied: Float32Array
  }
  /** When it began, in milliseconds of Unix time. */
  readonly startedAtUnix: number
  /** The most slots that there were at a sample. */
  mostSlots = 0
  /** The largest `chunkSize` of an execution. */
  largestChunkSize: number | undefined
  readonly remedies: Remedies | undefined
  private readonly window: number
  private readonly startedAt: number
  private readonly stops: Array<() => void> = []
  private readonly starting = new Map<Observable, number>()
  private startingTime = 0
  private startingAt = 0
  private lastEvent = 0
  /** The chunk that ended last and its row, for a failure that follows. */
  private endedChunk: Chunk | undefined
  private endedRow: Row | undefined
  private lastWorker: JoinedWorker | undefined
  private spanMillis = SHORTEST_SPAN
  /** The latest sample, and the totals at that time. */
  private sampledAt = 0
  private sampledSuccesses = 0
  private sampledFailures = 0
  private sampledOccupied = 0
  private endedAt: number | undefined

  constructor(sources: ReadonlyArray<Observable>, options: RecorderOptions, startedAtUnix: number) {
    this.startedAtUnix = startedAtUnix
    this.sources = sources
    this.name = options.name ?? Array.from(new Set(sources.map(({ name }) => name))).join(" + ")
    this.window = options.window
    this.remedies = options.remedies
    this.failures = new Failures(options.payloads)
    this.series = {
      succeeded: this.columns.make(),
      failed: this.columns.make(),
      waiting: this.columns.make("latest"),
      running: this.columns.make("latest"),
      slots: this.columns.make("latest"),
      occupied: this.columns.make()
    }
    this.startedAt = sources[0].now()
    for (const { status } of sources) {
      this.sampledSuccesses += status.succeeded
      this.sampledFailures += status.failed
    }
    for (const source of sources) {
      for (const counts of source.statistics.all) this.types.get(counts.name).addSource(counts, true)
      // Their next attempt or their outcome is of this recording, and so is the failure that it follows.
      source.eachRetrying((entry) =>
        this.types.get(typeOf(entry).counts.name).addFailureBefore(entry.failure!.reason._tag)
      )
      this.stops.push(source.observe(this.observerOf(source)))
    }
    this.eventLoops.begin()
  }

  /** Milliseconds since the recording began. */
  now(): number {
    return this.endedAt ?? this.sources[0].now() - this.startedAt
  }

  /** A reading of the clock of the schedulers, in milliseconds since the recording began. */
  since(reading: Reading | undefined): number {
    return reading === undefined ? 0 : Math.max(0, reading.at - this.startedAt)
  }

  /** Completes the segments that are open. */
  flush(): void {
    for (const { rows } of this.workers) rows.flush()
  }

  /** Observes no more. The data of the recording can still be read. */
  end(): void {
    if (this.endedAt !== undefined) return
    this.sample()
    this.endedAt = this.now()
    for (const stop of this.stops) stop()
    this.joined.forEach((worker) => worker.freeze(this.endedAt!))
  }

  /** Counts that appeared since this was called last are added to their types. */
  refreshTypes(): ReadonlyArray<TypeRecord> {
    for (const { statistics } of this.sources) {
      for (const counts of statistics.all) this.types.get(counts.name).addSource(counts, false)
    }
    return this.types.all
  }

  /** Milliseconds of slots that were starting. */
  startingUntil(at: number): number {
    let slots = 0
    for (const count of this.starting.values()) slots += count
    return this.startingTime + slots * Math.max(0, at - this.startingAt)
  }

  // --- events ----------------------------------------------------------------

  private observerOf(source: Observable): Observer {
    // A number that is computed again for each call would be an object for each.
    let latest: Reading | undefined
    let at = 0
    const since = (reading: Reading): number => {
      if (reading !== latest) {
        latest = reading
        at = reading.at - this.startedAt
      }
      return at
    }
    return {
      joined: (worker, at) => this.onJoined(worker, since(at)),
      left: (worker, loss, at) => this.onLeft(worker, loss, since(at)),
      starting: (slots, at) => this.onStarting(source, slots, since(at)),
      took: (chunk, at) => this.onTook(chunk, since(at)),
      ran: (worker, micros, at) => this.onRan(worker, micros, since(at)),
      ended: (chunk, at) => this.onEnded(chunk, since(at)),
      failed: (entry, failure, chunk, at) => this.onFailed(entry, failure, chunk, since(at)),
      restarted: (entry, worker, exit, isCulprit, at) => this.onRestarted(entry, worker, exit, isCulprit, since(at))
    }
  }

  private onJoined(state: WorkerState, at: number): void {
    const { concurrency, eventLoop, name } = state.handle
    const record = this.newRecord(state, at)
    record.up++
    record.state = "up"
    record.leftAt = undefined
    record.changed = true
    record.addSlots(concurrency, at)
    this.joined.set(state, new JoinedWorker(state, record, at))
    this.eventLoops.joined(state, eventLoop)
    this.updateSpan()
    this.addEvent("joined", name, null, at)
  }

  /** A record of its own, if need be in the place of the worker that left first, whose sums go to the shared record. */
  private newRecord({ handle: { concurrency, name, sharesThread } }: WorkerState, at: number): WorkerRecord {
    const { workers } = this
    const make = (id: number, name: string, slots: number): WorkerRecord =>
      workers[id] = new WorkerRecord(id, name, slots, sharesThread === true, at, this.columns, this.closeRow)
    if (workers.length < WORKERS) return make(workers.length, shortName(name), concurrency)
    const others = workers[WORKERS] ?? make(WORKERS, "others", Infinity)
    const oldest = firstThatLeft(workers)
    if (oldest === undefined) return others
    oldest.rows.flush()
    others.absorb(oldest, at, this.columns)
    this.segments.reassign(oldest.id, WORKERS)
    return make(oldest.id, shortName(name), concurrency)
  }

  private onLeft(state: WorkerState, loss: Contract.WorkerLoss | undefined, at: number): void {
    const worker = this.joined.get(state)
    if (worker === undefined) return
    worker.advance(0, 0, at)
    const { record } = worker
    record.addSlots(-state.handle.concurrency, at)
    record.changed = true
    if (--record.up === 0) {
      record.state = loss === undefined ? "left" : "lost"
      record.leftAt = at
    }
    this.joined.delete(state)
    this.eventLoops.left(state)
    if (this.lastWorker === worker) this.lastWorker = undefined
    this.updateSpan()
    this.addEvent(
      loss === undefined ? "left" : "lost",
      state.handle.name,
      loss === undefined ? null : causeOf(loss),
      at
    )
  }

  private onStarting(source: Observable, slots: number, at: number): void {
    this.startingTime = this.startingUntil(at)
    this.startingAt = at
    this.starting.set(source, slots)
  }

  private onTook(chunk: Chunk, at: number): void {
    const worker = this.workerOf(chunk.worker)
    if (worker === undefined) return
    const { assigned } = chunk.worker
    const before = assigned - chunk.size
    if (worker.isFull(before)) return
    if (before === 0) worker.reportedAt = at
    worker.advance(before, assigned, at)
    worker.record.changed = true
  }

  private onRan(state: WorkerState, micros: number, at: number): void {
    const worker = this.workerOf(state)
    if (worker === undefined) return
    worker.reportedAt = at
    worker.record.busy += micros
  }

  private onEnded(chunk: Chunk, at: number): void {
    const worker = this.workerOf(chunk.worker)
    if (worker === undefined) return
    const { items } = chunk
    const { assigned } = chunk.worker
    worker.advance(assigned + 1, assigned, at)
    const { record } = worker
    record.changed = true
    const tasks = items.length - chunk.returned
    if (tasks === 0) return
    const type = this.types.get(items[0].name)
    type.chunks++
    type.chunkTasks += tasks
    record.tasks += tasks
    const from = this.since(chunk.taken)
    // Such a worker reports the time of its one thread, not of its slots.
    const busy = record.sharesThread ? (at - from) * 1000 : (chunk.busy ?? 0) / 1000
    this.endedChunk = chunk
    this.endedRow = record.rows.add(from, at, type.id, tasks, chunk.failed, busy, this.spanMillis)
  }

  private onFailed(
    entry: TaskEntry,
    failure: TaskFailure.TaskFailure<Task.Any>,
    chunk: Chunk | undefined,
    at: number
  ): void {
    this.failures.add(failure, entry, at)
    if (chunk === undefined) return
    const worker = this.workerOf(chunk.worker)
    if (worker === undefined) return
    worker.record.failed++
    worker.record.failures[this.columns.at(at)]++
    if (chunk.open > 0) return
    // Its last item: the segment was made before the failure was.
    if (this.endedChunk === chunk && this.endedRow!.open) this.endedRow!.failed++
    else if (this.endedRow !== undefined) this.segments.addFailure(worker.record.id, this.endedRow.row)
  }

  /** Tasks that start again because of one loss are reported one by one, with the same time. They become one event. */
  private onRestarted(
    entry: TaskEntry,
    worker: string,
    exit: Contract.WorkerExit,
    isCulprit: boolean,
    at: number
  ): void {
    this.failures.attempts.addLoss(entry, entry.attempt, worker, exit, isCulprit, at)
    const last = this.events.at(-1)
    const name = shortName(worker)
    if (last?.kind !== "restarted" || last.worker !== name || last.at !== at) {
      return this.addEvent("restarted", worker, entry.name, at, 1)
    }
    const detail = last.detail === shortName(entry.name) ? last.detail : "several types"
    this.events[this.events.length - 1] = { ...last, detail, tasks: last.tasks + 1 }
  }

  private addEvent(kind: WorkerEvent["kind"], worker: string, detail: string | null, at: number, tasks = 0): void {
    this.events.push({
      id: ++this.lastEvent,
      at,
      worker: shortName(worker),
      kind,
      detail: detail === null ? null : shortName(detail),
      tasks
    })
    if (this.events.length > EVENTS) this.events.shift()
  }

  private workerOf(state: WorkerState): JoinedWorker | undefined {
    if (this.lastWorker?.state === state) return this.lastWorker
    return this.lastWorker = this.joined.get(state)
  }

  /** A segment is complete: it goes into the ring, and into the columns of the whole recording. */
  private readonly closeRow = (row: Row): void => {
    this.segments.add(row)
    const record = this.workers[row.worker]
    this.columns.spread(busyColumns(record, row.type, this.columns), row.from, row.to, row.busy)
  }

  /** Longer segments for more workers, so that the ring always covers the window. */
  private updateSpan(): void {
    this.spanMillis = Math.max(SHORTEST_SPAN, this.window * this.joined.size / SEGMENTS)
  }

  // --- samples ---------------------------------------------------------------

  /** Milliseconds until the next sample. */
  get sampleInterval(): number {
    return this.now() < FIRST ? FIRST_SAMPLES_EVERY : SAMPLE_EVERY
  }

  /** Samples the reasons of free slots, and adds the changes to the series. */
  sample(): void {
    if (this.endedAt !== undefined) return
    const at = this.now()
    const elapsed = at - this.sampledAt
    for (const worker of this.joined.values()) worker.sample(at)
    let waiting = 0
    let running = 0
    let slots = 0
    let succeeded = 0
    let failed = 0
    for (const source of this.sources) {
      const { status } = source
      waiting += status.waiting
      running += status.running
      succeeded += status.succeeded
      failed += status.failed
      let free = 0
      let used = 0
      for (const { assigned, concurrency } of status.workers) {
        slots += concurrency
        used += Math.min(assigned, concurrency)
        free += concurrency - Math.min(assigned, concurrency)
      }
      const chunkSize = source.chunkSize()
      if (chunkSize !== undefined) this.largestChunkSize = Math.max(this.largestChunkSize ?? 0, chunkSize)
      if (free > 0 && elapsed > 0) this.addFree(source.freeReason(), free * elapsed, used > 0)
    }
    const occupied = this.occupiedUntil(at)
    const column = this.columns.at(at)
    const { series } = this
    series.waiting[column] = waiting
    series.running[column] = running
    series.slots[column] = slots
    series.succeeded[column] += succeeded - this.sampledSuccesses
    series.failed[column] += failed - this.sampledFailures
    this.columns.spread(series.occupied, this.sampledAt, at, Math.max(0, occupied - this.sampledOccupied))
    this.mostSlots = Math.max(this.mostSlots, slots)
    this.sampledAt = at
    this.sampledSuccesses = succeeded
    this.sampledFailures = failed
    this.sampledOccupied = occupied
  }

  private addFree(reason: FreeReason, slotMillis: number, othersRun: boolean): void {
    this.free.add(reason, slotMillis)
    if (reason === "noTasks" && othersRun) this.free.addTail(slotMillis)
  }

  private occupiedUntil(at: number): number {
    let occupied = 0
    for (const record of this.workers) occupied += record.occupied
    for (const worker of this.joined.values()) occupied += worker.occupiedSince(at)
    return occupied
  }
}
