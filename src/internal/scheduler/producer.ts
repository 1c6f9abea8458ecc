/**
 * The seam between what hands out tasks (an execution, a queue, single runs) and
 * the scheduler of a dispatcher. An origin knows its credits, its order, its
 * retries and its consumer; the scheduler knows lanes, capacity, fairness and losses.
 * `Dispatcher.layerRoute` joins an origin to several schedulers.
 */
import * as Context from "effect/Context"
import * as Tracer from "effect/Tracer"
import type * as TaskFailure from "../../TaskFailure.ts"
import type * as Task from "../task.ts"
import type { Timers } from "../timers.ts"
import type { Item, TaskToken } from "./contract.ts"

/** One accepted task on its way to its one outcome. */
export class TaskEntry implements Item {
  readonly task: Task.Any
  readonly index: number
  readonly taskTimeout: number | undefined
  /** Counts every start. */
  attempt = 0
  /** How often it was alone on a worker that was lost. */
  losses = 0
  /** The chunk that holds it, which is how late outcomes are told. Owned by the scheduler, as is the link. */
  lease: object | undefined = undefined
  subscription: Subscription | undefined = undefined
  /** What the scheduler knows of its type. */
  type: object | undefined = undefined
  /** Its caller no longer wants it: it never starts, or its outcome is dropped. */
  cancelled = false
  /** Has a place of the capacity, until it starts. */
  accepted = false
  /** The task itself, or its encoded payload. Owned by the scheduler. */
  payload: unknown = undefined
  value: unknown = undefined
  failure: TaskFailure.TaskFailure<Task.Any> | undefined = undefined

  constructor(task: Task.Any, index: number, taskTimeout: number | undefined) {
    this.task = task
    this.index = index
    this.taskTimeout = taskTimeout
  }

  get name(): string {
    return this.task._tag
  }

  get idempotent(): boolean {
    return this.task["~papyros/Task"].idempotent
  }

  get transfer(): Task.Transfer | undefined {
    return this.task["~papyros/Task"].transfer
  }

  get span(): Tracer.AnySpan | undefined {
    return this.subscription!.producer.span
  }

  get depth(): number {
    return this.subscription!.depth
  }
}

/** Hands out tasks. Every member is synchronous and never throws. */
export interface Producer {
  /** Its tasks took their place of the capacity when they were pushed, not when they are asked for. */
  readonly pushed: boolean
  /** Tasks in a chunk, or `undefined` to let the scheduler choose. */
  readonly chunkSize: number | undefined
  /** The caller's span. */
  readonly span: Tracer.AnySpan | undefined
  /** The running task whose handler made this origin. */
  readonly parent: ParentTask | undefined
  /** The next task to start, or `undefined`: it is asked again after `link.ready()`. */
  readonly next: () => TaskEntry | undefined
  /** The entry has its outcome: `failure`, or else `value`. Not called for cancelled entries. */
  readonly settled: (entry: TaskEntry) => void
  /** A cancelled entry has stopped, or will not start. */
  readonly dropped?: ((entry: TaskEntry) => void) | undefined
  /** There may be room for a push that `link.accept` refused. */
  readonly onCapacity: () => void
  /** The dispatcher's scope ends. */
  readonly closed: () => void
}

/** What the scheduler gives to an origin that joined it. */
export interface Subscription {
  readonly producer: Producer
  /** How many tasks wait for its tasks, one within the other. */
  readonly depth: number
  /** The origin has something to start. */
  readonly ready: () => void
  /** Whether any task would be accepted; if not, `roomy` tells when to ask again. */
  readonly hasCapacity: () => boolean
  /** Takes a place of the dispatcher's capacity for a task that waits to start. */
  readonly accept: (task: Task.Any) => boolean
  /** Cancels every entry with an index above `after`, that lanes hold or that waits to be started again. */
  readonly cancelAfter: (after: number) => void
  /** Nothing more will start; calls `stopped` once all that ran for the origin has stopped. */
  readonly end: (stopped: () => void) => void
  /** Tasks that really run at once, over all lanes. */
  readonly slots: () => number
  /** Tasks that keep all lanes busy, chunks on their way included. */
  readonly window: () => number
  readonly timers: Timers
}

/** A running task, seen by the tasks that its handler starts. */
export interface ParentTask extends TaskToken {
  readonly depth: number
  /** Links of its children, which a lent slot serves first. Owned by the scheduler. */
  subscriptions: Set<Subscription> | undefined
  /** Lends the slot, until `resume` is called as often. */
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

/** The scheduler's side of a dispatcher: where origins join. */
export interface SchedulerHandle {
  /** Joins an origin, or `undefined` if the dispatcher is closed. */
  readonly subscribe: (origin: Producer) => Subscription | undefined
}

/** The caller's span. */
export const callerSpan = (context: Context.Context<never>): Tracer.AnySpan | undefined =>
  Context.getOrUndefined(context, Tracer.ParentSpan)

/** The longest one start of a task may run: the option, else what the task declares. */
export const taskTimeoutOf = (task: Task.Any, option: number | undefined): number | undefined =>
  option ?? task["~papyros/Task"].taskTimeout
