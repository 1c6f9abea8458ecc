/**
 * The data of a recording. All of it is plain and can be encoded as JSON: numbers are finite, and absent values are
 * `null`. `Recording.ts` exports these types, and the page in a browser reads them.
 *
 * Must stay true: a count or time of a summary only grows; lists are bounded, and say how many entries there are in all.
 */

/**
 * Counts since the recording began. A failed attempt that is retried is not a failed task.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Totals {
  /** Attempts that workers were given: those with an outcome, those that were cancelled or restarted, and those held now. */
  readonly started: number
  readonly succeeded: number
  /** Failed attempts that no retry followed. */
  readonly failed: number
  /** Failed attempts that the retry policy repeated. */
  readonly retried: number
  /** Starts that were repeated because the worker was lost. */
  readonly restarted: number
  /** Tasks that were cancelled while a worker had them. */
  readonly cancelled: number
  /** Tasks now: accepted and not started. */
  readonly waiting: number
  /** Tasks now: on a slot of a worker. */
  readonly running: number
  /** Tasks now: failed, and waiting for their next attempt. */
  readonly retrying: number
  /** Executions, queues and single tasks that are open now. */
  readonly executions: number
  /** Slots of all workers now. */
  readonly slots: number
}

/**
 * How often run times occurred. The count at `i` is of bucket `from + i`. Bucket `b` begins at
 * `2 ** (floor(b / 4) - 4) * (1 + (b % 4) / 4)` microseconds and ends where the next one begins. A time below the first
 * bucket is in bucket 0; one above the last, an hour, in bucket 143.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Histogram {
  readonly from: number
  readonly counts: ReadonlyArray<number>
}

/**
 * The tasks of one type. At most 64 types, and one named `others`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface TypeSummary {
  /** The place in `Summary.types`, to which segments refer. */
  readonly id: number
  /** The name of the task; at most 100 characters of it. */
  readonly name: string
  readonly succeeded: number
  /** Failed attempts that no retry followed, and those that wait for one. */
  readonly failed: number
  readonly retried: number
  readonly restarted: number
  readonly cancelled: number
  /** Failed attempts by the tag of their reason. */
  readonly reasons: Readonly<Record<string, number>>
  /** Milliseconds that workers spent on its tasks. */
  readonly busy: number
  /** Run times of tasks. Tasks that a worker reports together count with their mean. */
  readonly runs: Histogram
  /** The mean run time, in milliseconds; `null` before the first report. */
  readonly mean: number | null
  /** Percentiles of the run times, in milliseconds, with an error of at most an eighth; `null` before the first report. */
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  /** Tasks in a chunk, on average; `null` before the first chunk has ended. */
  readonly chunk: number | null
}

/**
 * A worker that has joined. At most 256, and one named `others` with the sums of all further ones. When there are more, a
 * worker that joins gets the id of the one that left first.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface WorkerSummary {
  /** The place in `Summary.workers`, to which segments refer. */
  readonly id: number
  readonly name: string
  /** Tasks that it runs at the same time. */
  readonly slots: number
  readonly state: "up" | "left" | "lost"
  /** When it joined and left, in milliseconds since the recording began. */
  readonly joinedAt: number
  readonly leftAt: number | null
  /** Tasks that it holds now, running or not started. */
  readonly held: number
  /** Tasks that it ended, or was lost with, in chunks that have ended. */
  readonly tasks: number
  /** Failed attempts. */
  readonly failed: number
  /** Milliseconds that it spent on tasks. */
  readonly busy: number
  /** Milliseconds in which its slots held a task, summed over slots. */
  readonly occupied: number
  /** The busy share: the part of the time of its slots that it spent on tasks, 0 to 1. */
  readonly share: number
  /** Bytes in use on the heap of its own thread at the latest reading; `null` if it has none, or Node reports none. */
  readonly heap: number | null
  /** The chunk that it has held longest. */
  readonly oldest: {
    /** The type of the first task of the chunk. */
    readonly type: number
    /** Tasks without an outcome. */
    readonly tasks: number
    /** Milliseconds since the worker was given the chunk. */
    readonly age: number
  } | null
}

/**
 * Where the time of slots went, in milliseconds. The members add up to the slots of all workers × time, slots that were
 * starting included.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface TimeBudget {
  /** Slots ran a task, as their workers report it. On Fiber and Dummy: slots held a task. */
  readonly running: number
  /** Slots held a task that did not run, or were free while tasks were not handed out: encoding, sending, a busy main thread. */
  readonly sending: number
  /** Slots were starting: a pool replaces or adds a thread. */
  readonly starting: number
  /** Slots were free, and sources had no task yet. */
  readonly input: number
  /** Slots were free, and consumers had not taken the results that `bufferSize` or a queue lets wait. */
  readonly consumer: number
  /** Slots were free, and results waited for that of an earlier task, because of `ordered`. */
  readonly order: number
  /** Slots were free, and the tasks left waited for their next attempt. */
  readonly retry: number
  /** Slots were free, and there was no task left. */
  readonly noTasks: number
}

/**
 * A change that would make a run shorter.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Advice {
  readonly kind: "small" | "oneThread" | "waiting" | "input" | "consumer" | "tail" | "order" | "chunkSize" | "lost"
  /** One or two sentences, in English. */
  readonly text: string
  /** The time by which the change would shorten the run at most, in milliseconds. */
  readonly gain: number
}

/**
 * A failed attempt.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface FailureSummary {
  /** Increasing in the recording. */
  readonly id: number
  /** Milliseconds since the recording began. */
  readonly at: number
  readonly task: string
  /** The index of the task in its source. */
  readonly index: number
  /** The tag of the reason, such as `Failed` or `TimedOut`. */
  readonly reason: string
  /** The tag or name of the error; `null` if the reason has none. */
  readonly error: string | null
  readonly worker: string
  readonly attempt: number
  /** At most 300 characters. Can hold data of the task. */
  readonly message: string
  /** The id of its group. */
  readonly group: number
}

/**
 * An attempt that failed, or whose worker was lost.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly attempt: number
  /** Milliseconds since the recording began. */
  readonly at: number
  readonly worker: string
  /** The tag of the reason: `WorkerLost`, if the worker was lost and the task started again. */
  readonly reason: string
  /** At most 300 characters. Can hold data of the task. If the worker was lost: the cause, as in a `WorkerEvent`. */
  readonly message: string
}

/**
 * A failed attempt with its details.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Failure extends FailureSummary {
  /** The whole message, at most 1 KiB. */
  readonly text: string
  /** Stack and spans, at most 8 KiB. */
  readonly trace: string
  /** The task as JSON, at most 2 KiB, if the recording was made with `payloads`. */
  readonly payload: string | null
  /** The ids of the span under which the task was run or pushed; `null` if that was not sampled. */
  readonly span: { readonly traceId: string; readonly spanId: string } | null
  /** The attempts of the task before this one, the oldest first; at most the latest 8 of those that were recorded. */
  readonly attempts: ReadonlyArray<Attempt>
}

/**
 * Failed attempts with the same task, reason, error and place in the code.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface FailureGroup {
  readonly id: number
  readonly task: string
  readonly reason: string
  readonly error: string | null
  /** The first line of the stack below the message; `null` if there is none. */
  readonly place: string | null
  readonly count: number
  /** Milliseconds since the recording began. */
  readonly first: number
  readonly last: number
  /** The latest failed attempt of the group whose details were kept. */
  readonly sample: FailureSummary
}

/**
 * An event of a worker.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface WorkerEvent {
  /** Increasing in the recording. */
  readonly id: number
  /** Milliseconds since the recording began. */
  readonly at: number
  /** The name of the worker. */
  readonly worker: string
  readonly kind: "joined" | "left" | "lost" | "restarted"
  /**
   * How it was lost: `out of memory`, `terminated`, `exit` or `connection`. Of `restarted`: the name of the task, or
   * `several types`.
   */
  readonly detail: string | null
  /** Of `restarted`: the number of tasks that started again because of one loss. Else 0. */
  readonly tasks: number
}

/**
 * Times in which slots held tasks, as columns: the members at one place belong together. Chunks of one type that
 * follow each other within 2 ms are one segment. Segments of one row do not overlap.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Segments {
  /** Ids of workers. */
  readonly worker: ReadonlyArray<number>
  /** The row of the worker, from 0: one for each slot in use, at most 32. */
  readonly row: ReadonlyArray<number>
  /** Ids of types: that of the first task of a chunk. */
  readonly type: ReadonlyArray<number>
  /** Milliseconds since the recording began. */
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
  readonly tasks: ReadonlyArray<number>
  /** Failed attempts. */
  readonly failed: ReadonlyArray<number>
  /** Milliseconds that the worker spent on the tasks. Can exceed the length: tasks of one chunk may run at once. */
  readonly busy: ReadonlyArray<number>
}

/**
 * Counts over the whole recording, in columns of the same width.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Series {
  /** The width of a column, in milliseconds. It doubles when there are 600 columns. */
  readonly width: number
  readonly succeeded: ReadonlyArray<number>
  readonly failed: ReadonlyArray<number>
  /** The latest values in the column. */
  readonly waiting: ReadonlyArray<number>
  readonly running: ReadonlyArray<number>
  readonly slots: ReadonlyArray<number>
  /** Milliseconds in which slots held a task, summed over slots. */
  readonly occupied: ReadonlyArray<number>
}

/**
 * The figures of a recording so far: totals, types, workers, the time budget, groups of failures, and advice. Totals,
 * run times and the time of workers are exact; the reasons for which slots were free are sampled.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  /** The option `name`, else the executors of the dispatcher. */
  readonly name: string
  /** When the recording began, in milliseconds of Unix time. */
  readonly startedAt: number
  /** Milliseconds from the beginning of the recording to now, or to its end. */
  readonly duration: number
  readonly totals: Totals
  readonly types: ReadonlyArray<TypeSummary>
  readonly workers: ReadonlyArray<WorkerSummary>
  readonly budget: TimeBudget
  /** The share of the time in which the main thread was busy, 0 to 1. */
  readonly mainThread: number
  /** Failed attempts. */
  readonly failures: number
  /** The 100 latest groups. */
  readonly groups: ReadonlyArray<FailureGroup>
  /** Failed attempts that are in none of these groups. */
  readonly ungrouped: number
  /** The largest gain first; at most two, and none for a recording under 2 seconds. */
  readonly advice: ReadonlyArray<Advice>
}

/**
 * All that a viewer needs to begin; frames then have the changes. At most 512 KiB as JSON.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Snapshot extends Summary {
  /** The sequence number of the latest frame: the next frame continues from here. */
  readonly sequence: number
  readonly series: Series
  /** The latest segments, at most 8,000, the oldest first. */
  readonly segments: Segments
  /** The number of all segments, with those that are not kept any more. */
  readonly segmentCount: number
  /** The latest failed attempts, at most 200, the newest first. */
  readonly latestFailures: ReadonlyArray<FailureSummary>
  /** The latest events, at most 500, the newest first. */
  readonly events: ReadonlyArray<WorkerEvent>
}

/**
 * The changes since the frame before, twice a second. At most 64 KiB as JSON. Counts and times are since the recording
 * began, not since the frame before.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  /** One more than that of the frame before. After a gap, take a snapshot. */
  readonly sequence: number
  /** Milliseconds since the recording began. */
  readonly at: number
  /** The recording has ended: no frame follows. */
  readonly ended: boolean
  readonly totals: Totals
  /** Types whose counts have changed; of more than fit, the others follow in later frames. */
  readonly types: ReadonlyArray<TypeSummary>
  /** Workers that have changed or hold a task; of more than fit, 64 at most, the others follow in later frames. */
  readonly workers: ReadonlyArray<WorkerSummary>
  readonly budget: TimeBudget
  readonly mainThread: number
  readonly failures: number
  /** Groups that have changed; of more than fit, 20 at most, the others follow in later frames. */
  readonly groups: ReadonlyArray<FailureGroup>
  /** Failed attempts that are in no group. */
  readonly ungrouped: number
  /** New failures of which details were kept; of more than fit, 20 at most, the latest. */
  readonly latestFailures: ReadonlyArray<FailureSummary>
  /** New events; of more than fit, 50 at most, the latest. */
  readonly events: ReadonlyArray<WorkerEvent>
  /** New segments; of more than fit, 400 at most, the latest. */
  readonly segments: Segments
  /** Segments in all. */
  readonly segmentCount: number
  readonly advice: ReadonlyArray<Advice>
}

/** The header of a packed history, which `pack.ts` describes. */
export interface HistoryHeader {
  readonly version: 1
  /** Milliseconds of a column, and the number of columns. */
  readonly width: number
  readonly columns: number
  readonly types: ReadonlyArray<string>
  /** By worker: its name, its slots, and the ids of the types that have columns, -1 for all further types. */
  readonly workers: ReadonlyArray<
    { readonly name: string; readonly slots: number; readonly types: ReadonlyArray<number> }
  >
  readonly segments: number
  /** Milliseconds since the recording began. */
  readonly segmentsFrom: number
}
