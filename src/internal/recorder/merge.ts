/**
 * Several recordings as one: those of the workers that a name server knows.
 *
 * Must stay true: an id keeps its meaning, but for those of workers that ended long ago, which others get. Counts never
 * fall: those of a recording that has ended stay. Memory is bounded, however often worker processes start again. All times are
 * of the clock of this process, since clocks of hosts differ: a part is placed in time when its first snapshot comes.
 */
import { COLUMNS, Columns } from "./columns.ts"
import { typeOf } from "./mergedTypes.ts"
import type * as Model from "./model.ts"
import { NO_BUDGET, NO_TOTALS, Part } from "./part.ts"
import { round } from "./rounding.ts"
import { columnsOf, rowOf, type Segment } from "./segmentRows.ts"

const SEGMENTS = 8000
const FAILURES = 200
const GROUPS = 100
const EVENTS = 500
const FRAME_SEGMENTS = 400
const FRAME_WORKERS = 64
const FRAME_FAILURES = 20
const FRAME_EVENTS = 50

/** The latest recordings of one process that are kept apart. Of earlier ones, the counts are kept. */
const PARTS = 4

/** Types with a name of their own; all further ones are `others`. */
const TYPES = 1000

/** Segments of one part that wait for the name of a type. A part that never tells it loses them. */
const MAX_WAITING = 2000

/** The members of the totals that are of this moment. */
const NOW = ["waiting", "running", "retrying", "executions", "slots"] as const

/** Adds the members of objects of numbers. */
const sumOf = <A extends object>(zero: A, all: Iterable<A>): A => {
  const sum = { ...zero } as Record<string, number>
  for (const one of all) for (const [key, value] of Object.entries(one)) sum[key] += value
  return sum as A
}

export class MergedRecording {
  private readonly name: string
  private readonly startedAt: number
  private readonly clock: () => number
  private readonly parts: Array<Part> = []
  /** The counts of all earlier recordings, with the ids of the whole. */
  private readonly past = new Part("", NaN, 0)
  /** Ids of workers of earlier recordings, for others. */
  private readonly freeWorkers: Array<number> = []
  private readonly typeIds = new Map<string, number>()
  private readonly workers: Array<Model.WorkerSummary> = []
  private readonly changed = new Set<number>()
  private segments: Array<Segment> = []
  private segmentCount = 0
  private groups: Array<Model.FailureGroup> = []
  private readonly changedGroups = new Set<number>()
  private lastGroup = 0
  /** The newest first, as all lists of failures and events. */
  private failures: Array<Model.FailureSummary> = []
  private readonly origins = new Map<number, { readonly part: Part; readonly id: number }>()
  private lastFailure = 0
  private events: Array<Model.WorkerEvent> = []
  private lastEvent = 0
  private readonly columns = new Columns()
  private readonly series = {
    succeeded: this.columns.make(),
    failed: this.columns.make(),
    waiting: this.columns.make("latest"),
    running: this.columns.make("latest"),
    slots: this.columns.make("latest"),
    occupied: this.columns.make()
  }
  private counted = { succeeded: 0, failed: 0, at: 0 }
  private sequence = 0
  /** The number of segments that were in no frame yet. `segmentCount` also counts the segments that parts left out. */
  private fresh = 0
  private shown = { failure: 0, event: 0 }

  /** @param clock milliseconds since the start of the whole */
  constructor(name: string, startedAtUnix: number, clock: () => number) {
    this.name = name
    this.startedAt = startedAtUnix
    this.clock = clock
    this.parts.push(this.past)
  }

  // --- parts -----------------------------------------------------------------

  /** Takes the snapshot of a worker process: of the part that it continues, or of a new one. Returns the part. */
  snapshot(prefix: string, snapshot: Model.Snapshot): Part {
    const known = this.parts.find((part) => part.prefix === prefix && part.startedAt === snapshot.startedAt)
    const part = known ?? new Part(prefix, snapshot.startedAt, this.clock() - snapshot.duration)
    if (known === undefined) {
      this.parts.push(part)
      this.absorbEarliest(prefix)
    }
    part.sequence = snapshot.sequence
    this.takeCommon(part, snapshot)
    return part
  }

  /** Keeps only the counts of the earliest recording of a process, if there are more than `PARTS`. */
  private absorbEarliest(prefix: string): void {
    const { past } = this
    const all = this.parts.filter((part) => part !== past && part.prefix === prefix)
    if (all.length <= PARTS) return
    const [earliest] = all
    this.leave(earliest)
    past.totals = sumOf(NO_TOTALS, [past.totals, earliest.totals])
    past.budget = sumOf(NO_BUDGET, [past.budget, earliest.budget])
    past.failures += earliest.failures
    past.ungrouped += earliest.ungrouped
    const ids = new Set(earliest.types)
    for (const [name, id] of this.typeIds) {
      if (!ids.has(id)) continue
      past.typeSummaries[id] = typeOf([past, earliest], name, id)
      past.types[id] = id
    }
    this.parts.splice(this.parts.indexOf(earliest), 1)
    const workers = new Set(earliest.workers)
    this.segments = this.segments.filter(({ worker }) => !workers.has(worker))
    for (const id of workers) if (id !== undefined) this.freeWorkers.push(id)
    earliest.workers = []
  }

  /** Takes a frame of a part. `false`: one before it is missing, and the part needs a snapshot. */
  frame(part: Part, frame: Model.Frame): boolean {
    if (frame.sequence !== part.sequence + 1) return false
    part.sequence = frame.sequence
    this.takeCommon(part, frame)
    return true
  }

  /** The worker process does not answer any more. */
  leave(part: Part): void {
    part.totals = { ...part.totals, ...Object.fromEntries(NOW.map((key) => [key, 0])) }
    part.mainThread = 0
    part.advice = []
    for (const id of part.workers) {
      // A part that skips ids.
      if (id === undefined) continue
      const worker = this.workers[id]
      if (worker.state !== "up") continue
      this.workers[id] = { ...worker, state: "lost", leftAt: round(this.clock()), held: 0, oldest: null }
      this.changed.add(id)
      this.addEvent({ at: this.clock(), worker: worker.name, kind: "lost", detail: "connection", tasks: 0 })
    }
  }

  /** The part of a failure, and its id there. */
  originOf(id: number): { readonly part: Part; readonly id: number } | undefined {
    return this.origins.get(id)
  }

  /** The details of a failure of a part. */
  detailsOf(part: Part, failure: Model.Failure): Model.Failure {
    const attempts = failure.attempts.map((attempt) => ({
      ...attempt,
      at: round(attempt.at + part.offset),
      worker: part.prefix + attempt.worker
    }))
    return { ...failure, ...this.placed(part, failure), payload: null, attempts }
  }

  private takeCommon(part: Part, data: Model.Snapshot | Model.Frame): void {
    for (const type of data.types) {
      part.typeSummaries[type.id] = type
      part.types[type.id] ??= this.typeIdOf(type.name)
    }
    for (const worker of data.workers) this.takeWorker(part, worker)
    // The samples of groups are failures that are known by then.
    for (const failure of data.latestFailures.toReversed()) this.takeFailure(part, failure)
    for (const group of data.groups.toReversed()) this.takeGroup(part, group)
    for (const event of data.events.toReversed()) {
      if (event.id <= part.lastEvent) continue
      part.lastEvent = event.id
      this.addEvent({ ...event, at: event.at + part.offset, worker: part.prefix + event.worker })
    }
    this.takeSegments(part, data.segments, data.segmentCount)
    part.totals = data.totals
    part.budget = data.budget
    part.mainThread = data.mainThread
    part.failures = data.failures
    part.ungrouped = data.ungrouped
    part.advice = data.advice
  }

  private typeIdOf(name: string): number {
    const known = this.typeIds.get(name)
    if (known !== undefined) return known
    if (this.typeIds.size >= TYPES && name !== "others") return this.typeIdOf("others")
    this.typeIds.set(name, this.typeIds.size)
    return this.typeIds.size - 1
  }

  private takeWorker(part: Part, worker: Model.WorkerSummary): void {
    const id = part.workers[worker.id] ??= this.freeWorkers.pop() ?? this.workers.length
    this.workers[id] = {
      ...worker,
      id,
      name: part.prefix + worker.name,
      joinedAt: round(worker.joinedAt + part.offset),
      leftAt: worker.leftAt === null ? null : round(worker.leftAt + part.offset),
      oldest: this.oldestOf(part, worker)
    }
    this.changed.add(id)
  }

  /** The chunk that a worker has held longest, once the name of its type is known. */
  private oldestOf(part: Part, { oldest }: Model.WorkerSummary): Model.WorkerSummary["oldest"] {
    const type = oldest === null ? undefined : part.types[oldest.type]
    return oldest === null || type === undefined ? null : { ...oldest, type }
  }

  private groupIdOf(part: Part, group: number): number {
    const id = part.groups.get(group) ?? ++this.lastGroup
    // In the order of their use: those that are not kept any more are forgotten.
    part.groups.delete(group)
    part.groups.set(group, id)
    if (part.groups.size > 2 * (FAILURES + GROUPS)) part.groups.delete(part.groups.keys().next().value!)
    return id
  }

  private takeGroup(part: Part, group: Model.FailureGroup): void {
    const id = this.groupIdOf(part, group.id)
    this.groups = [
      {
        ...group,
        id,
        first: round(group.first + part.offset),
        last: round(group.last + part.offset),
        sample: this.placed(part, group.sample)
      },
      ...this.groups.filter((one) => one.id !== id)
    ].slice(0, GROUPS)
    this.changedGroups.add(id)
  }

  /** A failure with the ids and times of the whole. The same failure has the same id, as a sample and in the list. */
  private placed(part: Part, failure: Model.FailureSummary): Model.FailureSummary {
    let id = this.failures.find((one) => {
      const origin = this.origins.get(one.id)
      return origin?.part === part && origin.id === failure.id
    })?.id
    if (id === undefined) {
      id = ++this.lastFailure
      this.origins.set(id, { part, id: failure.id })
      // Samples of groups that are not kept any more, and old failures.
      if (this.origins.size > 2 * (FAILURES + GROUPS)) this.origins.delete(this.origins.keys().next().value!)
    }
    return {
      ...failure,
      id,
      at: round(failure.at + part.offset),
      worker: part.prefix + failure.worker,
      group: this.groupIdOf(part, failure.group)
    }
  }

  private takeFailure(part: Part, failure: Model.FailureSummary): void {
    if (failure.id <= part.lastFailure) return
    part.lastFailure = failure.id
    this.failures = [this.placed(part, failure), ...this.failures].slice(0, FAILURES)
  }

  private addEvent(event: Omit<Model.WorkerEvent, "id">): void {
    this.events = [{ ...event, id: ++this.lastEvent, at: round(event.at) }, ...this.events].slice(0, EVENTS)
  }

  private takeSegments(part: Part, segments: Model.Segments, count: number): void {
    const { length } = segments.worker
    const { waiting } = part
    for (let i = Math.max(0, length - (count - part.segmentCount)); i < length; i++) waiting.push(rowOf(segments, i))
    // Segments that the part left out count too.
    this.segmentCount += Math.max(0, count - part.segmentCount - length)
    part.segmentCount = count
    // Segments are added in their order, on which the rows of the page rely.
    let known = 0
    while (known < waiting.length && this.addSegment(part, waiting[known])) known++
    waiting.splice(0, known)
    while (waiting.length > MAX_WAITING) {
      if (!this.addSegment(part, waiting.shift()!)) this.segmentCount++
    }
    if (this.segments.length > 2 * SEGMENTS) this.segments = this.segments.slice(-SEGMENTS)
  }

  /** Adds a segment of a part. Returns `false` if the part has not sent the type or the worker of the segment yet. */
  private addSegment(part: Part, segment: Segment): boolean {
    const worker = part.workers[segment.worker]
    const type = part.types[segment.type]
    if (worker === undefined || type === undefined) return false
    this.segmentCount++
    this.fresh++
    this.segments.push({
      ...segment,
      worker,
      type,
      from: round(segment.from + part.offset),
      to: round(segment.to + part.offset)
    })
    return true
  }

  // --- the whole -------------------------------------------------------------

  private current() {
    return {
      totals: sumOf(NO_TOTALS, this.parts.map(({ totals }) => totals)),
      types: Array.from(this.typeIds, ([name, id]) => typeOf(this.parts, name, id)),
      budget: sumOf(NO_BUDGET, this.parts.map(({ budget }) => budget)),
      mainThread: Math.max(0, ...this.parts.map(({ mainThread }) => mainThread)),
      failures: this.parts.reduce((sum, { failures }) => sum + failures, 0),
      ungrouped: this.parts.reduce((sum, { ungrouped }) => sum + ungrouped, 0),
      // Each worker process advises its own clients. Here it says which process it is about.
      advice: this.parts
        .flatMap(({ advice, prefix }) => advice.map((one) => ({ ...one, text: `${prefix.trim()}: ${one.text}` })))
        .toSorted((a, b) => b.gain - a.gain)
        .slice(0, 2)
    }
  }

  /** Adds the changes since the last time to the series. */
  private sample(totals: Model.Totals, at: number): void {
    const column = this.columns.at(at)
    this.series.succeeded[column] += totals.succeeded - this.counted.succeeded
    this.series.failed[column] += Math.max(0, totals.failed - this.counted.failed)
    this.series.waiting[column] = totals.waiting
    this.series.running[column] = totals.running
    this.series.slots[column] = totals.slots
    this.columns.spread(this.series.occupied, this.counted.at, at, totals.running * (at - this.counted.at))
    this.counted = { succeeded: totals.succeeded, failed: totals.failed, at }
  }

  /** The data that a viewer needs at first. */
  toSnapshot(): Model.Snapshot {
    const at = this.clock()
    const current = this.current()
    this.sample(current.totals, at)
    const count = Math.min(COLUMNS, Math.floor(at / this.columns.width) + 1)
    const list = (values: Float32Array): Array<number> => Array.from(values.subarray(0, count), round)
    return {
      ...current,
      name: this.name,
      startedAt: this.startedAt,
      duration: round(at),
      workers: [...this.workers],
      groups: this.groups,
      sequence: this.sequence,
      series: {
        width: this.columns.width,
        succeeded: list(this.series.succeeded),
        failed: list(this.series.failed),
        waiting: list(this.series.waiting),
        running: list(this.series.running),
        slots: list(this.series.slots),
        occupied: list(this.series.occupied)
      },
      segments: columnsOf(this.segments.slice(-SEGMENTS)),
      segmentCount: this.segmentCount,
      latestFailures: this.failures,
      events: this.events
    }
  }

  /** The changes since the frame before. */
  toFrame(): Model.Frame {
    const at = this.clock()
    const current = this.current()
    this.sample(current.totals, at)
    const workers = Array.from(this.changed).slice(0, FRAME_WORKERS)
    for (const id of workers) this.changed.delete(id)
    const groups = this.groups.filter(({ id }) => this.changedGroups.has(id)).slice(0, FRAME_FAILURES)
    this.changedGroups.clear()
    const fresh = Math.min(this.fresh, FRAME_SEGMENTS, this.segments.length)
    this.fresh = 0
    const frame: Model.Frame = {
      ...current,
      sequence: ++this.sequence,
      at: round(at),
      ended: false,
      workers: workers.map((id) => this.workers[id]),
      groups,
      latestFailures: this.failures.filter(({ id }) => id > this.shown.failure).slice(0, FRAME_FAILURES),
      events: this.events.filter(({ id }) => id > this.shown.event).slice(0, FRAME_EVENTS),
      segments: columnsOf(fresh === 0 ? [] : this.segments.slice(-fresh)),
      segmentCount: this.segmentCount
    }
    this.shown = { failure: this.lastFailure, event: this.lastEvent }
    return frame
  }
}
