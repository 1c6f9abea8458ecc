/**
 * The scheduler of one dispatcher, between producers (executions, queues, single
 * runs) and the workers of an executor. It joins the parts that are the same on
 * every dispatcher: capacity, fairness, chunk sizes, the caller's codecs, restarts
 * after a loss. `docs/internals/scheduling.md` follows a task through them.
 *
 * Must stay true: everything is synchronous, without a fiber, promise, timer or
 * closure per task; a source is never pulled while it is pulled; a worker whose
 * `take` returned nothing is woken when that may have changed.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as EffectScheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import { boundOption, countOption } from "../options.ts"
import type * as Task from "../task.ts"
import { Timers } from "../timers.ts"
import { Assignments } from "./assignments.ts"
import { recordRun, recordRunOf } from "./busyTime.ts"
import { Capacity } from "./capacity.ts"
import { ChunkFiller } from "./chunkFill.ts"
import { TARGET_MICROS } from "./chunkSizing.ts"
import type * as Contract from "./contract.ts"
import { causeOf } from "./lossCause.ts"
import { Losses } from "./losses.ts"
import { type Observable, type Observer, Observers } from "./observer.ts"
import { Outcomes } from "./outcomes.ts"
import { Preparation } from "./preparation.ts"
import type { FreeReason, ParentTask, Producer, SchedulerHandle, TaskBlock, TaskEntry } from "./producer.ts"
import { Quarantine } from "./quarantine.ts"
import { RunQueue } from "./runQueue.ts"
import { SpanLimit, SpansPerSecond } from "./spanLimit.ts"
import { Statistics } from "./statistics.ts"
import { ProducerSubscription, subscriptionOf, type SubscriptionOwner } from "./subscription.ts"
import { TaskTypes } from "./taskTypes.ts"
import { UnservedTasks } from "./unserved.ts"
import { WorkerAbsence } from "./workerAbsence.ts"
import { Workers } from "./workers.ts"
import { type Chunk, Reading, type WorkerState } from "./workerState.ts"

/** The options of a dispatcher, and those of papyros itself. */
export interface SchedulerOptions extends Contract.DispatcherOptions {
  /** Payloads come encoded, and results and errors stay so: the producers pass tasks on for another scheduler. */
  readonly relays?: boolean | undefined
  /** The largest number of spans of tasks in a second. Default: no bound. */
  readonly spansPerSecond?: number | undefined
  /** The name of a worker in spans, by its name here. Default: the same. */
  readonly workerName?: ((name: string) => string) | undefined
}

export class Scheduler implements Contract.Scheduler, SchedulerHandle, SubscriptionOwner, Observable {
  readonly name: string
  readonly timers: Timers
  readonly statistics = new Statistics()
  singleRuns: object | undefined = undefined
  /** The name of its dispatcher in metrics and spans. Written by `register` alone. */
  dispatcherName: string
  private readonly workerName: (name: string) => string
  private readonly later: (f: () => void) => void
  private readonly capacity: Capacity
  private readonly workers: Workers
  private readonly types: TaskTypes
  private readonly runQueue = new RunQueue()
  private readonly outcomes: Outcomes
  private readonly assignments: Assignments
  private readonly unserved: UnservedTasks
  private readonly filler: ChunkFiller
  private readonly quarantine: Quarantine
  private readonly losses: Losses
  private readonly subscriptions = new Set<ProducerSubscription>()
  private readonly observers: Observers
  /** Slots that the executor is starting. */
  private startingSlots = 0
  /** Workers are being woken, and whether something may have become startable meanwhile. */
  private waking = false
  private startable = false
  private wakesSoon = false
  private closed = false
  /** Set while the executor has no worker and says that none can be had. */
  private absence: WorkerAbsence | undefined

  constructor(
    tasks: ReadonlyMap<string, Task.AnyClass>,
    executor: Contract.ExecutorSettings,
    options: SchedulerOptions,
    timers: Timers,
    later: (f: () => void) => void
  ) {
    this.name = executor.name
    this.timers = timers
    this.dispatcherName = options.name ?? executor.name
    this.workerName = options.workerName ?? identity
    this.later = later
    const observers = this.observers = new Observers(() => this.now(), this.statistics.chunkOverheads)
    const capacity = this.capacity = new Capacity(boundOption("capacity", options.capacity, 1))
    const maxWorkerLosses = countOption("maxWorkerLosses", options.maxWorkerLosses, 1) ?? 3
    // Chunks of live tasks only save calls: they need no estimate.
    const chunkMicros = executor.boundary === "codec" ? executor.chunkMicros ?? TARGET_MICROS : undefined
    const { runQueue } = this
    const workers = this.workers = new Workers(capacity, this.statistics)
    const types = this.types = new TaskTypes(
      tasks,
      options.relays === true ? "relay" : executor.boundary === "codec" ? "encode" : "live",
      executor.copiesPayloads === true,
      this.statistics
    )
    const outcomes = this.outcomes = new Outcomes(capacity, types, observers, later)
    const assignments = this.assignments = new Assignments(
      capacity,
      this.statistics.chunkTasks,
      observers,
      new SpanLimit(options.spansPerSecond ?? Infinity, () => timers.now()),
      () => this.wake()
    )
    const unserved = this.unserved = new UnservedTasks({
      workers,
      types,
      outcomes,
      timers,
      unservedTimeout: executor.unservedTimeout ?? 0,
      chunkMicros,
      wakeSoon: () => this.wakeSoon()
    })
    const preparation = new Preparation(types, outcomes, unserved)
    const quarantine = this.quarantine = new Quarantine(workers, preparation)
    this.filler = new ChunkFiller({
      capacity,
      workers,
      runQueue,
      unserved,
      preparation,
      maxChunk: executor.maxChunk,
      chunkMicros
    })
    this.losses = new Losses({ assignments, observers, outcomes, quarantine, runQueue, maxWorkerLosses })
  }

  now(): number {
    return this.timers.now()
  }

  spanAttributes(worker: string): ReturnType<Contract.Scheduler["spanAttributes"]> {
    return { "papyros.dispatcher": this.dispatcherName, "papyros.worker": this.workerName(worker) }
  }

  after(millis: number, f: () => void): Contract.Cancel {
    const timer = this.timers.set(millis, f)
    return () => this.timers.clear(timer)
  }

  // --- producers -------------------------------------------------------------

  serves(name: string): boolean {
    return this.types.has(name)
  }

  subscribe(producer: Producer): ProducerSubscription | undefined {
    if (this.closed) return undefined
    const parent = producer.parent?.scheduler === this ? producer.parent : undefined
    const depth = parent === undefined ? 0 : parent.depth + 1
    const subscription = new ProducerSubscription(this, this.capacity, producer, depth)
    this.subscriptions.add(subscription)
    if (parent !== undefined) (parent.subscriptions ??= new Set()).add(subscription)
    return subscription
  }

  unsubscribe(subscription: ProducerSubscription): void {
    this.subscriptions.delete(subscription)
    subscription.producer.parent?.subscriptions?.delete(subscription)
    this.runQueue.ended(subscription)
    subscription.places.close()
  }

  enqueue(subscription: ProducerSubscription, given?: TaskEntry): void {
    this.absence?.waits(subscription, given)
    this.runQueue.add(subscription)
    this.wake()
  }

  accepted(entry: TaskEntry): void {
    this.types.accept(entry)
  }

  slots(): number {
    return this.workers.slots
  }

  window(): number {
    return this.workers.window
  }

  // --- workers ---------------------------------------------------------------

  join(handle: Contract.WorkerHandle): void {
    if (this.closed) return
    const worker = this.workers.join(handle)
    if (this.observers.active) this.observers.joined(worker)
    this.absence?.end()
    this.absence = undefined
    this.wake()
  }

  leave(handle: Contract.WorkerHandle, loss?: Contract.WorkerLoss): void {
    const worker = this.workers.leave(handle)
    if (worker === undefined) return
    if (loss !== undefined) this.statistics.lose(causeOf(loss))
    this.losses.workerLeft(worker, loss)
    if (this.observers.active) this.observers.left(worker, loss)
    this.unserved.workerLeft()
    this.capacity.notify()
    this.wake()
  }

  unavailable(cause: unknown, timeout = 0): void {
    if (this.closed || this.workers.size > 0) return
    const { outcomes, quarantine, runQueue, timers, unserved } = this
    this.absence ??= new WorkerAbsence({ outcomes, quarantine, runQueue, timers, unserved })
    this.absence.report(cause, timeout)
  }

  /** Wakes the workers whose `take` returned nothing, until it does so again or they are full. */
  private wake(): void {
    if (this.closed) return
    if (this.absence !== undefined) return this.absence.check()
    this.startable = true
    if (this.waking) return
    this.waking = true
    try {
      while (this.startable) {
        this.startable = false
        // A task must not wait behind others on one worker, while another worker has a free slot.
        this.wakeParked(true)
        this.wakeParked(false)
      }
    } finally {
      // Also if a worker of another executor throws.
      this.waking = false
    }
  }

  /** Wakes the parked workers that have a free slot, or those that have none, while there is anything to take. */
  private wakeParked(freeSlot: boolean): void {
    for (const worker of this.workers) {
      if (this.runQueue.length === 0 && this.quarantine.size === 0 && this.unserved.size === 0) return
      if (!worker.parked || worker.assigned < worker.handle.concurrency !== freeSlot) continue
      worker.parked = false
      worker.handle.wake()
    }
  }

  private wakeSoon(): void {
    if (this.wakesSoon) return
    this.wakesSoon = true
    this.later(() => {
      this.wakesSoon = false
      this.wake()
    })
  }

  // --- tasks -----------------------------------------------------------------

  take(handle: Contract.WorkerHandle, max: number, first?: ParentTask): Chunk | undefined {
    const worker = this.workers.get(handle)
    if (worker === undefined || this.closed || max <= 0) return undefined
    const { runQueue } = this
    if (runQueue.rotating) {
      // The source that is being pulled uses the dispatcher itself. It cannot be pulled again meanwhile.
      worker.parked = true
      this.later(() => this.wake())
      return undefined
    }
    const block = handle.takesEncoded === true && first === undefined ? this.takeBlock(worker, max) : undefined
    if (block !== undefined) return block
    runQueue.rotating = true
    let chunk: Chunk | undefined
    try {
      let again: boolean
      do {
        runQueue.grew = false
        const entries = this.choose(worker, max, first)
        // A producer that became ready may have been passed over, and the entries may not be wanted any more.
        again = entries.length > 0 || runQueue.grew
        chunk = entries.length === 0 ? undefined : this.assignments.assign(worker, entries)
      } while (chunk === undefined && again)
    } finally {
      runQueue.rotating = false
    }
    if (chunk === undefined) worker.parked = true
    return chunk
  }

  private takeBlock(worker: WorkerState, max: number): Chunk | undefined {
    const { assignments, filler, observers, quarantine } = this
    // Observers are told of each task.
    if (quarantine.size > 0 || worker.runsQuarantined || observers.active) return undefined
    const taken = filler.takeBlock(max)
    if (taken === undefined) return undefined
    const { block, subscription, type } = taken
    const chunk = assignments.assignBlock(worker, subscription, block, type)
    const { name, payloads, size } = block
    const succeed = (from: number, to: number, results: Uint8Array, micros: number) =>
      this.succeedBlock(chunk, block, from, to, results, micros)
    chunk.encoded = { name, size, payloads, succeed }
    return chunk
  }

  private succeedBlock(
    chunk: Chunk,
    block: TaskBlock,
    from: number,
    to: number,
    results: Uint8Array,
    micros: number
  ): void {
    const count = to - from
    if (micros >= 0 && micros < Infinity) {
      recordRunOf(chunk.type, count, micros / count)
      chunk.worker.counts.busy += micros
    }
    if (chunk.block !== undefined && from === chunk.done) {
      this.assignments.releaseFirst(chunk, count)
      this.outcomes.succeedBlock(chunk, block, count, results)
      return this.assignments.finishFirst(chunk)
    }
    const values = block.decode(results, count)
    for (let i = 0; i < count; i++) {
      if (typeof values !== "string") this.succeed(chunk, from + i, values[i])
      else this.fail(chunk, from + i, { _tag: "Undecodable", part: "success", message: values })
    }
  }

  demand(max: number): number {
    const { quarantine, runQueue } = this
    if (this.closed || runQueue.rotating) return 0
    // As in `take`: a source that is being pulled cannot be pulled again meanwhile.
    runQueue.rotating = true
    try {
      return Math.min(max, quarantine.size + runQueue.countWaiting(max - quarantine.size))
    } finally {
      runQueue.rotating = false
    }
  }

  private choose(worker: WorkerState, max: number, first: ParentTask | undefined): Array<TaskEntry> {
    const { filler, quarantine } = this
    if (quarantine.size === 0 && !worker.runsQuarantined) return filler.fill(worker, max, first)
    if (quarantine.withholds(worker)) return []
    const entry = worker.assigned === 0 ? quarantine.take(worker) : undefined
    return entry === undefined ? filler.fill(worker, max, undefined) : [entry]
  }

  succeed(chunk: Chunk, at: number, value: unknown): void {
    const entry = chunk.items[at]
    if (!this.assignments.release(chunk, entry)) return
    if (!entry.cancelled && !entry.lingers) this.outcomes.succeed(entry, chunk, value)
    this.assignments.finish(chunk, entry)
  }

  fail(chunk: Chunk, at: number, failure: Contract.WireFailure, info?: Contract.AttemptInfo): void {
    const entry = chunk.items[at]
    if (!this.assignments.release(chunk, entry)) return
    if (info !== undefined) entry.attempt = Math.max(entry.attempt, info.attempt)
    if (!entry.cancelled && !entry.lingers) {
      const name = info?.worker ?? chunk.worker.handle.name
      if (failure._tag === "WorkerLost") {
        this.losses.provenLoss(entry, name, chunk.worker, failure)
        this.wake()
      } else {
        this.outcomes.failReported(entry, chunk, name, failure)
      }
    }
    this.assignments.finish(chunk, entry)
  }

  failRunning(chunk: Chunk, at: number, failure: Contract.WireFailure): void {
    const entry = chunk.items[at]
    if (!this.assignments.holds(chunk, entry) || entry.cancelled || entry.lingers) return
    subscriptionOf(entry).forgets(entry)
    entry.lingers = true
    this.outcomes.failReported(entry, chunk, chunk.worker.handle.name, failure)
  }

  requeue(chunk: Chunk, from: number, to: number): void {
    this.losses.requeue(chunk, from, to)
    this.wake()
  }

  recordBusy(items: ReadonlyArray<TaskEntry>, micros: number): void {
    // One time that is none would spoil sums and estimates for good.
    if (items.length === 0 || !(micros >= 0 && micros < Infinity)) return
    recordRun(items, micros)
    // All are of one worker. Those that have been settled are of none; a worker that settles first is often the only one.
    const worker = (items[0].assignment as Chunk | undefined)?.worker ?? this.workers.only
    if (worker === undefined) return
    worker.counts.busy += micros
    if (this.observers.active) this.observers.ran(worker, items, micros)
  }

  starting(slots: number): void {
    this.startingSlots = slots
    if (this.observers.active) this.observers.starting(slots)
  }

  replaced(cause: string): void {
    this.statistics.replace(cause)
  }

  connected(connection: Contract.ConnectionBytes): () => void {
    return this.statistics.traffic.add(connection)
  }

  waited(millis: number): void {
    this.statistics.waits.add(1000 * millis, 1)
  }

  // --- the dispatcher --------------------------------------------------------

  /** Results that consumers have not taken. */
  get resultsReady(): number {
    let ready = 0
    for (const { producer } of this.subscriptions) ready += producer.resultsReady ?? 0
    return ready
  }

  get status(): Contract.Status {
    const workers = Array.from(this.workers)
    let waiting = 0
    let executions = 0
    for (const subscription of this.subscriptions) {
      waiting += subscription.producer.unsettled - subscription.runningUnsettled()
      executions += subscription.producer.callers
    }
    return {
      waiting,
      running: workers.reduce((sum, { running }) => sum + running, 0),
      executions,
      succeeded: this.outcomes.succeeded,
      failed: this.outcomes.failed,
      workers: workers.map(({ assigned, handle: { concurrency, name } }) => ({ name, concurrency, assigned }))
    }
  }

  observe(observer: Observer): () => void {
    const remove = this.observers.add(observer)
    const at = new Reading(this.now())
    observer.starting(this.startingSlots, at)
    for (const worker of this.workers) observer.joined(worker, at)
    return remove
  }

  freeReason(): FreeReason {
    if (this.runQueue.length > 0 || this.quarantine.size > 0) return "sending"
    const reasons = new Set<FreeReason>()
    for (const { producer } of this.subscriptions) reasons.add(producer.waitsFor ?? "noTasks")
    return FREE_REASONS.find((reason) => reasons.has(reason)) ?? "noTasks"
  }

  chunkSize(): number | undefined {
    let largest: number | undefined
    for (const { producer } of this.subscriptions) {
      if (producer.chunkSize !== undefined) largest = Math.max(largest ?? 0, producer.chunkSize)
    }
    return largest
  }

  retrying(): number {
    let retrying = 0
    for (const { producer } of this.subscriptions) retrying += producer.retrying ?? 0
    return retrying
  }

  eachRetrying(f: (entry: TaskEntry) => void): void {
    for (const { producer } of this.subscriptions) producer.eachRetrying?.(f)
  }

  /** Ends every subscription. Completes when all that ran has stopped. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.closed = true
    const open = Array.from(this.subscriptions)
    // The work of a subscription that has ended before may go on.
    const subscriptions = new Set([...open, ...this.workers.subscriptions()])
    let left = subscriptions.size
    const done = () => {
      this.timers.close()
      resume(Effect.void)
    }
    if (left === 0) return done()
    for (const subscription of open) subscription.producer.closed()
    for (const subscription of subscriptions) {
      subscription.end(() => {
        if (--left === 0) done()
      })
    }
  })
}

/** Of several producers, the one that could use free slots first says why they are free. */
const FREE_REASONS: ReadonlyArray<FreeReason> = ["input", "consumer", "order", "retry"]

/** Makes the scheduler of an executor, to be opened by `openExecutor`. */
export const makeScheduler = (
  tasks: ReadonlyMap<string, Task.AnyClass>,
  executor: Contract.ExecutorSettings,
  options: SchedulerOptions
): Effect.Effect<Scheduler> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const clock = yield* Clock.Clock
    const timers = new Timers(clock, Effect.runForkWith(context))
    const eventLoop = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
    // The clients of a relay have bounded their spans.
    const spansPerSecond = options.relays === true ? Infinity : Context.get(context, SpansPerSecond)
    return new Scheduler(tasks, executor, { ...options, spansPerSecond }, timers, (f) => eventLoop.scheduleTask(f, 0))
  })

/** Opens an executor. When the scope closes, the scheduler is closed first, then the executor. */
export const openExecutor = <E, R>(
  scheduler: Scheduler,
  open: (scheduler: Contract.Scheduler) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R | Scope.Scope> =>
  Effect.andThen(
    Effect.suspend(() => open(scheduler as unknown as Contract.Scheduler)),
    Effect.addFinalizer(() => scheduler.close)
  )
