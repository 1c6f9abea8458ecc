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
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import { boundOption, countOption } from "../options.ts"
import type * as Task from "../task.ts"
import type { Timers } from "../timers.ts"
import { Assignments } from "./assignments.ts"
import { recordRun } from "./busyTime.ts"
import { Capacity } from "./capacity.ts"
import { ChunkFiller } from "./chunkFill.ts"
import { TARGET_MICROS } from "./chunkSizing.ts"
import type * as Contract from "./contract.ts"
import { EncodedBlocks } from "./encodedBlocks.ts"
import { causeOf } from "./lossCause.ts"
import { Losses } from "./losses.ts"
import { type Observable, type Observer, Observers } from "./observer.ts"
import { OpenProducers } from "./openProducers.ts"
import { Outcomes } from "./outcomes.ts"
import { Preparation } from "./preparation.ts"
import type { FreeReason, ParentTask, Producer, SchedulerHandle, TaskEntry } from "./producer.ts"
import { Quarantine } from "./quarantine.ts"
import { RunQueue } from "./runQueue.ts"
import { SpanLimit } from "./spanLimit.ts"
import { Statistics } from "./statistics.ts"
import { ProducerSubscription, subscriptionOf, type SubscriptionOwner } from "./subscription.ts"
import { TaskTypes, typeOf } from "./taskTypes.ts"
import { UnservedTasks } from "./unserved.ts"
import { Waking } from "./waking.ts"
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
  private readonly blocks: EncodedBlocks
  private readonly producers = new OpenProducers()
  private readonly waking: Waking
  private readonly observers: Observers
  /** Slots that the executor is starting. */
  private startingSlots = 0
  private closed = false

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
      () => this.waking.wake()
    )
    const unserved = this.unserved = new UnservedTasks({
      workers,
      types,
      outcomes,
      timers,
      unservedTimeout: executor.unservedTimeout ?? 0,
      chunkMicros,
      wakeSoon: () => this.waking.wakeSoon()
    })
    const preparation = new Preparation(types, outcomes, unserved)
    const quarantine = this.quarantine = new Quarantine(workers, preparation)
    const filler = this.filler = new ChunkFiller({
      capacity,
      workers,
      runQueue,
      unserved,
      preparation,
      maxChunk: executor.maxChunk,
      chunkMicros
    })
    this.losses = new Losses({ assignments, observers, outcomes, quarantine, runQueue, maxWorkerLosses })
    this.blocks = new EncodedBlocks({ assignments, filler, observers, outcomes, quarantine, settling: this })
    this.waking = new Waking({ workers, runQueue, quarantine, unserved, later })
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
    this.producers.add(subscription)
    if (parent !== undefined) (parent.subscriptions ??= new Set()).add(subscription)
    return subscription
  }

  unsubscribe(subscription: ProducerSubscription): void {
    this.producers.remove(subscription)
    subscription.producer.parent?.subscriptions?.delete(subscription)
    this.runQueue.ended(subscription)
    subscription.places.close()
  }

  enqueue(subscription: ProducerSubscription, given?: TaskEntry): void {
    this.waking.absence?.waits(subscription, given)
    this.runQueue.add(subscription)
    this.waking.wake()
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
    this.waking.absence?.end()
    this.waking.absence = undefined
    this.waking.wake()
  }

  leave(handle: Contract.WorkerHandle, loss?: Contract.WorkerLoss): void {
    const worker = this.workers.leave(handle)
    if (worker === undefined) return
    if (loss !== undefined) this.statistics.lose(causeOf(loss))
    this.losses.workerLeft(worker, loss)
    if (this.observers.active) this.observers.left(worker, loss)
    this.unserved.workerLeft()
    this.capacity.notify()
    this.waking.wake()
  }

  unavailable(cause: unknown, timeout = 0): void {
    if (this.closed || this.workers.size > 0) return
    const { outcomes, quarantine, runQueue, timers, unserved } = this
    this.waking.absence ??= new WorkerAbsence({ outcomes, quarantine, runQueue, timers, unserved })
    this.waking.absence.report(cause, timeout)
  }

  // --- tasks -----------------------------------------------------------------

  take(handle: Contract.WorkerHandle, max: number, first?: ParentTask): Chunk | undefined {
    const worker = this.workers.get(handle)
    if (worker === undefined || this.closed || max <= 0) return undefined
    const { runQueue } = this
    if (runQueue.rotating) {
      // The source that is being pulled uses the dispatcher itself. It cannot be pulled again meanwhile.
      worker.parked = true
      this.later(() => this.waking.wake())
      return undefined
    }
    const block = handle.takesEncoded === true && first === undefined ? this.blocks.take(worker, max) : undefined
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
        this.waking.wake()
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
    typeOf(entry).counts.lingering++
    this.outcomes.failReported(entry, chunk, chunk.worker.handle.name, failure)
  }

  requeue(chunk: Chunk, from: number, to: number): void {
    this.losses.requeue(chunk, from, to)
    this.waking.wake()
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

  get resultsReady(): number {
    return this.producers.resultsReady
  }

  get status(): Contract.Status {
    const workers = Array.from(this.workers)
    return {
      waiting: this.producers.waiting,
      running: workers.reduce((sum, { running }) => sum + running, 0),
      executions: this.producers.executions,
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
    return this.producers.freeReason
  }

  chunkSize(): number | undefined {
    return this.producers.chunkSize
  }

  retrying(): number {
    return this.producers.retrying
  }

  eachRetrying(f: (entry: TaskEntry) => void): void {
    this.producers.eachRetrying(f)
  }

  /** Ends every subscription. Completes when all that ran has stopped. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.closed = true
    this.waking.close()
    const open = Array.from(this.producers)
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
