/** Producers, workers and schedulers for tests of single files of the scheduler, which run without an executor. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { Capacity } from "../../../src/internal/scheduler/capacity.ts"
import type * as Contract from "../../../src/internal/scheduler/contract.ts"
import { type Producer, TaskEntry } from "../../../src/internal/scheduler/producer.ts"
import { Scheduler } from "../../../src/internal/scheduler/scheduler.ts"
import { Statistics } from "../../../src/internal/scheduler/statistics.ts"
import { ProducerSubscription, type SubscriptionOwner } from "../../../src/internal/scheduler/subscription.ts"
import { TaskTypes } from "../../../src/internal/scheduler/taskTypes.ts"
import { Timers } from "../../../src/internal/timers.ts"

export class Number extends Task.Class<Number>()("Number", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** A task that must not start twice. */
export class Once extends Task.Class<Once>()("Once", { payload: { n: Schema.Int }, idempotent: false }) {}

/** A task whose payload is moved where workers can move it. */
export class Move extends Task.Class<Move>()("Move", { payload: { n: Schema.Int }, transfer: "payload" }) {}

const Tasks = TaskGroup.make(Number, Once, Move)

const types = new TaskTypes(Tasks.tasks, "encode", false, new Statistics())

export const entryOf = (index: number, task: Task.Any = new Number({ n: index })): TaskEntry => {
  const entry = new TaskEntry(task, index, undefined, undefined)
  entry.type = types.get(entry.name)
  return entry
}

/** A producer that hands out the entries that it is given, and keeps those that are settled or dropped. */
export class ListProducer implements Producer {
  readonly callers = 1
  readonly pushed = false
  readonly chunkSize: number | undefined
  readonly parent = undefined
  readonly waiting: Array<TaskEntry>
  readonly done: Array<TaskEntry> = []
  readonly droppedEntries: Array<TaskEntry> = []
  notified = 0
  onNotified: (() => void) | undefined

  constructor(entries: ReadonlyArray<TaskEntry> = [], chunkSize?: number) {
    this.waiting = [...entries]
    this.chunkSize = chunkSize
  }

  /** Entries that were handed out and have no outcome. */
  unsettled = 0

  next() {
    const entry = this.waiting.shift()
    if (entry !== undefined) this.unsettled++
    return entry
  }

  settled(entry: TaskEntry) {
    this.unsettled--
    this.done.push(entry)
  }

  dropped(entry: TaskEntry) {
    this.unsettled--
    this.droppedEntries.push(entry)
  }

  onCapacity() {
    this.notified++
    this.onNotified?.()
  }

  closed() {}
}

/** A worker that does nothing by itself, and records its calls. */
export class FakeWorker implements Contract.WorkerHandle {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly moves: boolean
  readonly retracts: boolean
  readonly unsupported: ((name: string) => string | undefined) | undefined
  readonly cancelled: Array<Contract.Item> = []
  woken = 0
  onCancel: ((chunk: Contract.Chunk, at: number) => void) | undefined

  constructor(
    options: {
      readonly name?: string
      readonly concurrency?: number
      readonly window?: number
      readonly moves?: boolean
      readonly retracts?: boolean
      readonly unsupported?: (name: string) => string | undefined
    } = {}
  ) {
    this.name = options.name ?? "worker"
    this.concurrency = options.concurrency ?? 1
    this.window = options.window ?? this.concurrency
    this.moves = options.moves ?? false
    this.retracts = options.retracts ?? true
    this.unsupported = options.unsupported
  }

  wake() {
    this.woken++
  }

  cancel(chunk: Contract.Chunk, at: number) {
    this.cancelled.push(chunk.items[at])
    this.onCancel?.(chunk, at)
  }
}

/** The members of a scheduler that subscriptions need, for tests without a scheduler. */
const noScheduler: SubscriptionOwner = {
  timers: undefined as never,
  slots: () => 1,
  window: () => 1,
  enqueue: () => {},
  accepted: () => {},
  waited: () => {},
  unsubscribe: (subscription) => subscription.places.close()
}

export const subscriptionTo = (
  producer: Producer,
  capacity = new Capacity(Infinity),
  owner: SubscriptionOwner = noScheduler
): ProducerSubscription => new ProducerSubscription(owner, capacity, producer, 0)

/** A scheduler on the clock of the test; `runLater` runs the callbacks that it put off. */
export const makeScheduler = (
  executor: Partial<Contract.ExecutorSettings> = {},
  options: Contract.DispatcherOptions = {}
) =>
  Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const timers = new Timers(yield* Clock.Clock, Effect.runForkWith(context))
    const later: Array<() => void> = []
    const scheduler = new Scheduler(
      Tasks.tasks,
      { name: "test", boundary: "none", maxChunk: 100, ...executor },
      options,
      timers,
      (f) => later.push(f)
    )
    const runLater = () => {
      for (let f = later.shift(); f !== undefined; f = later.shift()) f()
    }
    const subscribe = (producer: Producer) => {
      const subscription = scheduler.subscribe(producer)!
      subscription.ready()
      return subscription
    }
    return { scheduler, runLater, subscribe }
  })
