/**
 * One `execute` or `results`: pulls its source as far as its credits go, puts
 * results in order, retries, watches the idle timeout, and hands arrays of
 * results to its consumer.
 *
 * A task takes a credit when it is pulled and gives it back when the consumer,
 * done with the array that holds its result, asks for the next one. So
 * pulled − taken ≤ bufferSize + running slots + one array of the source holds
 * for every element, however slow the consumer is. An array is at most half of
 * the buffer, which keeps workers busy while it is consumed.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import * as EffectScheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { TaskFailure } from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import { describe } from "../describe.ts"
import { ResultSizes } from "../encoding/estimateSize.ts"
import { DispatcherClosed, DispatchTimeout } from "../errors.ts"
import { countOption, millisOption } from "../options.ts"
import {
  callerSpan,
  type ParentTask,
  type Producer,
  type SchedulerHandle,
  type Subscription,
  TaskEntry,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import * as Task from "../task.ts"
import { IdleTimeout } from "./idleTimeout.ts"
import { awaitNested, parentIn } from "./nesting.ts"
import { Retries, type RetryPolicy, toSchedule } from "./retries.ts"
import * as Source from "./source.ts"

/** What an execution is made of; see `Dispatcher.ExecuteOptions` for the meaning. */
export interface ExecutionOptions {
  readonly ordered?: boolean | undefined
  readonly idleTimeout?: Duration.Input | undefined
  readonly taskTimeout?: Duration.Input | undefined
  readonly retry?: RetryPolicy<never> | undefined
  readonly chunkSize?: number | "auto" | undefined
  readonly bufferSize?: number | undefined
  readonly bufferBytes?: number | undefined
}

/** One outcome, for `results`. */
export interface TaskResult<T extends Task.Any> {
  readonly index: number
  readonly task: T
  readonly result: Result.Result<Task.Success<T>, TaskFailure<T>>
}

const BUFFER_SIZE = 1024
const BUFFER_BYTES = 256 * 1024 * 1024

/** The outcome of an entry as a value. */
export const toResult = (entry: TaskEntry): TaskResult<Task.Any> => ({
  index: entry.index,
  task: entry.task,
  result: entry.failure === undefined ? Result.succeed(entry.value) : Result.fail(entry.failure)
})

class Execution<A, E> implements Producer {
  readonly pushed = false
  readonly chunkSize: number | undefined
  readonly span: Tracer.AnySpan | undefined
  readonly parent: ParentTask | undefined
  source!: Source.Source<unknown, E>

  private readonly hub: SchedulerHandle
  private readonly context: Context.Context<never>
  private readonly emit: (entry: TaskEntry) => A
  private readonly failFast: boolean
  private readonly ordered: boolean
  private readonly taskTimeout: number | undefined
  private readonly idleTimeout: number | undefined
  private readonly bufferSize: number | undefined
  private readonly bufferBytes: number
  private readonly schedule: Schedule.Schedule<unknown, TaskFailure<never>> | undefined
  private readonly turns: EffectScheduler.SchedulerDispatcher
  private link: Subscription | undefined
  private retries: Retries | undefined
  private idle: IdleTimeout | undefined
  private readonly sizes = new ResultSizes()

  /** Results that the consumer may take. */
  private readonly ready = new Deque<A>()
  /** Ordered: outcomes that wait for a predecessor, and the index that is next. */
  private readonly early = new Map<number, TaskEntry>()
  private head = 0
  /** Tasks whose next attempt is due. */
  private readonly due = new Deque<TaskEntry>()
  /** A task pulled to learn whether there is one. */
  private peeked: TaskEntry | undefined
  private pulled = 0
  /** Credits there are, as last counted: when used up, when results are taken, when they turn out larger. */
  private credits = 0
  /** Credits in use. */
  private outstanding = 0
  /** Tasks without an outcome. */
  private unsettled = 0
  /** Results in the array that the consumer works on. */
  private inHand = 0
  /** The source waits for a credit. */
  private starved = false
  /** The first failure of an `execute`, by time or, if ordered, by index. */
  private failure: TaskEntry | undefined
  private error: DispatchTimeout | DispatcherClosed | undefined
  /** What was pulled and is not a task ends the source, after the outcomes of all before it. */
  private sourceDefect: Cause.Cause<never> | undefined
  /** Nothing more starts; what still runs is being interrupted. */
  private stopped = false
  private stopping = false
  private onStopped: (() => void) | undefined
  private waiter: (() => void) | undefined
  private waking = false

  constructor(
    hub: SchedulerHandle,
    options: ExecutionOptions,
    context: Context.Context<never>,
    failFast: boolean,
    emit: (entry: TaskEntry) => A
  ) {
    this.hub = hub
    this.context = context
    this.failFast = failFast
    this.emit = emit
    this.ordered = options.ordered === true
    this.taskTimeout = millisOption("taskTimeout", options.taskTimeout)
    this.idleTimeout = millisOption("idleTimeout", options.idleTimeout)
    this.chunkSize = options.chunkSize === "auto" ? undefined : countOption("chunkSize", options.chunkSize, 1)
    this.bufferSize = countOption("bufferSize", options.bufferSize, 1)
    this.bufferBytes = countOption("bufferBytes", options.bufferBytes, 1) ?? BUFFER_BYTES
    this.schedule = options.retry === undefined ? undefined : toSchedule(options.retry)
    this.parent = parentIn(context, hub)
    this.span = callerSpan(context)
    this.turns = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    if (this.stopped) return undefined
    for (let entry = this.due.shift(); entry !== undefined; entry = this.due.shift()) {
      if (!entry.cancelled) return entry
    }
    const peeked = this.peeked
    if (peeked !== undefined) {
      this.peeked = undefined
      return peeked
    }
    return this.failure === undefined ? this.pull() : undefined
  }

  settled(entry: TaskEntry): void {
    if (this.stopped) return
    this.idle?.completed()
    if (entry.failure !== undefined && this.retries?.takes(entry) === true) this.tick()
    else this.finish(entry)
  }

  onCapacity(): void {}

  closed(): void {
    this.fail(new DispatcherClosed())
  }

  // --- tasks -----------------------------------------------------------------

  private limit(): number {
    const link = this.link!
    const size = this.bufferSize ?? Math.max(BUFFER_SIZE, 2 * link.window())
    const mean = this.sizes.mean
    return mean === 0 ? size : Math.max(1, Math.min(size, Math.floor(this.bufferBytes / mean)))
  }

  /** How many credits there are now. */
  private recount(): number {
    return this.credits = this.limit() + this.link!.slots()
  }

  private pull(): TaskEntry | undefined {
    if (this.outstanding >= this.credits && this.outstanding >= this.recount()) {
      this.starved = true
      return undefined
    }
    const task = this.source.next()
    if (task === Source.NONE) {
      if (this.source.done) this.wake()
      return undefined
    }
    if (!Task.isTask(task)) {
      this.sourceDefect = Cause.die(
        new TypeError(`execute was given something that is not a task: ${describe(task)}`)
      )
      this.wake()
      return undefined
    }
    this.outstanding++
    this.unsettled++
    return new TaskEntry(task, this.pulled++, taskTimeoutOf(task, this.taskTimeout))
  }

  private get exhausted(): boolean {
    return this.source.done || this.sourceDefect !== undefined
  }

  private finish(entry: TaskEntry): void {
    this.unsettled--
    this.retries?.settle(entry)
    if (entry.failure !== undefined && this.failFast) {
      if (!this.ordered) {
        this.failure = entry
        this.stop()
        return this.wake()
      }
      if (this.failure === undefined || entry.index < this.failure.index) this.failFrom(entry)
    }
    if (!this.ordered) {
      this.deliver(entry)
    } else if (entry.index === this.head) {
      for (let next: TaskEntry | undefined = entry; next !== undefined;) {
        if (next === this.failure) {
          this.stop()
          break
        }
        this.deliver(next)
        this.head++
        next = this.early.get(this.head)
        if (next !== undefined) this.early.delete(this.head)
      }
    } else {
      this.early.set(entry.index, entry)
    }
    this.tick()
    this.wake()
  }

  private deliver(entry: TaskEntry): void {
    if (entry.failure === undefined && this.sizes.add(entry.value)) this.recount()
    this.ready.push(this.emit(entry))
  }

  /** Ordered: what comes after the failed task is not wanted any more. */
  private failFrom(entry: TaskEntry): void {
    this.failure = entry
    const later = (other: TaskEntry) => other.index > entry.index
    this.retries?.cancel(later)
    for (const other of this.due) if (later(other)) other.cancelled = true
    for (const [index, other] of this.early) if (later(other)) this.early.delete(index)
    if (this.peeked !== undefined && later(this.peeked)) this.peeked = undefined
    this.link!.cancelAfter(entry.index)
  }

  private readonly again = (entry: TaskEntry): void => {
    entry.failure = undefined
    this.due.push(entry)
    this.offer()
  }

  private readonly giveUp = (entry: TaskEntry): void => {
    if (!this.stopped) this.finish(entry)
  }

  /** There is something to start, perhaps. */
  readonly offer = (): void => {
    if (this.stopped || this.link === undefined) return
    this.link.ready()
    if (this.unsettled === 0) this.peek()
    if (this.exhausted) this.wake()
    this.tick()
  }

  /** Learns whether a task is left when none is under way, since no lane may be free to ask. */
  private peek(): void {
    if (this.peeked !== undefined || this.failure !== undefined || this.stopped || this.exhausted) return
    this.peeked = this.pull()
    if (this.peeked !== undefined) this.link!.ready()
  }

  private tick(): void {
    this.idle?.run(this.waiter !== undefined && this.awaited > (this.retries?.size ?? 0))
  }

  /** Tasks without an outcome that are still wanted: after an ordered failure, those before it. */
  private get awaited(): number {
    const failed = this.failure?.index
    if (failed === undefined || !this.ordered) return this.unsettled
    return failed - this.head - this.early.size + (this.early.has(failed) ? 1 : 0)
  }

  // --- the consumer's side ---------------------------------------------------

  private wake(): void {
    if (this.waiter === undefined || this.waking) return
    // Once per turn of the event loop: handing results over one at a time costs more than running them.
    this.waking = true
    this.turns.scheduleTask(this.rouse, 0)
  }

  private readonly rouse = (): void => {
    this.waking = false
    const resume = this.waiter
    if (resume === undefined || !this.hasNews()) return
    this.waiter = undefined
    this.tick()
    resume()
  }

  private hasNews(): boolean {
    return this.ready.length > 0 || this.stopped || (this.exhausted && this.unsettled === 0)
  }

  /** The next array of results. */
  readonly take: Pull.Pull<
    Arr.NonEmptyReadonlyArray<A>,
    TaskFailure<Task.Any> | DispatchTimeout | DispatcherClosed | E
  > = Effect.suspend(() => {
    if (this.link === undefined && !this.join()) return Effect.fail(new DispatcherClosed())
    if (this.inHand > 0) {
      this.outstanding -= this.inHand
      this.inHand = 0
      this.recount()
      if (this.starved) {
        this.starved = false
        this.offer()
      }
    }
    return this.poll()
  })

  private poll(): Pull.Pull<
    Arr.NonEmptyReadonlyArray<A>,
    TaskFailure<Task.Any> | DispatchTimeout | DispatcherClosed | E
  > {
    if (this.ready.length === 0 && this.unsettled === 0 && !this.stopped) this.peek()
    if (this.ready.length > 0) {
      const results = this.ready.take(Math.max(1, Math.ceil(this.limit() / 2)))
      this.inHand = results.length
      return Effect.succeed(results as unknown as Arr.NonEmptyReadonlyArray<A>)
    }
    if (this.error !== undefined) return Effect.fail(this.error)
    if (this.stopped && this.failure !== undefined) return Effect.fail(this.failure.failure!)
    if (this.exhausted && this.unsettled === 0) {
      const cause = this.sourceDefect ?? this.source.cause
      return cause === undefined ? Cause.done() : Effect.failCause(cause)
    }
    return awaitNested(this.parent, (resume) => {
      this.waiter = () => resume(Effect.suspend(() => this.poll()))
      this.tick()
      return Effect.sync(() => {
        this.waiter = undefined
        this.tick()
      })
    })
  }

  private join(): boolean {
    const link = this.hub.subscribe(this)
    if (link === undefined) return false
    this.link = link
    if (this.schedule !== undefined) {
      this.retries = new Retries({
        schedule: this.schedule,
        timers: link.timers,
        runFork: Effect.runForkWith(this.context),
        again: this.again,
        giveUp: this.giveUp
      })
    }
    if (this.idleTimeout !== undefined) {
      const duration = Duration.millis(this.idleTimeout)
      this.idle = new IdleTimeout(
        this.idleTimeout,
        link.timers,
        () => this.fail(new DispatchTimeout({ operation: "execute", duration }))
      )
    }
    this.offer()
    return true
  }

  // --- endings ---------------------------------------------------------------

  private fail(error: DispatchTimeout | DispatcherClosed): void {
    if (this.stopped) return
    this.error = error
    this.stop()
    this.wake()
  }

  private stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.idle?.stop()
    this.retries?.cancel(() => true)
    this.due.clear()
    this.early.clear()
    this.peeked = undefined
    if (this.link === undefined) return
    this.stopping = true
    this.link.end(() => {
      this.stopping = false
      this.onStopped?.()
    })
  }

  /** Interrupts what runs for it, waits until that has stopped, and closes the source. */
  readonly close: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.stop()
    if (!this.stopping) return resume(Effect.void)
    this.onStopped = () => resume(Effect.void)
  }).pipe(Effect.andThen(Effect.suspend(() => this.source.close)))
}

/** Executes tasks on a hub as a stream of what `emit` makes of their outcomes. */
export const stream = <A, E, R>(
  hub: Effect.Effect<SchedulerHandle, never, R>,
  tasks: Iterable<unknown> | Stream.Stream<unknown, E, R>,
  options: ExecutionOptions,
  failFast: boolean,
  emit: (entry: TaskEntry) => A
): Stream.Stream<A, TaskFailure<Task.Any> | DispatchTimeout | DispatcherClosed | E, R> =>
  Stream.fromChannel(
    Channel.fromTransform((_: Pull.Pull<unknown, unknown, unknown>, scope) =>
      Effect.flatMap(hub, (hub) =>
        Effect.contextWith((context: Context.Context<R>) => {
          const execution = new Execution<A, E>(hub, options, context as Context.Context<never>, failFast, emit)
          return Source.make(tasks, scope, execution.offer).pipe(
            Effect.flatMap((source) => {
              execution.source = source
              return Scope.addFinalizer(scope, execution.close)
            }),
            Effect.as(execution.take)
          )
        }))
    )
  )
