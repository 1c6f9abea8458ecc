/**
 * The contract between the scheduler and an executor: the worker handles that an
 * executor joins, and the scheduler that it is given. Types only; `Executor.ts`
 * exports them to users.
 */
import type * as Tracer from "effect/Tracer"
import type * as Task from "../task.ts"

/**
 * How the scheduler is to treat an executor.
 *
 * @category models
 */
export interface ExecutorSettings {
  /** For people: "dummy", "fiber", "pool". */
  readonly name: string
  /** `"codec"`: lanes get encoded payloads and report encoded results. `"none"`: live values on both ways. */
  readonly boundary: "codec" | "none"
  /** The largest chunk that helps. */
  readonly maxChunk: number
  /** How long a chunk should take at a codec boundary, in microseconds: less than that, and sending it is dear. Default 700. */
  readonly chunkMicros?: number | undefined
  /** How long a task waits for a lane that serves it, in milliseconds, while there are others. Default: not at all. */
  readonly unservedTimeout?: number | undefined
}

/**
 * Runs tasks of its executor: a thread, a worker process, or this process. Every
 * member is synchronous and never throws.
 *
 * @category models
 */
export interface WorkerHandle {
  /** `TaskFailure.worker`. */
  readonly name: string
  /** Tasks that really run at once. */
  readonly concurrency: number
  /** Tasks that keep it busy, those on their way included. */
  readonly window: number
  /** There may be something to take again. Called at most once per `take` that returned nothing. */
  readonly wake: () => void
  /**
   * Stops an item. Always answered: by `succeed` or `fail` (it had ended or has
   * been stopped), by `giveBack` (it had not started) or by `leave`.
   */
  readonly cancel: (chunk: Chunk, at: number) => void
  /**
   * Takes the buffers of a payload from the caller where the task says so. Such a
   * task comes alone in its chunk, and whatever it is given back for, it cannot be
   * started again. Default `false`: payloads stay the caller's.
   */
  readonly moves?: boolean | undefined
  /** Tasks at this depth of nesting that may start. Default: as many as the lane takes. */
  readonly capacityAt?: ((depth: number) => number) | undefined
  /** Why it cannot run the tasks of a name, or `undefined` if it can. Default: it can run all. Must not change. */
  readonly unsupported?: ((name: string) => string | undefined) | undefined
}

// ----------------------------------------------------------------------------
// What an executor is given
// ----------------------------------------------------------------------------

/**
 * One task in a chunk.
 *
 * @category models
 */
export interface Item {
  /** The name of the task. */
  readonly name: string
  /** The task itself, or at a codec boundary its encoded payload. */
  readonly payload: unknown
  /** Which start this is, from 1. */
  readonly attempt: number
  /** The longest it may run, in milliseconds, from its start on the lane; enforced there. */
  readonly taskTimeout: number | undefined
  /** `false`: its outcome is reported before the next item starts. */
  readonly idempotent: boolean
  /** Whose buffers are given up, where the lane can move them. */
  readonly transfer: Task.Transfer | undefined
  /** The caller's span; the task gets one of its own only if it is sampled. */
  readonly span: Tracer.AnySpan | undefined
  /** How many tasks wait for it, one within the other. */
  readonly depth: number
}

/**
 * Tasks that a lane took together.
 *
 * @category models
 */
export interface Chunk {
  /** Unique in the dispatcher, increasing. */
  readonly id: number
  readonly items: ReadonlyArray<Item>
  /** Microseconds that one item is expected to take, on average; 0 while unknown. */
  readonly expectedMicros: number
  /** Its one item may have ended a lane before, and counts as guilty if this one is lost with it. */
  readonly quarantined: boolean
  /** Bytes that the payload of one item holds, on average; 0 while unknown. */
  readonly bytes: number
  /** For the lane's own use. */
  note: unknown
}

/**
 * How an item failed, as it crosses the boundary.
 *
 * @category models
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
  /** The item is proven to have ended what ran it below the lane, which goes on: counts as a loss of its own. */
  | ({ readonly _tag: "WorkerLost" } & WorkerExit)
  /** Below the lane nothing could be had that runs it. */
  | { readonly _tag: "NoWorker"; readonly millis: number; readonly cause: string | undefined }

/**
 * How a process or a thread ended.
 *
 * @category models
 */
export interface WorkerExit {
  readonly exitCode?: number | undefined
  readonly signal?: string | undefined
  readonly outOfMemory: boolean
}

/**
 * What only a lane knows of an item that it ran: which start the last one was, where
 * it started it again by itself, and by whom it was run, where that is not the lane.
 *
 * @category models
 */
export interface AttemptInfo {
  readonly attempt: number
  readonly worker: string
}

/**
 * Stack and spans of a failure, or where no process lies between, how to render them.
 *
 * @category models
 */
export type Trace = string | (() => string)

/**
 * How a lane was lost.
 *
 * @category models
 */
export interface WorkerLoss extends WorkerExit {
  /**
   * Who is to blame where no chunk names a culprit. By default an item that ran
   * alone is, and of several none is proven. `"nobody"`: the lane was ended for a
   * reason that has its outcome already. `"ambiguous"`: not even one that ran alone
   * is proven.
   */
  readonly attribution?: "nobody" | "ambiguous" | undefined
  /**
   * Per chunk: whether an unsettled item may have started, and which one is proven
   * to have ended the lane. A chunk that is left out had not started.
   */
  readonly chunks: ReadonlyArray<{
    readonly chunk: Chunk
    readonly started: (at: number) => boolean
    readonly culprit?: number | undefined
  }>
}

/**
 * The scheduler, as an executor sees it. Every member is synchronous and never
 * throws. A call for an item that has its outcome, or that is not the lane's any
 * more, is ignored: this is the one place where late outcomes are dropped.
 *
 * @category models
 */
export interface Scheduler {
  /** The lane may take from now on. */
  join(lane: WorkerHandle): void
  /**
   * At most `max` tasks for this lane, or `undefined`: it is then woken when there
   * may be more. `first` names a task whose children come before all others.
   */
  take(lane: WorkerHandle, max: number, first?: TaskToken): Chunk | undefined
  /** The item succeeded, with its (encoded) value. */
  succeed(chunk: Chunk, at: number, value: unknown): void
  /** The item failed. */
  fail(chunk: Chunk, at: number, failure: WireFailure, ran?: AttemptInfo): void
  /** A lane spent so many microseconds on these items of its chunks, not yet reported. Sizes later chunks. */
  recordBusy(items: ReadonlyArray<Item>, micros: number): void
  /** Items from `from` up to, not including, `to` surely did not start. They count no attempt. */
  requeue(chunk: Chunk, from: number, to: number): void
  /** No event of this lane follows. Without a loss, what it held did not start. */
  leave(lane: WorkerHandle, loss?: WorkerLoss): void
  /** No lane can be had, for so many milliseconds already: what waits fails with `NoWorker` until one joins. */
  unavailable(cause: unknown, waited?: number): void
  /** Milliseconds of a monotonic clock: the `Clock` of the Effect that opened the executor. */
  now(): number
  /** Calls `f` once, in so many milliseconds, unless it is cancelled first. */
  after(millis: number, f: () => void): Cancel
}

/**
 * Cancels a call of `Scheduler.after`. Does nothing once it was made.
 *
 * @category models
 */
export type Cancel = () => void

/**
 * A task that is running, for an executor that lets its handlers run tasks on the
 * same dispatcher: `Scheduler.take` gives its children first.
 *
 * @category models
 */
export interface TaskToken {
  /** The scheduler that runs it. */
  readonly scheduler: object
}

/**
 * What every dispatcher can be given.
 *
 * @category models
 */
export interface DispatcherOptions {
  /**
   * Tasks accepted and not started, over all executions and queues. What is sent
   * to a worker and has not started counts. Each execution, queue and parent task
   * may always have one. Default `"unbounded"`.
   */
  readonly capacity?: number | "unbounded" | undefined
  /** How often a task may be alone on a worker that is lost, before it fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
}

/**
 * What a dispatcher is doing, at one moment.
 *
 * @category models
 */
export interface Status {
  /** Tasks accepted and not started. */
  readonly waiting: number
  /** Tasks that run. */
  readonly running: number
  /** Executions, queues and single runs that are open. */
  readonly executions: number
  /** Outcomes since the dispatcher started. */
  readonly succeeded: number
  readonly failed: number
  readonly workers: ReadonlyArray<{
    readonly name: string
    /** Tasks that it runs at once. */
    readonly concurrency: number
    /** Tasks that it holds, running or not yet started. */
    readonly assigned: number
  }>
}
