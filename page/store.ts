/**
 * The recording as the page knows it: the latest snapshot, with the frames after it.
 *
 * Must stay true: memory is bounded for a page that is open for days. A frame costs the page as much as it has changes.
 */
import type {
  Failure,
  FailureGroup,
  FailureSummary,
  Frame,
  Segments,
  Series,
  Snapshot,
  Summary,
  TimeBudget,
  Totals,
  TypeSummary,
  WorkerEvent,
  WorkerSummary
} from "../src/internal/recorder/model.ts"
import { budgetOf } from "../src/internal/recorder/timeBudget.ts"
import type { Segment } from "./segment.ts"

export type { Failure, FailureGroup, FailureSummary, TimeBudget, Totals, TypeSummary, WorkerEvent, WorkerSummary }

/** Milliseconds for which segments are kept, and how many at most. */
const SEGMENT_WINDOW = 5 * 60_000
const MAX_SEGMENTS = 65_536

/** Milliseconds of the recent figures: rates, busy shares and the time budget. */
export const RECENT = 60_000
const MAX_FAILURES = 200
const MAX_GROUPS = 100
const MAX_EVENTS = 500
/** Milliseconds of a column of the recent throughput. */
const COLUMN = 1000

/** The counts at one moment, from which those of a minute later are subtracted. */
interface Mark {
  readonly at: number
  readonly totals: Totals
  readonly budget: TimeBudget
  /** By id: outcomes and busy milliseconds. */
  readonly types: ReadonlyArray<readonly [done: number, busy: number]>
  readonly workers: ReadonlyArray<number>
}

/** The rows of one worker. */
export interface WorkerRows {
  readonly id: number
  /** By row: its segments, the oldest first. */
  readonly rows: Array<Array<Segment>>
}

export interface Recent {
  /** Milliseconds that the figures cover. */
  readonly length: number
  readonly succeeded: number
  readonly failed: number
  readonly budget: TimeBudget
  /** Outcomes of each type, and its busy milliseconds. */
  readonly typeDone: (id: number) => number
  readonly typeBusy: (id: number) => number
  /** Busy milliseconds of a worker. */
  readonly workerBusy: (id: number) => number
}

const doneOf = (type: TypeSummary): number => type.succeeded + type.failed

const minus = (a: TimeBudget, b: TimeBudget | undefined): TimeBudget =>
  b === undefined ? a : budgetOf((part) => Math.max(0, a[part] - b[part]))

export class Store {
  /** Counts snapshots and frames: what was drawn for one number is drawn again for another. */
  version = 0
  sequence = 0
  name = ""
  startedAt = 0
  /** Milliseconds since the recording began. */
  now = 0
  ended = false
  totals!: Totals
  budget!: TimeBudget
  mainThread = 0
  failures = 0
  ungrouped = 0
  advice: Summary["advice"] = []
  types: Array<TypeSummary> = []
  workers: Array<WorkerSummary> = []
  groups: Array<FailureGroup> = []
  latestFailures: Array<FailureSummary> = []
  events: Array<WorkerEvent> = []
  series!: Series
  segmentCount = 0
  /** By the id of the worker. */
  rows: Array<WorkerRows> = []
  private segments = 0
  private marks: Array<Mark> = []
  /** Columns of the last minutes: succeeded and failed, by the second of the recording. */
  private columns = new Map<number, [succeeded: number, failed: number]>()
  private counted: Totals | undefined

  snapshot(snapshot: Snapshot): void {
    // After lost frames, or at the end: what the page knows of the same recording stays.
    const isNext = this.marks.length > 0 && snapshot.startedAt === this.startedAt && snapshot.duration >= this.now
    const isClose = isNext && snapshot.duration - this.now < 2 * COLUMN
    if (!isNext) {
      this.rows = []
      this.segments = 0
      this.segmentCount = 0
      this.marks = []
    }
    this.version++
    this.sequence = snapshot.sequence
    this.name = snapshot.name
    this.startedAt = snapshot.startedAt
    this.now = snapshot.duration
    this.ended = false
    this.totals = snapshot.totals
    this.budget = snapshot.budget
    this.mainThread = snapshot.mainThread
    this.failures = snapshot.failures
    this.ungrouped = snapshot.ungrouped
    this.advice = snapshot.advice
    this.types = [...snapshot.types]
    for (const worker of snapshot.workers) this.forgetBars(this.workers[worker.id], worker)
    this.workers = [...snapshot.workers]
    this.groups = [...snapshot.groups]
    this.latestFailures = [...snapshot.latestFailures]
    this.events = [...snapshot.events]
    this.series = snapshot.series
    if (isClose) this.count(snapshot.totals)
    else this.columns = columnsOf(snapshot.series)
    this.counted = snapshot.totals
    this.append(snapshot.segments, snapshot.segmentCount - this.segmentCount)
    this.segmentCount = snapshot.segmentCount
    this.mark()
  }

  /** Takes a frame, or returns `false`: one before it is missing. */
  frame(frame: Frame): boolean {
    if (frame.sequence !== this.sequence + 1) return false
    this.version++
    this.sequence = frame.sequence
    this.now = frame.at
    this.ended = frame.ended
    this.count(frame.totals)
    this.totals = frame.totals
    this.budget = frame.budget
    this.mainThread = frame.mainThread
    this.failures = frame.failures
    this.advice = frame.advice
    for (const type of frame.types) this.types[type.id] = type
    for (const worker of frame.workers) {
      this.forgetBars(this.workers[worker.id], worker)
      this.workers[worker.id] = worker
    }
    for (const group of frame.groups) {
      const at = this.groups.findIndex(({ id }) => id === group.id)
      if (at >= 0) this.groups.splice(at, 1)
      this.groups.push(group)
    }
    if (frame.groups.length > 0) this.groups = this.groups.sort((a, b) => b.last - a.last).slice(0, MAX_GROUPS)
    this.ungrouped = frame.ungrouped
    this.latestFailures = newest(frame.latestFailures, this.latestFailures, MAX_FAILURES)
    this.events = newest(frame.events, this.events, MAX_EVENTS)
    // The first frame of a connection can repeat what the snapshot had.
    this.append(frame.segments, frame.segmentCount - this.segmentCount)
    this.segmentCount = frame.segmentCount
    this.mark()
    return true
  }

  /** The figures of the last minute, or of the time that is known. */
  get recent(): Recent {
    const last = this.marks[this.marks.length - 1]
    // A page that was just opened knows the whole recording, and nothing of the last minute.
    const first = this.marks.length > 1 && last.at - this.marks[0].at > 1500 ? this.marks[0] : undefined
    return {
      length: Math.max(1, last.at - (first?.at ?? 0)),
      succeeded: this.totals.succeeded - (first?.totals.succeeded ?? 0),
      failed: this.totals.failed - (first?.totals.failed ?? 0),
      budget: minus(this.budget, first?.budget),
      typeDone: (id) => doneOf(this.types[id]) - (first?.types[id]?.[0] ?? 0),
      typeBusy: (id) => this.types[id].busy - (first?.types[id]?.[1] ?? 0),
      workerBusy: (id) => Math.max(0, this.workers[id].busy - (first?.workers[id] ?? 0))
    }
  }

  /** Succeeded and failed tasks of each of the last seconds; the last one is not over. */
  throughput(seconds: number): { readonly succeeded: ReadonlyArray<number>; readonly failed: ReadonlyArray<number> } {
    const last = Math.floor(this.now / COLUMN)
    const columns = Array.from(
      { length: seconds },
      (_, i) => this.columns.get(last - seconds + 1 + i) ?? [0, 0] as const
    )
    return { succeeded: columns.map(([n]) => n), failed: columns.map(([, n]) => n) }
  }

  private count(totals: Totals): void {
    const second = Math.floor(this.now / COLUMN)
    const column = this.columns.get(second) ?? [0, 0]
    column[0] += totals.succeeded - (this.counted?.succeeded ?? 0)
    column[1] += Math.max(0, totals.failed - (this.counted?.failed ?? 0))
    this.columns.set(second, column)
    this.counted = totals
    for (const known of this.columns.keys()) {
      if (known >= second - SEGMENT_WINDOW / COLUMN) break
      this.columns.delete(known)
    }
  }

  /** Another worker has the id of one that left, whose bars are not the new one's. A new worker can have bars already. */
  private forgetBars(known: WorkerSummary | undefined, worker: WorkerSummary): void {
    if (known === undefined || known.joinedAt === worker.joinedAt) return
    for (const row of this.rows[worker.id]?.rows ?? []) this.segments -= row?.length ?? 0
    delete this.rows[worker.id]
  }

  /** Adds the latest of the segments, so many at most. */
  private append(segments: Segments, most: number): void {
    const { length } = segments.worker
    for (let i = Math.max(0, length - most); i < length; i++) {
      const worker = this.rows[segments.worker[i]] ??= { id: segments.worker[i], rows: [] }
      const row = worker.rows[segments.row[i]] ??= []
      const from = segments.from[i]
      const to = segments.to[i]
      row.push({
        type: segments.type[i],
        from,
        to,
        tasks: segments.tasks[i],
        failed: segments.failed[i],
        busy: to > from ? Math.min(1, segments.busy[i] / (to - from)) : 1
      })
      this.segments++
    }
    this.trim()
  }

  private trim(): void {
    let before = this.now - SEGMENT_WINDOW
    while (this.segments > MAX_SEGMENTS) {
      before += SEGMENT_WINDOW / 10
      if (before > this.now) break
      this.drop(before)
    }
    if (this.version % 20 === 0) this.drop(this.now - SEGMENT_WINDOW)
  }

  private drop(before: number): void {
    for (const worker of this.rows) {
      for (const row of worker?.rows ?? []) {
        if (row === undefined) continue
        const keep = row.findIndex(({ to }) => to >= before)
        const dropped = keep < 0 ? row.length : keep
        row.splice(0, dropped)
        this.segments -= dropped
      }
    }
  }

  private mark(): void {
    this.marks.push({
      at: this.now,
      totals: this.totals,
      budget: this.budget,
      types: this.types.map((type) => [doneOf(type), type.busy]),
      workers: this.workers.map(({ busy }) => busy)
    })
    while (this.marks.length > 2 && this.marks[1].at <= this.now - RECENT) this.marks.shift()
  }
}

const newest = <A extends { readonly id: number }>(
  added: ReadonlyArray<A>,
  known: ReadonlyArray<A>,
  most: number
): Array<A> => {
  const latest = known[0]?.id ?? 0
  const fresh = added.filter(({ id }) => id > latest)
  return fresh.length === 0 ? known as Array<A> : [...fresh.sort((a, b) => b.id - a.id), ...known].slice(0, most)
}

/** The columns of a series by second, as far as it is fine enough; a coarser one is spread evenly. */
const columnsOf = ({ failed, succeeded, width }: Series): Map<number, [number, number]> => {
  const columns = new Map<number, [number, number]>()
  const from = Math.max(0, succeeded.length - Math.ceil(SEGMENT_WINDOW / width))
  for (let i = from; i < succeeded.length; i++) {
    const parts = Math.max(1, Math.round(width / COLUMN))
    for (let part = 0; part < parts; part++) {
      const second = Math.floor((i * width + part * width / parts) / COLUMN)
      const column = columns.get(second) ?? [0, 0]
      column[0] += succeeded[i] / parts
      column[1] += failed[i] / parts
      columns.set(second, column)
    }
  }
  return columns
}
