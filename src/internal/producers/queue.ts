/**
 * A queue of tasks on a dispatcher: an origin whose tasks are pushed one by one
 * and whose outcomes are popped.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Tracer from "effect/Tracer"
import type { TaskFailure } from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import { DispatcherClosed, DispatchTimeout, QueueClosed } from "../errors.ts"
import { boundOption, countOption, millisOption } from "../options.ts"
import {
  callerSpan,
  type ParentTask,
  type Producer,
  type SchedulerHandle,
  type Subscription,
  TaskEntry,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import type { Timer } from "../timers.ts"
import { type TaskResult, toResult } from "./execution.ts"
import { awaitNested, parentIn } from "./nesting.ts"
import { Retries, type RetryPolicy, toSchedule } from "./retries.ts"

/** Someone who waits for room or for a result. */
interface Waiter {
  /** Tries again; whether it is served, and so no longer waits. */
  readonly retry: () => boolean
}

type Closed = QueueClosed | DispatcherClosed

/** How a queue is made; see `Queue.QueueOptions` for the meaning. */
interface QueueOptions {
  readonly capacity?: number | "unbounded" | undefined
  readonly taskTimeout?: Duration.Input | undefined
  readonly retry?: RetryPolicy<never> | undefined
  readonly chunkSize?: number | "auto" | undefined
}

export class QueueProducer implements Producer {
  readonly pushed = true
  readonly chunkSize: number | undefined
  readonly span: Tracer.AnySpan | undefined
  readonly parent: ParentTask | undefined
  private readonly link: Subscription
  private readonly capacity: number
  private readonly taskTimeout: number | undefined
  private readonly retries: Retries | undefined
  private readonly pending = new Deque<TaskEntry>()
  private readonly ready = new Deque<TaskEntry>()
  private readonly pushers = new Deque<Waiter>()
  private readonly poppers = new Deque<Waiter>()
  private count = 0
  /** Tasks without an outcome. */
  private unsettled = 0
  private ended = false
  private error: Closed | undefined
  private running = false
  private readonly onStopped: Array<() => void> = []

  constructor(hub: SchedulerHandle, options: QueueOptions, context: Context.Context<never>) {
    this.capacity = boundOption("capacity", options.capacity, 1)
    this.taskTimeout = millisOption("taskTimeout", options.taskTimeout)
    this.chunkSize = options.chunkSize === "auto" ? undefined : countOption("chunkSize", options.chunkSize, 1)
    this.parent = parentIn(context, hub)
    this.span = callerSpan(context)
    const schedule = options.retry === undefined ? undefined : toSchedule(options.retry)
    const link = hub.subscribe(this)
    if (link === undefined) {
      this.error = new DispatcherClosed()
      this.link = undefined as never
      return
    }
    this.link = link
    if (schedule !== undefined) {
      this.retries = new Retries({
        schedule,
        timers: link.timers,
        runFork: Effect.runForkWith(context),
        again: (entry) => {
          entry.failure = undefined
          this.pending.unshift(entry)
          link.ready()
        },
        giveUp: (entry) => this.finish(entry)
      })
    }
  }

  get closedBy(): Closed | undefined {
    return this.error
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    return this.error === undefined ? this.pending.shift() : undefined
  }

  settled(entry: TaskEntry): void {
    if (this.error !== undefined) return
    if (entry.failure === undefined || this.retries?.takes(entry) !== true) this.finish(entry)
  }

  onCapacity(): void {
    serve(this.pushers)
  }

  closed(): void {
    this.shut(new DispatcherClosed())
  }

  private finish(entry: TaskEntry): void {
    if (this.error !== undefined) return
    this.unsettled--
    this.retries?.settle(entry)
    this.ready.push(entry)
    serve(this.poppers)
  }

  // --- pushing ---------------------------------------------------------------

  /** Credits: ready results, and tasks under way. */
  private tryPush(task: Task.Any): boolean {
    const used = this.unsettled + this.ready.length
    if (used >= this.capacity + this.link.slots() || !this.link.accept(task)) return false
    const entry = new TaskEntry(task, this.count++, taskTimeoutOf(task, this.taskTimeout))
    entry.accepted = true
    this.unsettled++
    this.pending.push(entry)
    this.link.ready()
    return true
  }

  push(
    task: Task.Any,
    timeout: number | undefined,
    parent: ParentTask | undefined
  ): Effect.Effect<void, DispatchTimeout | Closed> {
    return Effect.suspend(() => {
      const over = () => this.error ?? (this.ended ? new QueueClosed() : undefined)
      const attempt = (): Effect.Effect<void, Closed> | undefined => {
        const error = over()
        if (error !== undefined) return Effect.fail(error)
        return this.tryPush(task) ? Effect.void : undefined
      }
      return (this.pushers.length === 0 ? attempt() : asFail(over())) ??
        this.wait(this.pushers, attempt, "push", timeout, parent)
    })
  }

  // --- popping ---------------------------------------------------------------

  private get drained(): boolean {
    return this.ended && this.unsettled === 0 && this.ready.length === 0
  }

  /** Fails once nothing more can be popped. */
  private get over(): Closed | undefined {
    return this.error ?? (this.drained ? new QueueClosed() : undefined)
  }

  private shift(): TaskEntry | undefined {
    const entry = this.ready.shift()
    if (entry !== undefined) serve(this.pushers)
    if (this.drained) serve(this.poppers)
    return entry
  }

  pop(
    timeout: number | undefined,
    parent: ParentTask | undefined
  ): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatchTimeout | Closed> {
    return Effect.suspend((): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatchTimeout | Closed> => {
      return Effect.flatMap(
        this.take(timeout, parent),
        (entry): Effect.Effect<unknown, TaskFailure<Task.Any>> =>
          entry.failure === undefined ? Effect.succeed(entry.value) : Effect.fail(entry.failure)
      )
    })
  }

  /** The next outcome; one that was taken and then not wanted is put back. */
  private take(
    timeout: number | undefined,
    parent: ParentTask | undefined
  ): Effect.Effect<TaskEntry, DispatchTimeout | Closed> {
    let taken: TaskEntry | undefined
    const attempt = (): Effect.Effect<TaskEntry, Closed> | undefined => {
      const error = this.over
      if (error !== undefined) return Effect.fail(error)
      taken = this.shift()
      return taken === undefined ? undefined : Effect.succeed(taken)
    }
    return (this.poppers.length === 0 ? attempt() : asFail(this.over)) ??
      this.wait(this.poppers, attempt, "pop", timeout, parent, () => {
        if (taken !== undefined) this.putBack([taken])
      })
  }

  /** Results that somebody took and then no longer wanted. */
  private putBack(entries: Array<TaskEntry>): void {
    for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) this.ready.unshift(entry)
    serve(this.poppers)
  }

  popMany(
    timeout: number | undefined,
    max: number,
    parent: ParentTask | undefined
  ): Effect.Effect<Array<TaskResult<Task.Any>>, Closed> {
    return Effect.suspend(() => {
      const taken: Array<TaskEntry> = []
      const attempt = () => {
        const error = this.over
        if (error !== undefined && taken.length === 0) return Effect.fail(error)
        while (taken.length < max && this.ready.length > 0) taken.push(this.shift()!)
        const enough = taken.length >= max || this.over !== undefined || (timeout === undefined && taken.length > 0)
        return enough ? Effect.succeed(taken.map(toResult)) : undefined
      }
      return (this.poppers.length === 0 ? attempt() : asFail(this.over)) ??
        this.wait(this.poppers, attempt, "pop", timeout, parent, () => this.putBack(taken)).pipe(
          Effect.catchTag("DispatchTimeout", () => Effect.succeed(taken.map(toResult)))
        )
    })
  }

  /** One outcome at a time: what a stream had taken and not handed on when it ends would be lost. */
  takeOne(
    parent: ParentTask | undefined
  ): Pull.Pull<Arr.NonEmptyReadonlyArray<TaskResult<Task.Any>>, DispatcherClosed> {
    return Effect.suspend(() => this.take(undefined, parent)).pipe(
      Effect.map((entry): Arr.NonEmptyReadonlyArray<TaskResult<Task.Any>> => [toResult(entry)]),
      Effect.catchTags({ DispatchTimeout: Effect.die, QueueClosed: () => Cause.done() })
    )
  }

  // --- waiting ---------------------------------------------------------------

  /** Waits in line until `attempt` has an answer. */
  private wait<A, E>(
    line: Deque<Waiter>,
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
          if (timer !== undefined) this.link.timers.clear(timer)
          resume(answer)
          return true
        }
      }
      // Somebody behind may be served where this one could not: room is not the same for every task of a route.
      const leave = () => {
        if (line.remove(waiter)) serve(line)
      }
      const expire = () => {
        leave()
        resume(Effect.fail(new DispatchTimeout({ operation, duration: Duration.millis(timeout!) })))
      }
      if (timeout === 0) {
        expire()
        return undefined
      }
      line.push(waiter)
      if (timeout !== undefined) timer = this.link.timers.set(timeout, expire)
      return Effect.sync(() => {
        leave()
        if (timer !== undefined) this.link.timers.clear(timer)
        interrupted?.()
      })
    })
  }

  // --- endings ---------------------------------------------------------------

  end(): void {
    if (this.ended) return
    this.ended = true
    serve(this.pushers)
    serve(this.poppers)
  }

  private shut(error: Closed): void {
    if (this.error !== undefined) return
    this.error = error
    this.retries?.cancel(() => true)
    this.pending.clear()
    this.ready.clear()
    this.running = true
    this.link.end(() => {
      this.running = false
      for (const done of this.onStopped) done()
    })
    serve(this.pushers)
    serve(this.poppers)
  }

  readonly close: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.shut(new QueueClosed())
    if (!this.running) return resume(Effect.void)
    this.onStopped.push(() => resume(Effect.void))
  })

  get size() {
    const waiting = this.pending.length + (this.retries?.size ?? 0)
    return { waiting, running: this.error === undefined ? this.unsettled - waiting : 0, ready: this.ready.length }
  }
}

const asFail = (error: Closed | undefined) => error === undefined ? undefined : Effect.fail(error)

/** Serves those who wait, in the order in which they came, until one must go on waiting. */
const serve = (line: Deque<Waiter>): void => {
  for (let waiter = line.shift(); waiter !== undefined; waiter = line.shift()) {
    if (!waiter.retry()) return line.unshift(waiter)
  }
}
