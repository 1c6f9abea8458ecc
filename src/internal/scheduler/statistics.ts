/**
 * The counts of a scheduler since it was made, for the metrics of its dispatcher.
 *
 * Must stay true: counts only grow. Counting costs an addition to a field; the fields are read when somebody exports.
 */
import type { TaskStats } from "./chunkSizing.ts"

/** How often values occurred: the number below each boundary, and their sum. */
export class Distribution {
  readonly boundaries: ReadonlyArray<number>
  /** The number of values up to each boundary and above the previous one; the last is above all boundaries. */
  readonly counts: Float64Array
  count = 0
  sum = 0
  min = Infinity
  max = -Infinity

  constructor(boundaries: ReadonlyArray<number>) {
    this.boundaries = boundaries
    this.counts = new Float64Array(boundaries.length + 1)
  }

  /** Adds a value that occurred `times` times. */
  add(value: number, times = 1): void {
    const { boundaries } = this
    let low = 0
    let high = boundaries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (value <= boundaries[middle]) high = middle
      else low = middle + 1
    }
    this.counts[low] += times
    this.count += times
    this.sum += value * times
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  /** Adds the values of another distribution with the same boundaries. */
  merge({ count, counts, max, min, sum }: Distribution): void {
    for (let i = 0; i < counts.length; i++) this.counts[i] += counts[i]
    this.count += count
    this.sum += sum
    this.min = Math.min(this.min, min)
    this.max = Math.max(this.max, max)
  }
}

const powers = (count: number, base: number, first: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => first * base ** i)

/** From 1 microsecond to 268 seconds. */
export const RUN_SECONDS = powers(15, 4, 1e-6)

export const CHUNK_TASKS = powers(13, 2, 1)

/** The counts of one type of task. */
export class TaskCounts {
  /** The value of the attribute `task`. */
  readonly name: string
  succeeded = 0
  retried = 0
  /** Times that a task was lost with its worker, and waited for another one. */
  restarted = 0
  /** Tasks that were cancelled while a worker had them. */
  cancelled = 0
  /** Failed attempts, by the tag of their reason. */
  readonly failed = new Map<string, number>()
  readonly runSeconds = new Distribution(RUN_SECONDS)
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

/** A type of task, with the estimate of its time. */
interface Counted extends TaskStats {
  readonly counts: TaskCounts
}

/** Told of each count that is there for the first time. */
export interface StatisticsListener {
  readonly task: (counts: TaskCounts) => void
  readonly reason: (counts: TaskCounts, reason: string) => void
  readonly loss: (cause: string) => void
}

export class Statistics {
  /** By the value of the attribute `task`. */
  private readonly tasks = new Map<string, TaskCounts>()
  readonly chunkTasks = new Distribution(CHUNK_TASKS)
  /** Workers that were lost, by cause. */
  readonly lost = new Map<string, number>()
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

  /** A worker was lost. */
  lose(cause: string): void {
    const count = this.lost.get(cause)
    this.lost.set(cause, (count ?? 0) + 1)
    if (count === undefined) this.listener?.loss(cause)
  }

  /**
   * Tasks ran for so many microseconds together. Of several types, each gets its share of the expected time.
   *
   * @param types the type of each task
   * @param distinct each of these types once
   */
  ran(types: ReadonlyArray<Counted>, distinct: ReadonlyArray<Counted>, micros: number): void {
    const { length } = types
    if (distinct.length === 1) return distinct[0].counts.runSeconds.add(micros / length / 1e6, length)
    const expected = types.reduce((sum, { micros }) => sum + micros, 0)
    for (const type of types) {
      const share = expected > 0 ? type.micros / expected : 1 / length
      type.counts.runSeconds.add(share * micros / 1e6)
    }
  }

  /** Tells the listener of all counts that there are, and of those that follow. */
  listen(listener: StatisticsListener): void {
    this.listener = listener
    for (const counts of this.tasks.values()) {
      listener.task(counts)
      for (const reason of counts.failed.keys()) listener.reason(counts, reason)
    }
    for (const cause of this.lost.keys()) listener.loss(cause)
  }
}
