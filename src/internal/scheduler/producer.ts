/**
 * The interfaces between producers (an execution, a queue, a single run) and the
 * scheduler of a dispatcher, and the task entry that both sides share.
 *
 * A producer knows its credits, its order, its retries and its consumer. A
 * scheduler knows workers, capacity, fairness and losses. Neither sees the other's
 * state. `RoutedDispatcher` subscribes one producer to several schedulers.
 */
import * as Context from "effect/Context"
import * as Tracer from "effect/Tracer"
import type * as TaskFailure from "../../TaskFailure.ts"
import * as Task from "../task.ts"
import type { Timers } from "../timers.ts"
import type { Item, TaskToken } from "./contract.ts"

/**
 * One accepted task until its one outcome. A class for speed: every field exists
 * from the start, so that no list or map is needed per task.
 */
export class TaskEntry implements Item {
  // Set by the producer.
  readonly definition: Task.Any[typeof Task.TypeId]
  readonly index: number
  readonly taskTimeout: number | undefined
  /**
   * The span of the code that ran or pushed it, or of its execution. Not sampled any more once the task got no span, which
   * `Assignments` alone decides.
   */
  span: Tracer.AnySpan | undefined
  /** Its caller dropped it: it never starts, or its outcome is dropped. */
  cancelled = false

  // Set by the scheduler.
  /** Counts every start. */
  attempt = 0
  /** Losses of workers on which it ran alone. */
  losses = 0
  subscription: Subscription | undefined = undefined
  /** The `TaskType` of its class. */
  type: object | undefined = undefined
  /** Has a place of the capacity. Written by `Places` alone. */
  holdsPlace = false
  /** The chunk of the worker that holds it: an outcome of any other chunk is late. Written by `Assignments` alone. */
  assignment: Assignment | undefined = undefined
  /** That worker has no slot for it yet. Written by `WorkerState` and its subscription alone. */
  prefetched = false
  /** It has its outcome, and its work goes on, so that its worker holds it. */
  lingers = false
  /** The task itself, or its encoded payload. */
  payload: unknown = undefined
  value: unknown = undefined
  failure: TaskFailure.TaskFailure<Task.Any> | undefined = undefined
  private ownTask: Task.Any | undefined

  constructor(
    task: Task.Any,
    index: number,
    taskTimeout: number | undefined,
    span: Tracer.AnySpan | undefined
  ) {
    this.ownTask = task
    this.definition = task[Task.TypeId]
    this.index = index
    this.taskTimeout = taskTimeout
    this.span = span
  }

  /** The task, until the entry is delivered. */
  get task(): Task.Any {
    return this.ownTask!
  }

  /**
   * Its consumer has the outcome. The entry drops task and outcome, since its chunk and its worker refer to it
   * as long as another task of the chunk runs.
   */
  delivered(): void {
    this.ownTask = undefined
    this.payload = undefined
    this.value = undefined
    this.failure = undefined
  }

  get name(): string {
    return this.definition.name
  }

  get idempotent(): boolean {
    return this.definition.idempotent
  }

  get transfer(): Task.Transfer | undefined {
    return this.definition.transfer
  }

  get depth(): number {
    return this.subscription!.depth
  }
}

/** The chunk of a worker that holds an entry. */
export interface Assignment {
  /** Tells the worker to stop the entry. */
  readonly cancel: (entry: TaskEntry) => void
}

/**
 * Why slots are free: the reason for which the producers wait. `"sending"`: there are tasks, and they were not handed out
 * yet.
 */
export type FreeReason = "sending" | "input" | "consumer" | "order" | "retry" | "noTasks"

/**
 * Tasks of one name that came to a producer together, as bytes, and go to a worker as these bytes. With trivial tasks, an
 * entry for each would take more time than all other work of a process that passes them on. A block has no entries
 * before one of its tasks is cancelled, fails or goes elsewhere: then it is opened, once. Until then, its tasks get their outcomes
 * in order.
 */
export interface TaskBlock {
  readonly name: string
  /** The number of its tasks. */
  readonly size: number
  /** All payloads, in memory of their own, which the worker is sent as it is. */
  readonly payloads: Uint8Array
  /** The chunk of the worker that has it; to read `items` opens it. Written by `Assignments` alone. */
  chunk: { readonly items: ReadonlyArray<TaskEntry> } | undefined
  /** Makes the entries of all tasks; those before `from` have their outcome. */
  readonly open: (from: number) => ReadonlyArray<TaskEntry>
  /** Called after `open`, when a chunk holds the entries. */
  readonly opened: () => void
  /** The results of so many tasks, or why they cannot be decoded. */
  readonly decode: (results: Uint8Array, count: number) => ReadonlyArray<unknown> | string
  /** The tasks from `from` up to, not including, `to` have succeeded, and took about so many microseconds each. */
  readonly succeeded: (from: number, to: number, results: Uint8Array, micros: number) => void
}

/** Hands out tasks. Every member is synchronous and never throws. */
export interface Producer {
  /** The executions, queues and single runs that it stands for: 1, but for single runs, which share a producer. */
  readonly callers: number
  /** The tasks that it was given, that it wants, and that have no outcome. */
  readonly unsettled: number
  /** Its entries take their place of the capacity when they are pushed, before the scheduler asks for them. */
  readonly pushed: boolean
  /** Tasks in a chunk, or `undefined` to let the scheduler choose. */
  readonly chunkSize: number | undefined
  /** The running task whose handler made this producer. */
  readonly parent: ParentTask | undefined
  /** The next task to start. After `undefined`, the scheduler asks again when `Subscription.ready` is called. */
  readonly next: () => TaskEntry | undefined
  /** The next tasks to start, if they are a block that `fits`. Asked before `next`. */
  readonly nextBlock?: ((fits: (block: TaskBlock) => boolean) => TaskBlock | undefined) | undefined
  /**
   * The entry has its outcome: `failure`, or else `value`. Not called for cancelled entries. Its work may
   * go on (`TaskEntry.lingers`): if it is handed out again, it starts when that has stopped.
   */
  readonly settled: (entry: TaskEntry) => void
  /** A cancelled entry without an outcome has stopped, or will not start. */
  readonly dropped?: ((entry: TaskEntry) => void) | undefined
  /** Why it has no task to start, for its recorder. Asked when it has none. Absent: it has no tasks. */
  readonly waitsFor?: FreeReason | undefined
  /** Failed tasks that wait for their next attempt. */
  readonly retrying?: number | undefined
  /** Calls the function for each of them. */
  readonly eachRetrying?: ((f: (entry: TaskEntry) => void) => void) | undefined
  /** Results that its consumer has not taken. */
  readonly resultsReady?: number | undefined
  /** `Subscription.runningUnsettled` may have changed. */
  readonly onRunning?: (() => void) | undefined
  /** A place of the capacity may be free for an entry that `Subscription.accept` refused. */
  readonly onCapacity: () => void
  /** The dispatcher's scope ends. */
  readonly closed: () => void
}

/** The side of a subscription that its producer uses. */
export interface Subscription {
  readonly producer: Producer
  /** How deep its tasks are nested: 0 unless a handler made the producer. */
  readonly depth: number
  /** The producer has something to start: `given`, if it is one task that its caller gives now. */
  readonly ready: (given?: TaskEntry) => void
  /** Whether the capacity has a place for any task of this producer. If not, `onCapacity` tells when to ask again. */
  readonly hasCapacity: () => boolean
  /** Takes a place of the dispatcher's capacity for an entry that waits to start. */
  readonly accept: (entry: TaskEntry) => boolean
  /** Cancels entries. `Producer.dropped` follows for those that workers hold; the others are returned. */
  readonly cancel: (entries: ReadonlyArray<TaskEntry>) => ReadonlyArray<TaskEntry>
  /** Cancels every entry with an index above `after` that workers hold or that was requeued. */
  readonly cancelAfter: (after: number) => void
  /** Nothing more will start. Calls `stopped` when everything that ran for the producer has stopped. */
  readonly end: (stopped: () => void) => void
  /** Its tasks that run, with those that were cancelled or have timed out and have not stopped. */
  readonly running: () => number
  /** Its tasks that run, that it wants, and that have no outcome. */
  readonly runningUnsettled: () => number
  /** Tasks that run at the same time, over all workers. */
  readonly slots: () => number
  /** Tasks that keep all workers busy, chunks on their way included. */
  readonly window: () => number
  readonly timers: Timers
  /** Measures the time from now until the entry is handed out to a worker, unless that of another one is measured. */
  readonly time: (entry: TaskEntry) => void
}

/** A caller of single runs: a running task, or the scheduler for those that no handler starts. */
export interface SingleRunsHolder {
  /** The producer of its single runs. Written by `SingleRuns` alone. */
  singleRuns?: object | undefined
}

/** A running task, as the tasks that its handler starts see it. */
export interface ParentTask extends TaskToken, SingleRunsHolder {
  readonly depth: number
  /** Subscriptions of its children, which a lent slot serves first. Written by the scheduler alone. */
  subscriptions: Set<Subscription> | undefined
  /** Lends the slot, until `resume` or `abandon` has been called as often. */
  readonly lendSlot: () => void
  /** Calls `go` as soon as the handler has a slot again. */
  readonly resume: (go: () => void) => void
  /** Ends a wait that was interrupted: the handler goes on unwinding, and has a slot again as soon as one is free. */
  readonly abandon: () => void
}

/** The task whose handler is running. */
export const CurrentParent: Context.Reference<ParentTask | undefined> = Context.Reference<ParentTask | undefined>(
  "papyros/internal/CurrentParent",
  { defaultValue: () => undefined }
)

/** The scheduler of a dispatcher, as producers see it. */
export interface SchedulerHandle extends SingleRunsHolder {
  /** Whether its group has a task of this name. */
  readonly serves: (name: string) => boolean
  /** Subscribes a producer. `undefined` if the dispatcher is closed. */
  readonly subscribe: (producer: Producer) => Subscription | undefined
}

/** The caller's span. */
export const callerSpan = (context: Context.Context<never>): Tracer.AnySpan | undefined =>
  Context.getOrUndefined(context, Tracer.ParentSpan)

/** The longest one start of a task may run: the option, else the declaration of the task. */
export const taskTimeoutOf = (task: Task.Any, option: number | undefined): number | undefined =>
  option ?? task["~papyros/Task"].taskTimeout
