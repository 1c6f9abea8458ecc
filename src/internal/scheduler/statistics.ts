/**
 * The counts of a scheduler since it was made, for the metrics of its dispatcher.
 *
 * Must stay true: counts only grow, except `started` and `lingering`. Counting costs an addition to a field; the fields
 * are read when somebody exports.
 */
import { ChunkSizes } from "./distribution.ts"
import { RunTimes } from "./runTimes.ts"
import { Traffic } from "./traffic.ts"

/** The counts of one type of task. */
export class TaskCounts {
  /** The value of the attribute `task`. */
  readonly name: string
  /** Attempts that were given to a worker, less those that it gave back before they started: these lower the count. */
  started = 0
  /** Tasks that have their outcome, and that a worker still has: they did not stop at their timeout. */
  lingering = 0
  succeeded = 0
  retried = 0
  /** Times that a task was lost with its worker, and waited for another one. */
  restarted = 0
  /** Tasks that were cancelled while a worker had them. */
  cancelled = 0
  /** Failed attempts, by the tag of their reason. */
  readonly failed = new Map<string, number>()
  readonly runTimes = new RunTimes()
  private readonly onReason: (counts: TaskCounts, reason: string) => void

  constructor(name: string, onReason: (counts: TaskCounts, reason: string) => void) {
    this.name = name
    this.onReason = onReason
  }

  fail(reason: string): void {
    const count = this.failed.get(reason)
    this.failed.set(reason, (count ?? 0) + 1)
    if (count === undefined) this.onReason(this, reason)
  }
}

/** The time that workers of one name spent on tasks. */
export class WorkerCounts {
  /** The value of the attribute `worker`. */
  readonly name: string
  /** Microseconds. */
  busy = 0

  constructor(name: string) {
    this.name = name
  }
}

/** Workers with counts of their own; all further ones share those of `others`. */
const WORKERS = 64

/** Told of each count that is there for the first time. */
export interface StatisticsListener {
  readonly task: (counts: TaskCounts) => void
  readonly worker: (counts: WorkerCounts) => void
  readonly reason: (counts: TaskCounts, reason: string) => void
  readonly loss: (cause: string) => void
  readonly replacement: (cause: string) => void
}

export class Statistics {
  /** By the value of the attribute `task`. */
  private readonly tasks = new Map<string, TaskCounts>()
  private readonly workers = new Map<string, WorkerCounts>()
  readonly chunkTasks = new ChunkSizes()
  /** Times in which chunks were held and not run, while somebody records. */
  readonly chunkOverheads = new RunTimes()
  /** Waiting times of tasks in queues, measured for one task in so many. */
  readonly waits = new RunTimes()
  readonly traffic = new Traffic()
  /** Workers that were lost, by cause. */
  readonly lost = new Map<string, number>()
  /** Workers that were replaced by another one, by cause. */
  readonly replaced = new Map<string, number>()
  private listener: StatisticsListener | undefined

  /** The counts of a type of task. Types of one name share them. */
  countsOf(name: string): TaskCounts {
    const known = this.tasks.get(name)
    if (known !== undefined) return known
    const counts = new TaskCounts(name, (counts, reason) => this.listener?.reason(counts, reason))
    this.tasks.set(name, counts)
    this.listener?.task(counts)
    return counts
  }

  /** The counts of a worker. Workers of one name share them. */
  countsOfWorker(name: string): WorkerCounts {
    const key = this.workers.has(name) || this.workers.size < WORKERS ? name : "others"
    const known = this.workers.get(key)
    if (known !== undefined) return known
    const counts = new WorkerCounts(key)
    this.workers.set(key, counts)
    this.listener?.worker(counts)
    return counts
  }

  /** Of every type, in the order in which they appeared. */
  get all(): Iterable<TaskCounts> {
    return this.tasks.values()
  }

  /** A worker was lost. */
  lose(cause: string): void {
    const count = this.lost.get(cause)
    this.lost.set(cause, (count ?? 0) + 1)
    if (count === undefined) this.listener?.loss(cause)
  }

  /** A worker is replaced by another one. */
  replace(cause: string): void {
    const count = this.replaced.get(cause)
    this.replaced.set(cause, (count ?? 0) + 1)
    if (count === undefined) this.listener?.replacement(cause)
  }

  /** Tells the listener of all counts that there are, and of those that follow. */
  listen(listener: StatisticsListener): void {
    this.listener = listener
    for (const counts of this.tasks.values()) {
      listener.task(counts)
      for (const reason of counts.failed.keys()) listener.reason(counts, reason)
    }
    for (const counts of this.workers.values()) listener.worker(counts)
    for (const cause of this.lost.keys()) listener.loss(cause)
    for (const cause of this.replaced.keys()) listener.replacement(cause)
  }
}
