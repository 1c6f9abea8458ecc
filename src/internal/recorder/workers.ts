/**
 * The workers of a recording: the time in which their slots held tasks, the time that they spent on them, and their
 * segments.
 *
 * Must stay true: at most `WORKERS` have a record of their own, those that are up first, and all further ones share one;
 * sums are over all of them. Workers that have left keep their record until its place is needed.
 */
import type { WorkerState } from "../scheduler/workerState.ts"
import type { Columns } from "./columns.ts"
import { type Row, Rows } from "./rows.ts"
import { TYPES } from "./types.ts"

/** Workers with a record of their own. */
export const WORKERS = 256

export class WorkerRecord {
  readonly id: number
  readonly name: string
  slots = 0
  /** The most that it had: a worker that has left has none. */
  mostSlots = 0
  state: "up" | "left" | "lost" = "up"
  /** Milliseconds since the recording began. */
  readonly joinedAt: number
  leftAt: number | undefined
  /** Workers that have joined and not left: one, but for the shared record. */
  up = 0
  /** In chunks that have ended. */
  tasks = 0
  failed = 0
  /** Microseconds. */
  busy = 0
  /** Milliseconds in which slots held a task, summed over slots. */
  occupied = 0
  /** Milliseconds of slots. */
  slotTime = 0
  slotTimeAt = 0
  /** Busy time by type, in columns; for the whole recording. */
  readonly busyByType: Array<Float32Array | undefined> = []
  readonly failures: Float32Array
  readonly rows: Rows
  /** Its tasks run in the thread of the scheduler. */
  readonly sharesThread: boolean
  /** Changed since the latest frame. */
  changed = true

  constructor(
    id: number,
    name: string,
    slots: number,
    sharesThread: boolean,
    at: number,
    columns: Columns,
    close: (row: Row) => void
  ) {
    this.sharesThread = sharesThread
    this.id = id
    this.name = name
    this.joinedAt = at
    this.slotTimeAt = at
    this.failures = columns.make()
    this.rows = new Rows(id, slots, close)
  }

  /** Slots joined, or left. */
  addSlots(slots: number, at: number): void {
    this.slotTime += this.slots * (at - this.slotTimeAt)
    this.slotTimeAt = at
    this.slots += slots
    this.mostSlots = Math.max(this.mostSlots, this.slots)
  }

  /** Takes the sums of a worker that has left, whose record ends. */
  absorb(record: WorkerRecord, at: number, columns: Columns): void {
    this.tasks += record.tasks
    this.failed += record.failed
    this.busy += record.busy
    this.occupied += record.occupied
    this.slotTime += record.slotTimeUntil(at)
    columns.move(record.failures, this.failures)
    record.busyByType.forEach((values, type) => {
      if (values !== undefined) columns.move(values, busyColumns(this, type, columns))
    })
    if (this.up === 0) {
      this.state = "left"
      this.leftAt = record.leftAt
    }
    this.changed = true
  }

  slotTimeUntil(at: number): number {
    return this.slotTime + this.slots * Math.max(0, at - this.slotTimeAt)
  }
}

/** A worker that has joined. */
export class JoinedWorker {
  readonly state: WorkerState
  readonly record: WorkerRecord
  private readonly concurrency: number
  /** Its slots held so many tasks since then. */
  private held: number
  private heldSince: number
  /** When it last reported, or took a chunk while it had none. */
  reportedAt: number

  constructor(state: WorkerState, record: WorkerRecord, at: number) {
    this.state = state
    this.record = record
    this.concurrency = state.handle.concurrency
    this.held = Math.min(state.assigned, this.concurrency)
    this.heldSince = at
    this.reportedAt = at
  }

  /**
   * The time in which slots held a task: their number fell evenly since the latest chunk. `before`: the number until now,
   * of which all ran until now if they share the thread of the scheduler.
   */
  advance(before: number, after: number, at: number): void {
    if (!this.isFull(before) || !this.isFull(after)) this.count(before, after, at)
  }

  private count(before: number, after: number, at: number): void {
    // Not again for the chunks that follow in the same turn.
    if (at > this.heldSince) {
      const until = Math.min(before, this.concurrency)
      const millis = at - this.heldSince
      const mean = this.state.handle.sharesThread === true ? Math.max(this.held, until) : (this.held + until) / 2
      this.record.occupied += mean * millis
      this.heldSince = at
    }
    this.held = Math.min(after, this.concurrency)
  }

  /** With so many tasks all slots hold one. While that stays so, chunks have nothing to count. */
  isFull(tasks: number): boolean {
    return tasks >= this.concurrency
  }

  /**
   * Counts the time until now by the tasks that its slots hold now: chunks may last long after most of their tasks. Also
   * while all slots hold one, whose number falls within a chunk: that time must not count as if it had fallen evenly.
   */
  sample(at: number): void {
    const { assigned } = this.state
    this.count(assigned, assigned, at)
  }

  /** Milliseconds of slots that ran tasks that it has not reported yet. */
  runningSince(at: number): number {
    return Math.min(this.state.assigned, this.concurrency) * Math.max(0, at - this.reportedAt)
  }

  /** The recording ends: its time does not go on. */
  freeze(at: number): void {
    this.record.addSlots(0, at)
    const assigned = Math.min(this.state.assigned, this.concurrency)
    this.count(assigned, assigned, at)
  }

  /** Milliseconds of slots that the latest chunk event has not counted yet. */
  occupiedSince(at: number): number {
    return (this.held + Math.min(this.state.assigned, this.concurrency)) / 2 * Math.max(0, at - this.heldSince)
  }
}

/** All types that a record has columns for, and the rest. */
export const busyColumns = (record: WorkerRecord, type: number, columns: Columns): Float32Array => {
  const at = Math.min(type, COLUMN_TYPES)
  return record.busyByType[at] ??= columns.make()
}

/** Types with columns of their own in each worker: the first ones that ran. */
export const COLUMN_TYPES = Math.min(7, TYPES)

/** The worker with a record of its own that left before all others. */
export const firstThatLeft = (workers: ReadonlyArray<WorkerRecord>): WorkerRecord | undefined => {
  let first: WorkerRecord | undefined
  for (const record of workers) {
    if (record.id === WORKERS || record.up > 0) continue
    if (first === undefined || record.leftAt! < first.leftAt!) first = record
  }
  return first
}
