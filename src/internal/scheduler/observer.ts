/**
 * Observers of a scheduler: told of each chunk, of the time that workers report, of failures and of workers.
 *
 * Must stay true: without an observer a chunk costs one check. An observer never throws, and never calls the
 * scheduler. All observers get the same times. One reading of the clock, which costs a twentieth of a small chunk, serves
 * all events of a turn: of a message with outcomes, and of the chunks that its worker takes next. Handlers that run in
 * the thread of the scheduler take time within a turn, so that their worker has a reading for each event.
 */
import type * as TaskFailure from "../../TaskFailure.ts"
import type * as Task from "../task.ts"
import type * as Contract from "./contract.ts"
import type { FreeReason, TaskEntry } from "./producer.ts"
import type { Statistics } from "./statistics.ts"
import type { Chunk, WorkerState } from "./workerState.ts"

/** `at`: milliseconds of the monotonic clock of the scheduler. */
export interface Observer {
  readonly joined: (worker: WorkerState, at: number) => void
  /** After everything that it held has been released. */
  readonly left: (worker: WorkerState, loss: Contract.WorkerLoss | undefined, at: number) => void
  /** So many slots are starting, all in all. */
  readonly starting: (slots: number, at: number) => void
  /** A worker was assigned a chunk. */
  readonly took: (chunk: Chunk, at: number) => void
  /** The worker reported that it spent so many microseconds on so many items of the chunk. */
  readonly ran: (chunk: Chunk, tasks: number, micros: number, at: number) => void
  /** The last item of a chunk was released. Its failure, if it has one, follows. */
  readonly ended: (chunk: Chunk, at: number) => void
  /** An attempt failed. `chunk` is absent if no worker had the entry, or if the worker was lost. */
  readonly failed: (
    entry: TaskEntry,
    failure: TaskFailure.TaskFailure<Task.Any>,
    chunk: Chunk | undefined,
    at: number
  ) => void
  /** A task will start again, because its worker was lost. */
  readonly restarted: (entry: TaskEntry, worker: string, isCulprit: boolean, at: number) => void
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
  private readonly clock: () => number
  /** The reading of the clock in this turn. */
  private at = 0
  private hasRead = false

  constructor(clock: () => number) {
    this.clock = clock
  }

  add(observer: Observer): () => void {
    this.all = [...this.all, observer]
    this.active = true
    return () => {
      this.all = this.all.filter((one) => one !== observer)
      this.active = this.all.length > 0
    }
  }

  joined(worker: WorkerState): void {
    const at = this.read()
    for (const observer of this.all) observer.joined(worker, at)
  }

  left(worker: WorkerState, loss: Contract.WorkerLoss | undefined): void {
    const at = this.read()
    for (const observer of this.all) observer.left(worker, loss, at)
  }

  starting(slots: number): void {
    const at = this.read()
    for (const observer of this.all) observer.starting(slots, at)
  }

  took(chunk: Chunk): void {
    const at = this.readFor(chunk)
    chunk.takenAt = at
    for (const observer of this.all) observer.took(chunk, at)
  }

  /** Workers report before they settle the items. Items that have been released count for no chunk. */
  ran(entries: ReadonlyArray<TaskEntry>, micros: number): void {
    const { length } = entries
    const first = chunkOf(entries[0])
    if (first !== undefined && first === chunkOf(entries[length - 1])) return this.ranOf(first, length, micros)
    for (let from = 0; from < length;) {
      const chunk = chunkOf(entries[from])
      let to = from + 1
      while (to < length && chunkOf(entries[to]) === chunk) to++
      if (chunk !== undefined) this.ranOf(chunk, to - from, micros * (to - from) / length)
      from = to
    }
  }

  private ranOf(chunk: Chunk, tasks: number, micros: number): void {
    const at = this.readFor(chunk)
    chunk.busy = (chunk.busy ?? 0) + micros
    for (const observer of this.all) observer.ran(chunk, tasks, micros, at)
  }

  ended(chunk: Chunk): void {
    const at = this.readFor(chunk)
    for (const observer of this.all) observer.ended(chunk, at)
  }

  failed(entry: TaskEntry, failure: TaskFailure.TaskFailure<Task.Any>, chunk: Chunk | undefined): void {
    const at = this.read()
    if (chunk !== undefined && chunk.open > 0) chunk.failed++
    for (const observer of this.all) observer.failed(entry, failure, chunk, at)
  }

  restarted(entry: TaskEntry, worker: string, isCulprit: boolean): void {
    const at = this.read()
    for (const observer of this.all) observer.restarted(entry, worker, isCulprit, at)
  }

  private readFor(chunk: Chunk): number {
    return chunk.worker.handle.sharesThread === true ? this.clock() : this.read()
  }

  private read(): number {
    if (this.hasRead) return this.at
    this.hasRead = true
    void TURN.then(this.endTurn)
    return this.at = this.clock()
  }

  private readonly endTurn = (): void => {
    this.hasRead = false
  }
}

/** Resolved: what follows it runs before the next turn, and costs less than `queueMicrotask`. */
const TURN = Promise.resolve()

const chunkOf = (entry: TaskEntry): Chunk | undefined => entry.assignment as Chunk | undefined
