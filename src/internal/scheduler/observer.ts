/**
 * Observers of a scheduler: told of each chunk, of the time that workers report, of failures and of workers.
 *
 * Must stay true: without an observer a chunk costs one check. An observer never throws, and never calls the
 * scheduler. All observers get the same times. One reading of the clock, which costs a twentieth of a small chunk, serves
 * all events of a turn: of a message with outcomes, and of the chunks that its worker takes next. Handlers that run in
 * the thread of the scheduler take time within a turn, so that their worker has a reading for each event. Observers are
 * called by index: V8 inlines into the functions of the scheduler up to a bound, which the iterators of for-of would use up.
 */
import type * as TaskFailure from "../../TaskFailure.ts"
import type * as Task from "../task.ts"
import type * as Contract from "./contract.ts"
import type { FreeReason, TaskEntry } from "./producer.ts"
import type { RunTimes } from "./runTimes.ts"
import type { Statistics } from "./statistics.ts"
import { type Chunk, Reading, type WorkerState } from "./workerState.ts"

/** The readings are of the monotonic clock of the scheduler. */
export interface Observer {
  readonly joined: (worker: WorkerState, at: Reading) => void
  /** After everything that it held has been released. */
  readonly left: (worker: WorkerState, loss: Contract.WorkerLoss | undefined, at: Reading) => void
  /** So many slots are starting, all in all. */
  readonly starting: (slots: number, at: Reading) => void
  /** A worker was assigned a chunk. */
  readonly took: (chunk: Chunk, at: Reading) => void
  /** The worker reported that it spent so many microseconds on items that it holds. Not called if it shares the thread. */
  readonly ran: (worker: WorkerState, micros: number, at: Reading) => void
  /** The last item of a chunk was released. Its failure, if it has one, follows. */
  readonly ended: (chunk: Chunk, at: Reading) => void
  /** An attempt failed. `chunk` is absent if no worker had the entry, or if the worker was lost. */
  readonly failed: (
    entry: TaskEntry,
    failure: TaskFailure.TaskFailure<Task.Any>,
    chunk: Chunk | undefined,
    at: Reading
  ) => void
  /** A task will start again, because its worker was lost. */
  readonly restarted: (
    entry: TaskEntry,
    worker: string,
    exit: Contract.WorkerExit,
    isCulprit: boolean,
    at: Reading
  ) => void
}

/** A scheduler, as a recorder sees it. */
export interface Observable {
  /** The name of the executor. */
  readonly name: string
  readonly statistics: Statistics
  readonly status: Contract.Status
  readonly now: () => number
  readonly after: (millis: number, f: () => void) => Contract.Cancel
  /** Tells the observer of each worker that there is, and of all that follows. Returns how to end that. */
  readonly observe: (observer: Observer) => () => void
  readonly freeReason: () => FreeReason
  /** The largest `chunkSize` of an open producer. */
  readonly chunkSize: () => number | undefined
  /** Failed tasks that wait for their next attempt. */
  readonly retrying: () => number
  /** Calls the function for each of them. */
  readonly eachRetrying: (f: (entry: TaskEntry) => void) => void
}

export class Observers {
  /** There is an observer. */
  active = false
  private all: ReadonlyArray<Observer> = []
  /** Since when there has been one. */
  private activeSince = 0
  private readonly clock: () => number
  private readonly overheads: RunTimes
  /** The reading of the clock in this turn, if there is one. */
  private reading: Reading | undefined

  constructor(clock: () => number, overheads: RunTimes) {
    this.clock = clock
    this.overheads = overheads
  }

  add(observer: Observer): () => void {
    if (!this.active) this.activeSince = this.clock()
    this.all = [...this.all, observer]
    this.active = true
    return () => {
      this.all = this.all.filter((one) => one !== observer)
      this.active = this.all.length > 0
    }
  }

  joined(worker: WorkerState): void {
    const at = this.read()
    for (let i = 0; i < this.all.length; i++) this.all[i].joined(worker, at)
  }

  left(worker: WorkerState, loss: Contract.WorkerLoss | undefined): void {
    const at = this.read()
    for (let i = 0; i < this.all.length; i++) this.all[i].left(worker, loss, at)
  }

  starting(slots: number): void {
    const at = this.read()
    for (let i = 0; i < this.all.length; i++) this.all[i].starting(slots, at)
  }

  took(chunk: Chunk): void {
    const at = chunk.taken = this.readFor(chunk)
    for (let i = 0; i < this.all.length; i++) this.all[i].took(chunk, at)
  }

  /**
   * Workers report before they settle the items. Items that have been released count for no chunk. The time of a worker
   * that shares the thread is that in which it holds tasks.
   */
  ran(worker: WorkerState, entries: ReadonlyArray<TaskEntry>, micros: number): void {
    if (worker.handle.sharesThread === true) return
    const { length } = entries
    const nanos = 1000 * micros / length
    let held = 0
    for (let from = 0; from < length;) {
      const chunk = entries[from].assignment as Chunk | undefined
      let to = entries[length - 1].assignment === chunk ? length : from + 1
      while (to < length && entries[to].assignment === chunk) to++
      if (chunk !== undefined) {
        held += to - from
        chunk.busy = (chunk.busy ?? 0) + Math.round(nanos * (to - from))
      }
      from = to
    }
    if (held === 0) return
    const at = this.read()
    for (let i = 0; i < this.all.length; i++) this.all[i].ran(worker, micros * held / length, at)
  }

  ended(chunk: Chunk): void {
    const at = this.readFor(chunk)
    const { busy, taken } = chunk
    // Of a chunk that was taken before, not all times are known.
    if (busy !== undefined && taken !== undefined && taken.at >= this.activeSince) {
      this.overheads.add(overheadOf(chunk, at.at), 1)
    }
    for (let i = 0; i < this.all.length; i++) this.all[i].ended(chunk, at)
  }

  failed(entry: TaskEntry, failure: TaskFailure.TaskFailure<Task.Any>, chunk: Chunk | undefined): void {
    const at = this.read()
    if (chunk !== undefined && chunk.open > 0) chunk.failed++
    for (let i = 0; i < this.all.length; i++) this.all[i].failed(entry, failure, chunk, at)
  }

  restarted(entry: TaskEntry, worker: string, exit: Contract.WorkerExit, isCulprit: boolean): void {
    const at = this.read()
    for (let i = 0; i < this.all.length; i++) this.all[i].restarted(entry, worker, exit, isCulprit, at)
  }

  private readFor(chunk: Chunk): Reading {
    return chunk.worker.handle.sharesThread === true ? new Reading(this.clock()) : this.read()
  }

  private read(): Reading {
    return this.reading ?? this.readClock()
  }

  private readClock(): Reading {
    void TURN.then(this.endTurn)
    return this.reading = new Reading(this.clock())
  }

  private readonly endTurn = (): void => {
    this.reading = undefined
  }
}

/** Microseconds from when its worker took a chunk until it had all outcomes, without the time that its tasks ran. */
const overheadOf = ({ busy, size, taken, worker }: Chunk, at: number): number =>
  Math.max(0, 1000 * (at - taken!.at) - busy! / 1000 / Math.min(size, worker.handle.concurrency))

/** A resolved promise: its callbacks run before the next turn, and cost less than `queueMicrotask`. */
const TURN = Promise.resolve()
