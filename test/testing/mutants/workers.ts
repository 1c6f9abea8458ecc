/** Dispatchers with a fault between the scheduler and its workers: the executor calls a faulty scheduler. */
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Executor from "papyros/Executor"
import type * as TaskGroup from "papyros/TaskGroup"
import { type Faults, handlers, type Subject, Tasks } from "papyros/testing"
import * as Local from "../../../src/internal/local/executor.ts"
import { scriptedSubject } from "./scriptedSubject.ts"

/** A scheduler that forwards every call to another scheduler. */
export class Between implements Executor.Scheduler {
  readonly inner: Executor.Scheduler

  constructor(inner: Executor.Scheduler) {
    this.inner = inner
  }

  now() {
    return this.inner.now()
  }

  spanAttributes(worker: string) {
    return this.inner.spanAttributes(worker)
  }

  after(millis: number, f: () => void) {
    return this.inner.after(millis, f)
  }

  join(worker: Executor.WorkerHandle) {
    this.inner.join(worker)
  }

  take(...args: Parameters<Executor.Scheduler["take"]>) {
    return this.inner.take(...args)
  }

  succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    this.inner.succeed(chunk, at, value)
  }

  fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.inner.fail(chunk, at, failure)
  }

  failRunning(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.inner.failRunning(chunk, at, failure)
  }

  replaced(cause: string) {
    this.inner.replaced(cause)
  }

  connected(...args: Parameters<Executor.Scheduler["connected"]>) {
    return this.inner.connected(...args)
  }

  starting(...args: Parameters<Executor.Scheduler["starting"]>) {
    this.inner.starting(...args)
  }
  recordBusy(...args: Parameters<Executor.Scheduler["recordBusy"]>) {
    this.inner.recordBusy(...args)
  }

  requeue(chunk: Executor.Chunk, from: number, to: number) {
    this.inner.requeue(chunk, from, to)
  }

  leave(worker: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    this.inner.leave(worker, loss)
  }

  unavailable(cause: unknown, timeout?: number) {
    this.inner.unavailable(cause, timeout)
  }

  demand(max: number) {
    return this.inner.demand(max)
  }
}

type Mutant = new(inner: Executor.Scheduler) => Executor.Scheduler

/** The task entry of the scheduler, which is also the item of a chunk: a faulty scheduler could change these fields. */
interface TaskEntry extends Executor.Item {
  attempt: number
  assignment: unknown
  value: unknown
  readonly subscription: { readonly producer: { readonly settled: (entry: TaskEntry) => void } }
}

const taskEntryOf = (chunk: Executor.Chunk, at: number) => chunk.items[at] as TaskEntry

export class Drops extends Between {
  private seen = 0
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    if (++this.seen % 40 !== 0) super.succeed(chunk, at, value)
  }
}

export class DropsTail extends Between {
  override requeue(chunk: Executor.Chunk, from: number, to: number) {
    super.requeue(chunk, from, to > from + 1 ? to - 1 : to)
  }
}

export class Alters extends Between {
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    super.succeed(chunk, at, structuredClone(value))
  }
}

/** Copies a result when it is sent, not when its handler has ended. */
export class CopiesLate extends Between {
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    setImmediate(() => super.succeed(chunk, at, structuredClone(value)))
  }
}

/** A worker loses the slot of each failed task. */
export class LeaksSlot extends Between {
  private readonly workers = new Map<Executor.Chunk, Executor.WorkerHandle>()
  private readonly leaked = new Map<Executor.WorkerHandle, number>()
  override take(worker: Executor.WorkerHandle, max: number) {
    const chunk = super.take(worker, max - (this.leaked.get(worker) ?? 0))
    if (chunk !== undefined) this.workers.set(chunk, worker)
    return chunk
  }
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    const worker = this.workers.get(chunk)!
    this.leaked.set(worker, (this.leaked.get(worker) ?? 0) + 1)
    super.fail(chunk, at, failure)
  }
}

export class SwallowsDefect extends Between {
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    if (failure._tag === "Defect") super.succeed(chunk, at, undefined)
    else super.fail(chunk, at, failure)
  }
}

export class ConfusesReasons extends Between {
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    super.fail(chunk, at, failure._tag === "TimedOut" ? { _tag: "Interrupted", trace: "" } : failure)
  }
}

/** Attributes a loss of known cause to another task that ran on the worker. */
export class AttributesToNeighbour extends Between {
  override leave(worker: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    super.leave(
      worker,
      loss === undefined ? undefined : {
        ...loss,
        chunks: loss.chunks.map((report) => {
          const neighbour = report.chunk.items.findIndex((_, at) => at !== report.culprit && report.started(at))
          const proven = loss.chunks.some(({ culprit }) => culprit !== undefined)
          return !proven || neighbour === -1 ? report : { ...report, culprit: neighbour }
        })
      }
    )
  }
}

/** Reports the outcomes of a chunk only when all its tasks have ended, so that a loss also loses earlier outcomes. */
export class RerunsMates extends Between {
  private readonly kept = new Map<Executor.Chunk, Map<number, () => void>>()
  private keep(chunk: Executor.Chunk, at: number, report: () => void) {
    const kept = this.kept.get(chunk) ?? new Map<number, () => void>()
    this.kept.set(chunk, kept)
    if (kept.has(at)) return
    kept.set(at, report)
    if (kept.size === chunk.items.length) { for (const report of kept.values()) report() }
  }
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    this.keep(chunk, at, () => super.succeed(chunk, at, value))
  }
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.keep(chunk, at, () => super.fail(chunk, at, failure))
  }
  override requeue(chunk: Executor.Chunk, from: number, to: number) {
    super.requeue(chunk, from, to)
    for (let at = from; at < to; at++) this.keep(chunk, at, () => {})
  }
}

export class CountsUnclaimed extends Between {
  override requeue(chunk: Executor.Chunk, from: number, to: number) {
    for (let at = from; at < to; at++) taskEntryOf(chunk, at).attempt++
    super.requeue(chunk, from, to)
  }
}

export class AcceptsLate extends Between {
  /** An entry may start again after its outcome, so it must keep the fields that an outcome clears. */
  override take(...args: Parameters<Executor.Scheduler["take"]>) {
    const chunk = super.take(...args)
    for (const item of chunk?.items ?? []) {
      const { payload } = item
      Object.defineProperties(item, {
        delivered: { value: () => {}, configurable: true },
        payload: { get: () => payload, set: () => {}, configurable: true }
      })
    }
    return chunk
  }

  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    const entry = taskEntryOf(chunk, at)
    if (entry.assignment === chunk) return super.succeed(chunk, at, value)
    entry.value = value
    entry.subscription.producer.settled(entry)
  }
}

export class StartsTwice extends Between {
  override leave(worker: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    super.leave(
      worker,
      loss === undefined ? undefined : {
        ...loss,
        chunks: loss.chunks.map((report) => ({
          ...report,
          started: (at: number) => report.started(at) && report.chunk.items[at].idempotent
        }))
      }
    )
  }
}

/** Does not report the loss of a worker, so that its tasks never end. */
export class ForgetsLoss extends Between {
  override leave(worker: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    if (loss === undefined) super.leave(worker)
  }
}

/** Treats the report of a timeout as the end of the task. */
export class TakesTimeoutForEnd extends Between {
  override failRunning(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.inner.fail(chunk, at, failure)
  }
}

/** A subject on the scripted executor, whose workers call a scheduler of the given class. */
export const between = (Mutant: Mutant, window = 2, faults: Partial<Faults> = { loss: 0, giveBack: 0 }): Subject => ({
  ...scriptedSubject({ window, faults, between: (scheduler) => new Mutant(scheduler) }),
  losesWorkers: faults.loss !== 0,
  patience: 2000
})

/** A subject on the executor of this process, which calls a scheduler of the given class. */
export const local = (Mutant: Mutant): Subject => ({
  layer: ({ capacity }) => {
    const executor = Local.make<TaskGroup.Handler<Tasks["_tag"]>>(Tasks, {
      name: "local",
      concurrency: 4,
      boundary: "none"
    })
    return Executor.layer(Tasks, {
      ...executor,
      open: (scheduler, dispatcher) => executor.open(new Mutant(scheduler), dispatcher)
    }, { capacity }).pipe(Layer.provide(handlers))
  },
  boundary: "none",
  concurrency: 4,
  bounds: true,
  endsBusyLoops: false,
  losesWorkers: false,
  nests: true,
  sharesClock: true,
  sharesMemory: true,
  patience: 2000
})

/** A subject whose handlers all share one scope, like the scope of their Layer. */
export const oneScope = (): Subject => {
  const scope = Scope.makeUnsafe()
  return {
    ...scriptedSubject({ window: 2, faults: { loss: 0, giveBack: 0 }, scoped: Scope.provide(scope) }),
    losesWorkers: false,
    patience: 2000
  }
}

/** A subject on the scripted executor with lost workers, which call a scheduler of the given class. */
export const lossy = (Mutant: Mutant) => between(Mutant, 6, {})
