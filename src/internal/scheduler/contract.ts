/**
 * The contract between the scheduler and an executor: the worker handles that an
 * executor joins, and the scheduler that it is given. Types only; `Executor.ts`
 * exports them to users.
 *
 * Must stay true: every member is synchronous and never throws, and the
 * scheduler ignores reports about items that the worker does not hold.
 */
import type * as Tracer from "effect/Tracer"
import type * as Task from "../task.ts"

/**
 * The properties of an executor that the scheduler needs.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ExecutorSettings {
  /** The name in messages: "dummy", "fiber", "pool". */
  readonly name: string
  /** `"codec"`: workers get encoded payloads and report encoded results. `"none"`: they get and report live values. */
  readonly boundary: "codec" | "none"
  /**
   * At a codec boundary: workers copy payloads, and neither keep a part of one after its item has succeeded nor report
   * one in a result. The memory of large bytes then serves another payload, and they are empty. Default `false`.
   */
  readonly copiesPayloads?: boolean | undefined
  /** The largest chunk that saves time, in tasks. */
  readonly maxChunk: number
  /**
   * How long a chunk should take at a codec boundary, in microseconds: below this, the
   * cost per message dominates. Default 700.
   */
  readonly chunkMicros?: number | undefined
  /**
   * How long a task waits for a worker that supports it, in milliseconds, while there are
   * workers that do not. Default 0.
   */
  readonly unservedTimeout?: number | undefined
}

/**
 * The scheduler's handle of a worker: a thread, a worker process, or this process.
 * Every member is synchronous and never throws.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface WorkerHandle {
  /** The name in `TaskFailure.worker`. */
  readonly name: string
  /** Tasks that run at the same time. */
  readonly concurrency: number
  /** Tasks that keep it busy, tasks on their way included. */
  readonly window: number
  /** `take` may return something again. Called at most once per `take` that returned nothing. */
  readonly wake: () => void
  /**
   * Stops an item. An answer always follows: `succeed` or `fail` (it had ended, or it
   * was stopped), `requeue` (it had not started) or `leave`.
   */
  readonly cancel: (chunk: Chunk, at: number) => void
  /**
   * Moves the buffers of a payload away from the caller where the task declares so.
   * Such a task comes alone in its chunk, and cannot be started again, even if it is
   * requeued. Default `false`: payloads are copied.
   */
  readonly moves?: boolean | undefined
  /**
   * Tasks that it was sent and that have not started can be taken back. If not, a task with a timeout and one that is
   * not idempotent come alone in their chunks. Default `true`.
   */
  readonly retracts?: boolean | undefined
  /** Its tasks run in the thread of the scheduler, so that no time is spent on sending them. Default `false`. */
  readonly sharesThread?: boolean | undefined
  /**
   * The time, in milliseconds, in which the event loop of a thread of its own worked and was idle since it began, for
   * recordings.
   */
  readonly eventLoop?: (() => { readonly active: number; readonly idle: number }) | undefined
  /**
   * The bytes that were in use on the heap of a thread of its own at the previous call, for recordings that somebody
   * views.
   */
  readonly heapBytes?: (() => number | undefined) | undefined
  /** Tasks at this depth of nesting that may start. Default: as many as it takes. */
  readonly capacityAt?: ((depth: number) => number) | undefined
  /** Why it cannot run tasks of this name, or `undefined` if it can. Default: it can run all. Must not change. */
  readonly unsupported?: ((name: string) => string | undefined) | undefined
  /** Takes chunks with `Chunk.encoded`. Default `false`. */
  readonly takesEncoded?: boolean | undefined
}

// ----------------------------------------------------------------------------
// The scheduler, as an executor is given it
// ----------------------------------------------------------------------------

/**
 * One task in a chunk.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Item {
  /** The name of the task. */
  readonly name: string
  /** The task itself, or at a codec boundary its encoded payload. */
  readonly payload: unknown
  /** Which start this is, from 1. */
  readonly attempt: number
  /** The longest it may run, in milliseconds, from its start on the worker, which enforces it. */
  readonly taskTimeout: number | undefined
  /** `false`: its outcome is reported before the next item starts. */
  readonly idempotent: boolean
  /** Which buffers are moved, where the worker can move them. */
  readonly transfer: Task.Transfer | undefined
  /** The caller's span. The task gets a span of its own only if this one is sampled. */
  readonly span: Tracer.AnySpan | undefined
  /** How deep it is nested: 0 unless a handler started it. */
  readonly depth: number
}

/**
 * Tasks that a worker took together.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  /** Unique in the dispatcher, increasing. */
  readonly id: number
  /** The tasks. With `encoded` they are made when this is read, which costs as much as without. */
  readonly items: ReadonlyArray<Item>
  /** The number of items. */
  readonly size: number
  /** Expected microseconds per item, on average; 0 while unknown. */
  readonly expectedMicros: number
  /** Its one item may have ended a worker before. If this worker is lost too, the item is proven guilty. */
  readonly quarantined: boolean
  /** Bytes per payload, on average; 0 while unknown. */
  readonly bytes: number
  /** The items as bytes, for a worker with `WorkerHandle.takesEncoded`. */
  readonly encoded?: EncodedTasks | undefined
  /** For the worker handle's own use. */
  note: unknown
}

/**
 * The items of a chunk as another process encoded them: tasks of one name, each at its first attempt, without a timeout
 * or a span, and idempotent.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface EncodedTasks {
  readonly name: string
  /** The number of tasks. */
  readonly size: number
  /** All payloads, in the format of Remote. */
  readonly payloads: Uint8Array
  /**
   * The items from `from` up to, not including, `to` succeeded with these results, in the format of Remote, and took so
   * many microseconds together. Takes the place of `Scheduler.succeed` and `recordBusy` for these items.
   */
  readonly succeed: (from: number, to: number, results: Uint8Array, micros: number) => void
}

/**
 * How an item failed, as it crosses the boundary.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export type WireFailure =
  | { readonly _tag: "Failed"; readonly error: unknown; readonly trace: Trace }
  | { readonly _tag: "Defect"; readonly defect: unknown; readonly trace: Trace }
  | { readonly _tag: "TimedOut"; readonly millis: number }
  | { readonly _tag: "Interrupted"; readonly trace: Trace }
  | { readonly _tag: "UnknownTask" }
  | {
    readonly _tag: "Undecodable"
    readonly part: "payload" | "success" | "error" | "defect"
    readonly message: string
  }
  /** The item is proven to have ended the thread or process below the worker, which goes on. It counts as a loss. */
  | ({ readonly _tag: "WorkerLost" } & WorkerExit)
  /** Nothing below the worker could run it. */
  | { readonly _tag: "NoWorker"; readonly millis: number; readonly cause: string | undefined }

/**
 * How a process or a thread ended.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface WorkerExit {
  readonly exitCode?: number | undefined
  readonly signal?: string | undefined
  readonly outOfMemory: boolean
}

/**
 * The facts about an item that only its worker knows: the number of its last start, if
 * the worker restarted it by itself, and the name of the thread that ran it.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface AttemptInfo {
  readonly attempt: number
  readonly worker: string
}

/**
 * Stack and spans of a failure; within one process, a function that renders them.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export type Trace = string | (() => string)

/**
 * How a worker was lost.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface WorkerLoss extends WorkerExit {
  /**
   * Which item caused the loss where no chunk names a culprit. By default an item that
   * ran alone did, and of several none is proven. `"nobody"`: the worker was ended for a
   * reason that has its outcome already. `"ambiguous"`: not even an item that ran alone
   * is proven.
   */
  readonly attribution?: "nobody" | "ambiguous" | undefined
  /**
   * Per chunk: whether an item without an outcome may have started, and which item is
   * proven to have ended the worker. A chunk that is left out had not started.
   */
  readonly chunks: ReadonlyArray<{
    readonly chunk: Chunk
    readonly started: (at: number) => boolean
    readonly culprit?: number | undefined
  }>
}

/**
 * The bytes of the messages of one connection, so far.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ConnectionBytes {
  readonly sent: number
  readonly received: number
}

/**
 * The scheduler, as an executor sees it. Every member is synchronous and never
 * throws. A report about an item that has its outcome, or that the worker does not
 * hold any more, is ignored: late outcomes are dropped here and nowhere else.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Scheduler {
  /** The worker may take from now on. */
  join(worker: WorkerHandle): void
  /**
   * At most `max` tasks for this worker, or `undefined`: it is then woken when there
   * may be more. The children of the task `first` come before all others.
   */
  take(worker: WorkerHandle, max: number, first?: TaskToken): Chunk | undefined
  /** The item succeeded, with its (encoded) value. */
  succeed(chunk: Chunk, at: number, value: unknown): void
  /** The item failed. */
  fail(chunk: Chunk, at: number, failure: WireFailure, ran?: AttemptInfo): void
  /**
   * The item failed, and its work goes on. Its caller gets the failure now; the worker
   * holds the item until `succeed` or `fail` reports that the work has stopped, whose
   * outcome is ignored. Until then the item is not started again, and neither its
   * producer nor the dispatcher ends.
   */
  failRunning(chunk: Chunk, at: number, failure: WireFailure): void
  /**
   * A worker spent so many microseconds on these items, each reported once. Sizes later chunks. To be called before the
   * outcomes of the items are reported: else recordings have the time of the type, and not that of the worker.
   */
  recordBusy(items: ReadonlyArray<Item>, micros: number): void
  /** So many slots are starting, all in all: workers that have not joined yet. For recordings. */
  starting(slots: number): void
  /** A worker that has ended, or is about to, is replaced by another one. For metrics. */
  replaced(cause: string): void
  /** Counts the bytes of a connection, until the returned function is called. For metrics. */
  connected(connection: ConnectionBytes): () => void
  /** Items from `from` up to, not including, `to` did not start. They count no attempt. */
  requeue(chunk: Chunk, from: number, to: number): void
  /**
   * No report of this worker follows, and the scheduler does not call it any more. Without a loss, the items that it
   * held did not start.
   */
  leave(worker: WorkerHandle, loss?: WorkerLoss): void
  /**
   * There is no worker, and none can be had. Until one joins, tasks fail with `NoWorker` and this cause once they have
   * waited for so many milliseconds, counted from this call at the earliest. Default 0: at once. To be called again when
   * the cause changes. Does nothing while there is a worker.
   */
  unavailable(cause: unknown, timeout?: number): void
  /**
   * Tasks that wait for a worker, counted up to `max`, for an executor that starts workers on demand. Sources are
   * pulled for it, up to that number.
   */
  demand(max: number): number
  /** The attributes of the spans of tasks that run on a worker of this name, beside those that each span has. */
  spanAttributes(worker: string): { readonly "papyros.dispatcher": string; readonly "papyros.worker": string }
  /** Milliseconds of a monotonic clock: the `Clock` of the Effect that opened the executor. */
  now(): number
  /** Calls `f` once, in so many milliseconds, unless it is cancelled first. */
  after(millis: number, f: () => void): Cancel
}

/**
 * Cancels a call of `Scheduler.after`. Does nothing once the call was made.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export type Cancel = () => void

/**
 * A task that is running, for an executor that lets its handlers run tasks on the
 * same dispatcher: `Scheduler.take` gives its children first.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface TaskToken {
  /** The scheduler that runs it. */
  readonly scheduler: object
}

/**
 * The options of every dispatcher.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface DispatcherOptions {
  /**
   * The largest number of tasks that are accepted and have not started, over all executions and queues. Tasks that were
   * sent to a worker and have not started count. Each execution, queue and parent task may always have one such task.
   * Default `"unbounded"`.
   */
  readonly capacity?: number | "unbounded" | undefined
  /** The number of worker losses attributed to a task at which the task fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
  /**
   * The attribute `dispatcher` of its metrics. A second dispatcher that is open at the time gets `-2` appended, and so on.
   * Default: the name of the executor, such as `fiber` or `pool`.
   */
  readonly name?: string | undefined
}

/**
 * The state of a dispatcher at one moment.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Status {
  /** Tasks accepted and not started. */
  readonly waiting: number
  /** Tasks that run. */
  readonly running: number
  /** Executions, queues and single tasks that are open. */
  readonly executions: number
  /** Outcomes since the dispatcher started. */
  readonly succeeded: number
  readonly failed: number
  readonly workers: ReadonlyArray<{
    readonly name: string
    /** Tasks that it runs at the same time. */
    readonly concurrency: number
    /** Tasks that it holds, running or not started yet. */
    readonly assigned: number
  }>
}
