/**
 * One `execute` or `results`: a producer whose tasks are pulled from a source as far
 * as its credits go, and whose outcomes go to one consumer, in arrays.
 *
 * Must stay true: every pulled task has exactly one outcome as long as the
 * execution has not ended (`Ending`); results reach the consumer before the failure
 * that ends it; the consumer is resumed at most once per turn of the event loop.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as EffectScheduler from "effect/Scheduler"
import type * as Tracer from "effect/Tracer"
import type { TaskFailure } from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import type { DurableError } from "../durableError.ts"
import { DispatcherClosed, DispatchTimeout } from "../errors.ts"
import {
  callerSpan,
  type FreeReason,
  type ParentTask,
  type Producer,
  type SchedulerHandle,
  type Subscription,
  TaskEntry,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import * as Task from "../task.ts"
import { notATask } from "./assertTask.ts"
import { Credits } from "./credits.ts"
import { Ending, type EndingCause } from "./ending.ts"
import { type ExecutionOptions, type Settings, toSettings } from "./executionOptions.ts"
import type * as ExecutionTrace from "./executionTrace.ts"
import { IdleTimeout } from "./idleTimeout.ts"
import type { Journal, JournaledExecution } from "./journal.ts"
import { awaitNested, parentIn } from "./nesting.ts"
import { ResultOrder } from "./order.ts"
import { Retries } from "./retries.ts"
import * as Source from "./source.ts"

export type ExecutionError = DispatchTimeout | DispatcherClosed | DurableError

/** The journal of an execution; none unless it belongs to a durable run. */
export type MakeJournal = ((execution: JournaledExecution) => Journal) | undefined

export class Execution<A, E> implements Producer, JournaledExecution {
  readonly pushed = false
  readonly callers = 1
  readonly chunkSize: number | undefined
  readonly parent: ParentTask | undefined
  readonly onRunning: (() => void) | undefined
  source!: Source.Source<unknown, E | DurableError>
  readonly journal: Journal | undefined

  private readonly scheduler: SchedulerHandle
  private readonly context: Context.Context<never>
  private readonly emit: (entry: TaskEntry) => A
  /** The first failed task ends it. */
  private readonly failFast: boolean
  private readonly settings: Settings
  private readonly span: Tracer.AnySpan | undefined
  private readonly trace: ExecutionTrace.ExecutionTrace | undefined
  private readonly eventLoop: EffectScheduler.SchedulerDispatcher

  // Set when the consumer first asks.
  private subscription: Subscription | undefined
  private credits!: Credits
  private retries: Retries | undefined
  private idle: IdleTimeout | undefined

  private readonly ending = new Ending()
  /** Set if results come in the order of the tasks. */
  private readonly order: ResultOrder | undefined
  /** Results that the consumer may take. */
  private readonly ready = new Deque<A>()
  /** Tasks whose next attempt is due. They keep the failure of the last one until they are handed out. */
  private readonly due = new Deque<TaskEntry>()
  /** Whether the last task to start while others were due was one of these. */
  private startedDue = false
  /** Tasks that were pulled and have an outcome in the journal. */
  private readonly recalled = new Deque<TaskEntry>()
  /** A task pulled to learn whether there is one. */
  private peeked: TaskEntry | undefined
  private pulled = 0
  /** Pulled tasks without an outcome. */
  private open = 0
  /** Resumes the consumer, which waits. */
  private consumer: (() => void) | undefined
  private resuming = false

  constructor(
    scheduler: SchedulerHandle,
    options: ExecutionOptions,
    context: Context.Context<never>,
    failFast: boolean,
    emit: (entry: TaskEntry) => A,
    makeJournal: MakeJournal,
    trace: ExecutionTrace.ExecutionTrace | undefined
  ) {
    this.scheduler = scheduler
    this.context = context
    this.failFast = failFast
    this.emit = emit
    this.order = options.ordered === true ? new ResultOrder() : undefined
    this.settings = toSettings(options)
    this.chunkSize = this.settings.chunkSize
    this.onRunning = this.settings.idleTimeout === undefined ? undefined : this.updateIdleTimeout
    this.parent = parentIn(context, scheduler)
    this.trace = trace
    this.span = trace?.span ?? callerSpan(context)
    this.eventLoop = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
    this.journal = makeJournal?.(this)
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    if (this.ending.hasEnded) return undefined
    if (this.due.length === 0) return this.nextNew()
    // Retries and new tasks take turns: neither can hold up the other, whichever of them never end.
    this.startedDue = !this.startedDue
    return this.startedDue ? this.nextDue() ?? this.nextNew() : this.nextNew() ?? this.nextDue()
  }

  private nextDue(): TaskEntry | undefined {
    if (!this.ending.allowsRetries) return undefined
    for (let entry = this.due.shift(); entry !== undefined; entry = this.due.shift()) {
      if (entry.cancelled) continue
      entry.failure = undefined
      return entry
    }
    return undefined
  }

  private nextNew(): TaskEntry | undefined {
    const peeked = this.peeked
    if (peeked === undefined) return this.pull()
    this.peeked = undefined
    return peeked
  }

  settled(entry: TaskEntry): void {
    if (this.ending.hasEnded) return
    this.idle?.completed()
    if (entry.failure !== undefined && this.ending.allowsRetries && this.retries?.takes(entry) === true) {
      this.updateIdleTimeout()
    } else {
      this.conclude(entry)
    }
  }

  onCapacity(): void {}

  closed(): void {
    this.failed(new DispatcherClosed())
  }

  // --- tasks -----------------------------------------------------------------

  /** The next task to start. Those that the journal has an outcome of are finished in a later turn. */
  private pull(): TaskEntry | undefined {
    while (this.ending.isOpen && this.credits.available()) {
      const task = this.source.next()
      if (!Task.isTask(task)) {
        if (task === Source.NONE) {
          if (this.source.done) this.wakeConsumer()
          return undefined
        }
        this.ending.drain({ _tag: "NotATask", defect: Cause.die(notATask("execute", task)) })
        this.wakeConsumer()
        // Later: a worker is asking for the next task now, and an outcome may end this execution.
        this.eventLoop.scheduleTask(this.giveUpRetries, 0)
        return undefined
      }
      this.credits.acquire()
      this.open++
      const entry = new TaskEntry(task, this.pulled++, taskTimeoutOf(task, this.settings.taskTimeout), this.span)
      if (this.journal?.recall(entry) !== true) return entry
      if (this.recalled.length === 0) this.eventLoop.scheduleTask(this.finishRecalled, 0)
      this.recalled.push(entry)
    }
    return undefined
  }

  private readonly finishRecalled = (): void => {
    this.idle?.completed()
    this.stored(this.recalled.clear())
  }

  /** No more tasks will be pulled, and none has failed it. */
  private get exhausted(): boolean {
    return this.source.done || this.ending.sourceDefect !== undefined
  }

  /** The task has its outcome, which the consumer may see when it is stored. */
  private conclude(entry: TaskEntry): void {
    this.retries?.settle(entry)
    if (this.journal === undefined) this.finish(entry)
    else this.journal.record(entry)
  }

  readonly stored = (entries: ReadonlyArray<TaskEntry>): void => {
    for (const entry of entries) this.finish(entry)
  }

  /** An outcome may be unwanted only if it comes from the journal. */
  private finish(entry: TaskEntry): void {
    if (!this.ending.wants(entry)) return
    this.open--
    this.trace?.settled(entry)
    if (entry.failure !== undefined && this.failFast) {
      if (this.order === undefined) return this.stop({ _tag: "TaskFailed", entry })
      const failed = this.ending.failedEntry
      if (failed === undefined || entry.index < failed.index) this.drainBefore(entry, this.order)
    }
    if (this.order === undefined) this.deliver(entry)
    else this.deliverInOrder(entry, this.order)
    this.updateIdleTimeout()
    this.wakeConsumer()
  }

  private deliver(entry: TaskEntry): void {
    if (entry.failure === undefined) this.credits.addResult(entry.value)
    this.ready.push(this.emit(entry))
    entry.delivered()
  }

  private deliverInOrder(entry: TaskEntry, order: ResultOrder): void {
    for (let next = order.add(entry); next !== undefined; next = order.advance()) {
      if (next === this.ending.failedEntry) return this.stop()
      this.deliver(next)
    }
  }

  /** Ordered: tasks after the failed one are not wanted any more. */
  private drainBefore(entry: TaskEntry, order: ResultOrder): void {
    this.ending.drain({ _tag: "TaskFailed", entry })
    const isLater = (other: TaskEntry) => other.index > entry.index
    this.retries?.cancel(isLater)
    for (const other of this.due) if (isLater(other)) other.cancelled = true
    order.dropAfter(entry.index)
    if (this.peeked !== undefined && isLater(this.peeked)) this.peeked = undefined
    this.subscription!.cancelAfter(entry.index)
  }

  private readonly retry = (entry: TaskEntry): void => {
    this.trace?.retries()
    this.due.push(entry)
    this.offer()
  }

  private readonly giveUp = (entry: TaskEntry): void => {
    if (!this.ending.hasEnded && !entry.cancelled) this.conclude(entry)
  }

  private readonly giveUpRetries = (): void => {
    for (const entry of this.due.clear()) this.giveUp(entry)
    this.retries?.giveUpAll()
  }

  /** Tells the scheduler that there may be something to start. */
  readonly offer = (): void => {
    if (this.ending.hasEnded || this.subscription === undefined) return
    this.subscription.ready()
    if (this.mayPeek) this.peek()
    if (this.exhausted) this.wakeConsumer()
    this.updateIdleTimeout()
  }

  /** No worker may be free to ask for a task, and so none for the outcomes in the journal either. */
  private get mayPeek(): boolean {
    return this.open === 0 || this.journal !== undefined
  }

  /** Learns whether a task is left when none is under way, since no worker may be free to ask. */
  private peek(): void {
    if (this.peeked !== undefined || !this.ending.isOpen || this.source.done) return
    this.peeked = this.pull()
    if (this.peeked !== undefined) this.subscription!.ready()
  }

  private readonly updateIdleTimeout = (): void => {
    this.idle?.run(this.consumer !== undefined && this.subscription!.runningUnsettled() > 0)
  }

  /** After an ordered failure, only the tasks before it are wanted. */
  get unsettled(): number {
    const failed = this.ending.failedEntry
    return failed === undefined || this.order === undefined ? this.open : this.order.missingBefore(failed.index)
  }

  get retrying(): number {
    return this.retries?.size ?? 0
  }

  eachRetrying(f: (entry: TaskEntry) => void): void {
    this.retries?.each(f)
  }

  get resultsReady(): number {
    return this.ready.length
  }

  get waitsFor(): FreeReason {
    if (this.ending.hasEnded) return "noTasks"
    if (this.ending.isOpen && !this.exhausted) {
      if (!this.credits.starved) return "input"
      return this.order !== undefined && this.ready.length === 0 && this.order.waits ? "order" : "consumer"
    }
    return this.retrying > 0 ? "retry" : "noTasks"
  }

  // --- the consumer's side ---------------------------------------------------

  /** Once per turn of the event loop: handing results over one at a time costs more than running them. */
  private wakeConsumer(): void {
    if (this.consumer === undefined || this.resuming) return
    this.resuming = true
    this.eventLoop.scheduleTask(this.resumeConsumer, 0)
  }

  private readonly resumeConsumer = (): void => {
    this.resuming = false
    const resume = this.consumer
    if (resume === undefined || !this.hasAnswer()) return
    this.consumer = undefined
    this.updateIdleTimeout()
    resume()
  }

  private hasAnswer(): boolean {
    return this.ready.length > 0 || this.ending.hasEnded || (this.exhausted && this.open === 0)
  }

  /** The next array of results. */
  readonly take: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, TaskFailure<Task.Any> | ExecutionError | E> = Effect.suspend(
    () => {
      if (this.subscription === undefined && !this.subscribe()) return this.fail(Cause.fail(new DispatcherClosed()))
      if (this.credits.returnTaken()) this.offer()
      return this.poll()
    }
  )

  private poll(): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, TaskFailure<Task.Any> | ExecutionError | E> {
    if (this.ready.length === 0 && this.mayPeek) this.peek()
    if (this.ready.length > 0) {
      const results = this.ready.take(this.credits.arraySize)
      this.credits.handOut(results.length)
      return Effect.succeed(results as unknown as Arr.NonEmptyReadonlyArray<A>)
    }
    if (this.ending.hasEnded) {
      const cause = this.ending.cause!
      if (cause._tag === "Error") return this.fail(Cause.fail(cause.error))
      if (cause._tag === "PolicyDied") return this.fail(cause.defect)
      if (cause._tag === "TaskFailed") return this.fail(Cause.fail(cause.entry.failure!))
    }
    if (this.exhausted && this.open === 0) {
      const cause = this.ending.sourceDefect ?? this.source.cause
      return cause === undefined ? Cause.done() : this.fail(cause)
    }
    return awaitNested(this.parent, (resume) => {
      this.consumer = () => resume(Effect.suspend(() => this.poll()))
      this.updateIdleTimeout()
      // The fiber may have yielded since it looked: an outcome of that moment has woken nobody.
      if (this.hasAnswer()) this.wakeConsumer()
      return Effect.sync(() => {
        this.consumer = undefined
        this.updateIdleTimeout()
      })
    })
  }

  private fail<F>(cause: Cause.Cause<F>): Effect.Effect<never, F> {
    this.trace?.fails(cause)
    return Effect.failCause(cause)
  }

  private subscribe(): boolean {
    const subscription = this.scheduler.subscribe(this)
    if (subscription === undefined) return false
    this.subscription = subscription
    this.credits = new Credits(subscription, this.settings.bufferSize, this.settings.bufferBytes)
    const { idleTimeout, schedule } = this.settings
    if (schedule !== undefined) {
      this.retries = new Retries({
        schedule,
        timers: subscription.timers,
        runFork: Effect.runForkWith(this.context),
        retry: this.retry,
        giveUp: this.giveUp,
        policyDied: (defect) => this.stop({ _tag: "PolicyDied", defect })
      })
    }
    if (idleTimeout !== undefined) {
      const duration = Duration.millis(idleTimeout)
      this.idle = new IdleTimeout(
        idleTimeout,
        subscription.timers,
        () => this.failed(new DispatchTimeout({ operation: "execute", duration }))
      )
    }
    this.offer()
    return true
  }

  // --- endings ---------------------------------------------------------------

  readonly failed = (error: ExecutionError): void => this.stop({ _tag: "Error", error })

  /** Ends it now, with the cause or that of an ordered failure, and interrupts its work. */
  private stop(cause?: EndingCause): void {
    if (!this.ending.end(cause)) return
    this.idle?.stop()
    this.retries?.cancel(() => true)
    this.due.clear()
    this.order?.clear()
    this.peeked = undefined
    if (this.subscription === undefined) this.ending.workStopped()
    else this.subscription.end(() => this.ending.workStopped())
    this.wakeConsumer()
  }

  /** Interrupts its work, waits until that has stopped, and closes the source. */
  readonly close: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.stop()
    this.ending.whenStopped(() => resume(Effect.void))
  }).pipe(Effect.andThen(Effect.suspend(() => this.source.close)))
}
