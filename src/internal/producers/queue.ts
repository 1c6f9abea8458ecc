/**
 * The producer of a queue: its tasks are pushed one by one, and their outcomes are
 * popped one by one.
 *
 * Must stay true: a pushed task has a credit of the queue (`capacity` plus the
 * slots) and a place of the dispatcher's capacity, or the push waits; pushers and
 * poppers are served in the order in which they came; an outcome that was taken by an
 * interrupted pop is put back; nothing starts once `stopCause` is set.
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
import { DispatcherClosed, DispatchTimeout, QueueClosed } from "../errors.ts"
import { boundOption, countOption, millisOption } from "../options.ts"
import {
  type FreeReason,
  type ParentTask,
  type Producer,
  type SchedulerHandle,
  type Subscription,
  TaskEntry,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import type { Timer } from "../timers.ts"
import { assertTask } from "./assertTask.ts"
import { awaitNested, parentIn } from "./nesting.ts"
import { Retries, type RetryPolicy, toSchedule } from "./retries.ts"
import { deliver, type TaskResult } from "./taskResult.ts"
import { type Waiter, WaitingLine } from "./waitingLine.ts"

type Closed = QueueClosed | DispatcherClosed

/** The options of `Queue.QueueOptions`, which documents them. */
interface QueueOptions {
  readonly capacity?: number | "unbounded" | undefined
  readonly taskTimeout?: Duration.Input | undefined
  readonly retry?: RetryPolicy<never> | undefined
  readonly chunkSize?: number | "auto" | undefined
}

/** The waiting time of one task in so many is measured. */
const TIMED_EVERY = 64

export class QueueProducer implements Producer {
  readonly pushed = true
  readonly callers = 1
  readonly chunkSize: number | undefined
  readonly parent: ParentTask | undefined
  private readonly subscription: Subscription
  private readonly capacity: number
  private readonly taskTimeout: number | undefined
  private readonly retries: Retries | undefined
  private readonly pending = new Deque<TaskEntry>()
  private readonly ready = new Deque<TaskEntry>()
  private readonly pushers = new WaitingLine()
  private readonly poppers = new WaitingLine()
  private readonly eventLoop: EffectScheduler.SchedulerDispatcher
  /** The poppers will be served at the end of this turn of the event loop. */
  private servesLater = false
  /** The end of a turn of the event loop: the poppers are being served. */
  private servesNow = false
  private pushedCount = 0
  /** Tasks without an outcome. */
  unsettled = 0
  private ended = false
  /** Why nothing more starts. Outcomes that are ready can still be popped, unless it was closed. */
  private stopCause: Cause.Cause<Closed> | undefined
  private dropsOutcomes = false
  /** It has ended, and its work has not stopped yet. */
  private stopping = false
  private readonly onStopped: Array<() => void> = []

  constructor(scheduler: SchedulerHandle, options: QueueOptions, context: Context.Context<never>) {
    this.capacity = boundOption("capacity", options.capacity, 1)
    this.taskTimeout = millisOption("taskTimeout", options.taskTimeout)
    this.chunkSize = options.chunkSize === "auto" ? undefined : countOption("chunkSize", options.chunkSize, 1)
    this.parent = parentIn(context, scheduler)
    this.eventLoop = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
    const schedule = options.retry === undefined ? undefined : toSchedule(options.retry)
    const subscription = scheduler.subscribe(this)
    if (subscription === undefined) {
      this.stopCause = Cause.fail(new DispatcherClosed())
      this.subscription = undefined as never
      return
    }
    this.subscription = subscription
    if (schedule !== undefined) {
      this.retries = new Retries({
        schedule,
        timers: subscription.timers,
        runFork: Effect.runForkWith(context),
        // Behind the tasks that were pushed before, so that retries without end hold up no other task.
        retry: (entry) => {
          entry.failure = undefined
          this.pending.push(entry)
          subscription.ready(entry)
        },
        giveUp: (entry) => this.finish(entry),
        policyDied: (defect) => this.stop(defect)
      })
    }
  }

  get closedBy(): Cause.Cause<Closed> | undefined {
    return this.stopCause
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    return this.stopCause === undefined ? this.pending.shift() : undefined
  }

  settled(entry: TaskEntry): void {
    if (this.stopCause !== undefined) return
    if (entry.failure === undefined || this.retries?.takes(entry) !== true) this.finish(entry)
  }

  onCapacity(): void {
    this.pushers.serve()
  }

  closed(): void {
    this.shut(new DispatcherClosed())
  }

  private finish(entry: TaskEntry): void {
    if (this.stopCause !== undefined) return
    this.unsettled--
    this.retries?.settle(entry)
    this.ready.push(entry)
    this.poppers.serve()
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
    if (this.stopCause !== undefined) return "noTasks"
    if (!this.pushers.isEmpty) return "consumer"
    return this.retrying > 0 ? "retry" : "input"
  }

  // --- pushing ---------------------------------------------------------------

  /** Whether the task was accepted. Its credit is used until its outcome is popped. */
  private tryPush(task: Task.Any, span: Tracer.AnySpan | undefined): boolean {
    const used = this.unsettled + this.ready.length
    if (used >= this.capacity + this.subscription.slots()) return false
    const entry = new TaskEntry(task, this.pushedCount, taskTimeoutOf(task, this.taskTimeout), span)
    if (!this.subscription.accept(entry)) return false
    if (this.pushedCount++ % TIMED_EVERY === 0) this.subscription.time(entry)
    this.unsettled++
    this.pending.push(entry)
    this.subscription.ready(entry)
    return true
  }

  push(
    task: Task.Any,
    span: Tracer.AnySpan | undefined,
    timeout: number | undefined,
    parent: ParentTask | undefined
  ): Effect.Effect<void, DispatchTimeout | Closed> {
    return Effect.suspend(() => {
      assertTask("push", task)
      const refused = () => this.stopCause ?? (this.ended ? queueClosed() : undefined)
      const attempt = (): Effect.Effect<void, Closed> | undefined =>
        asFail(refused()) ?? (this.tryPush(task, span) ? Effect.void : undefined)
      return (this.pushers.isEmpty ? attempt() : asFail(refused())) ??
        this.wait(this.pushers, attempt, "push", timeout, parent)
    })
  }

  // --- popping ---------------------------------------------------------------

  private get drained(): boolean {
    return this.ended && this.unsettled === 0 && this.ready.length === 0
  }

  /** Why nothing more can be popped. */
  private get exhaustedBy(): Cause.Cause<Closed> | undefined {
    if (this.ready.length > 0) return undefined
    return this.stopCause ?? (this.drained ? queueClosed() : undefined)
  }

  private shift(): TaskEntry | undefined {
    const entry = this.ready.shift()
    if (entry !== undefined) this.pushers.serve()
    if (this.drained) this.poppers.serve()
    return entry
  }

  pop(
    timeout: number | undefined,
    parent: ParentTask | undefined
  ): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatchTimeout | Closed> {
    return Effect.suspend((): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatchTimeout | Closed> => {
      return Effect.flatMap(
        this.take(timeout, parent),
        (entry): Effect.Effect<unknown, TaskFailure<Task.Any>> => Effect.fromResult(deliver(entry).result)
      )
    })
  }

  /** The next outcome. If the pop is interrupted, the outcome is put back. */
  private take(
    timeout: number | undefined,
    parent: ParentTask | undefined
  ): Effect.Effect<TaskEntry, DispatchTimeout | Closed> {
    let taken: TaskEntry | undefined
    const attempt = (): Effect.Effect<TaskEntry, Closed> | undefined => {
      const exhausted = asFail(this.exhaustedBy)
      if (exhausted !== undefined) return exhausted
      taken = this.shift()
      return taken === undefined ? undefined : Effect.succeed(taken)
    }
    return (this.poppers.isEmpty ? attempt() : asFail(this.exhaustedBy)) ??
      this.wait(this.poppers, attempt, "pop", timeout, parent, () => {
        if (taken !== undefined) this.putBack([taken])
      })
  }

  /** Returns the outcomes that an interrupted pop had taken. */
  private putBack(entries: Array<TaskEntry>): void {
    if (this.dropsOutcomes) return
    for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) this.ready.unshift(entry)
    this.poppers.serve()
  }

  popMany(
    timeout: number | undefined,
    max: number,
    parent: ParentTask | undefined
  ): Effect.Effect<Array<TaskResult<Task.Any>>, Closed> {
    return Effect.suspend(() => {
      const taken: Array<TaskEntry> = []
      let waits = false
      const attempt = () => {
        const exhausted = asFail(this.exhaustedBy)
        if (exhausted !== undefined && taken.length === 0) return exhausted
        // Outcomes come many in a turn of the event loop: the first of them does not end the wait before the turn.
        if (waits && timeout === undefined && this.ready.length > 0 && this.ready.length < max && this.serveLater()) {
          return undefined
        }
        while (taken.length < max && this.ready.length > 0) taken.push(this.shift()!)
        const enough = taken.length >= max || this.exhaustedBy !== undefined ||
          (timeout === undefined && taken.length > 0)
        // When the caller goes on: until then an interruption puts the outcomes back.
        return enough ? Effect.sync(() => taken.map(deliver)) : undefined
      }
      const now = this.poppers.isEmpty ? attempt() : asFail(this.exhaustedBy)
      waits = true
      return now ??
        this.wait(this.poppers, attempt, "pop", timeout, parent, () => this.putBack(taken)).pipe(
          Effect.catchTag("DispatchTimeout", () => Effect.sync(() => taken.map(deliver)))
        )
    })
  }

  /** Has the poppers served at the end of this turn; `false` at the end of it. */
  private serveLater(): boolean {
    if (this.servesNow) return false
    if (!this.servesLater) {
      this.servesLater = true
      this.eventLoop.scheduleTask(this.serveNow, 0)
    }
    return true
  }

  private readonly serveNow = (): void => {
    this.servesLater = false
    this.servesNow = true
    this.poppers.serve()
    this.servesNow = false
  }

  /** One outcome at a time: outcomes that a stream has taken and not handed on when it ends would be lost. */
  takeOne(
    parent: ParentTask | undefined
  ): Pull.Pull<Arr.NonEmptyReadonlyArray<TaskResult<Task.Any>>, DispatcherClosed> {
    return Effect.suspend(() => this.take(undefined, parent)).pipe(
      Effect.map((entry): Arr.NonEmptyReadonlyArray<TaskResult<Task.Any>> => [deliver(entry)]),
      Effect.catchTags({ DispatchTimeout: Effect.die, QueueClosed: () => Cause.done() })
    )
  }

  // --- waiting ---------------------------------------------------------------

  /** Waits in line until `attempt` gives an answer. */
  private wait<A, E>(
    line: WaitingLine,
    attempt: () => Effect.Effect<A, E> | undefined,
    operation: "push" | "pop",
    timeout: number | undefined,
    parent: ParentTask | undefined,
    interrupted?: () => void
  ): Effect.Effect<A, E | DispatchTimeout> {
    return awaitNested<A, E | DispatchTimeout>(parent, (resume) => {
      let timer: Timer | undefined
      const waiter: Waiter = {
        retry: () => {
          const answer = attempt()
          if (answer === undefined) return false
          if (timer !== undefined) this.subscription.timers.clear(timer)
          resume(answer)
          return true
        }
      }
      const expire = () => {
        line.leave(waiter)
        resume(Effect.fail(new DispatchTimeout({ operation, duration: Duration.millis(timeout!) })))
      }
      if (timeout === 0) {
        expire()
        return undefined
      }
      line.join(waiter)
      if (timeout !== undefined) timer = this.subscription.timers.set(timeout, expire)
      // The fiber may have yielded since it looked: a change of that moment has served nobody.
      line.serve()
      return Effect.sync(() => {
        line.leave(waiter)
        if (timer !== undefined) this.subscription.timers.clear(timer)
        interrupted?.()
      })
    })
  }

  // --- endings ---------------------------------------------------------------

  end(): void {
    if (this.ended) return
    this.ended = true
    this.pushers.serve()
    this.poppers.serve()
  }

  private shut(error: Closed): void {
    this.dropsOutcomes = true
    this.ready.clear()
    this.stop(Cause.fail(error))
  }

  /** Nothing more starts, and running work is interrupted. */
  private stop(cause: Cause.Cause<Closed>): void {
    if (this.stopCause !== undefined) return
    this.stopCause = cause
    this.retries?.cancel(() => true)
    this.pending.clear()
    this.unsettled = 0
    this.stopping = true
    this.subscription.end(() => {
      this.stopping = false
      for (const done of this.onStopped) done()
    })
    this.pushers.serve()
    this.poppers.serve()
  }

  readonly close: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.shut(new QueueClosed())
    if (!this.stopping) return resume(Effect.void)
    this.onStopped.push(() => resume(Effect.void))
  })

  get size() {
    const { subscription } = this
    return {
      waiting: this.unsettled - subscription.runningUnsettled(),
      running: subscription.running(),
      ready: this.ready.length
    }
  }
}

const queueClosed = (): Cause.Cause<Closed> => Cause.fail(new QueueClosed())

const asFail = (cause: Cause.Cause<Closed> | undefined) => cause === undefined ? undefined : Effect.failCause(cause)
