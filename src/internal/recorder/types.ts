/**
 * The types of task of a recording, with the counts of the schedulers since it began.
 *
 * Must stay true: at most `TYPES` have a record of their own, and all further ones share one. Counts are those of the
 * schedulers minus those at the beginning, so that nothing is counted for each task.
 */
import { RUN_TIME_BUCKETS } from "../scheduler/runTimeBuckets.ts"
import type { TaskCounts } from "../scheduler/statistics.ts"
import { shortName } from "./sizes.ts"

/** Types with a record of their own. */
export const TYPES = 64

/** The counts at one moment. */
interface Counts {
  succeeded: number
  retried: number
  restarted: number
  cancelled: number
  readonly failed: Map<string, number>
  readonly buckets: Float64Array
  /** Microseconds. */
  busy: number
  reported: number
}

const none = (): Counts => ({
  succeeded: 0,
  retried: 0,
  restarted: 0,
  cancelled: 0,
  failed: new Map(),
  buckets: new Float64Array(RUN_TIME_BUCKETS),
  busy: 0,
  reported: 0
})

const add = (to: Counts, counts: TaskCounts, factor: 1 | -1): void => {
  to.succeeded += factor * counts.succeeded
  to.retried += factor * counts.retried
  to.restarted += factor * counts.restarted
  to.cancelled += factor * counts.cancelled
  for (const [reason, count] of counts.failed) to.failed.set(reason, (to.failed.get(reason) ?? 0) + factor * count)
  const { buckets, count, micros } = counts.runTimes
  for (let i = 0; i < RUN_TIME_BUCKETS; i++) to.buckets[i] += factor * buckets[i]
  to.busy += factor * micros
  to.reported += factor * count
}

export class TypeRecord {
  readonly id: number
  readonly name: string
  /** Chunks that have ended, and their tasks. */
  chunks = 0
  chunkTasks = 0
  /** Its counts in the latest frame that had it, to find out whether it has changed. */
  private seen = -1
  private readonly sources: Array<TaskCounts> = []
  private readonly before = none()

  constructor(id: number, name: string) {
    this.id = id
    this.name = name
  }

  /** Counts of a scheduler; `isOlder`: those that there were before the recording began. */
  addSource(counts: TaskCounts, isOlder: boolean): void {
    if (this.sources.includes(counts)) return
    this.sources.push(counts)
    if (isOlder) add(this.before, counts, -1)
  }

  /** Counts a failed attempt that there was before the recording began. */
  addFailureBefore(reason: string): void {
    const { failed } = this.before
    failed.set(reason, (failed.get(reason) ?? 0) + 1)
  }

  /** The longest run time, in microseconds, if no earlier recording of the dispatcher had a longer one. */
  get longest(): number {
    return this.sources.reduce((longest, { runTimes }) => Math.max(longest, runTimes.longest), 0)
  }

  /** Whether a count of it has changed since `see` was called. */
  get hasChanged(): boolean {
    return this.all !== this.seen
  }

  /** A frame has it. */
  see(): void {
    this.seen = this.all
  }

  /** The sum of its counts. */
  private get all(): number {
    let all = this.chunks
    for (const { cancelled, failed, restarted, retried, runTimes, succeeded } of this.sources) {
      all += cancelled + restarted + retried + succeeded + runTimes.count
      for (const count of failed.values()) all += count
    }
    return all
  }

  /** The counts since the recording began. */
  counts(): Counts {
    const counts = none()
    counts.succeeded = this.before.succeeded
    counts.retried = this.before.retried
    counts.restarted = this.before.restarted
    counts.cancelled = this.before.cancelled
    for (const [reason, count] of this.before.failed) counts.failed.set(reason, count)
    counts.buckets.set(this.before.buckets)
    counts.busy = this.before.busy
    counts.reported = this.before.reported
    for (const source of this.sources) add(counts, source, 1)
    return counts
  }
}

export class TypeRecords {
  readonly all: Array<TypeRecord> = []
  private readonly byName = new Map<string, TypeRecord>()
  private last: TypeRecord | undefined
  private lastName: string | undefined

  /** The record of a name. */
  get(name: string): TypeRecord {
    return name === this.lastName ? this.last! : this.find(name)
  }

  private find(name: string): TypeRecord {
    const record = this.byName.get(name) ?? this.make(name)
    this.lastName = name
    return this.last = record
  }

  private make(name: string): TypeRecord {
    if (this.all.length > TYPES) return this.all[TYPES]
    const isShared = this.all.length === TYPES
    const record = new TypeRecord(this.all.length, isShared ? "others" : shortName(name))
    this.all.push(record)
    // The names of further types are looked for in vain, so that they are not kept.
    if (!isShared) this.byName.set(name, record)
    return record
  }
}
