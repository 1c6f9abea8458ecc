/** Dispatchers with a fault between the scheduler and its lanes: the scripted executor, which calls a scheduler that errs. */
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Executor from "papyros/Executor"
import type * as TaskGroup from "papyros/TaskGroup"
import { type Faults, handlers, type Subject, Tasks } from "papyros/testing"
import * as Local from "../../../src/internal/local/executor.ts"
import { scriptedSubject } from "./scriptedSubject.ts"

/** A scheduler that does what another does. */
export class Between implements Executor.Scheduler {
  readonly inner: Executor.Scheduler

  constructor(inner: Executor.Scheduler) {
    this.inner = inner
  }

  now() {
    return this.inner.now()
  }

  after(millis: number, f: () => void) {
    return this.inner.after(millis, f)
  }

  join(lane: Executor.WorkerHandle) {
    this.inner.join(lane)
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

  recordBusy(...args: Parameters<Executor.Scheduler["recordBusy"]>) {
    this.inner.recordBusy(...args)
  }

  requeue(chunk: Executor.Chunk, from: number, to: number) {
    this.inner.requeue(chunk, from, to)
  }

  leave(lane: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    this.inner.leave(lane, loss)
  }

  unavailable(cause: unknown) {
    this.inner.unavailable(cause)
  }
}

type Mutant = new(inner: Executor.Scheduler) => Executor.Scheduler

/** What the scheduler hands out is its own entry, which a scheduler with a fault of its own would treat so. */
interface Entry extends Executor.Item {
  attempt: number
  assignment: unknown
  value: unknown
  readonly subscription: { readonly producer: { readonly settled: (entry: Entry) => void } }
}

const entryOf = (chunk: Executor.Chunk, at: number) => chunk.items[at] as Entry

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

/** A lane never gets back the slot of a task that failed. */
export class LeaksSlot extends Between {
  private readonly lanes = new Map<Executor.Chunk, Executor.WorkerHandle>()
  private readonly leaked = new Map<Executor.WorkerHandle, number>()
  override take(lane: Executor.WorkerHandle, max: number) {
    const chunk = super.take(lane, max - (this.leaked.get(lane) ?? 0))
    if (chunk !== undefined) this.lanes.set(chunk, lane)
    return chunk
  }
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    const lane = this.lanes.get(chunk)!
    this.leaked.set(lane, (this.leaked.get(lane) ?? 0) + 1)
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

/** Names whoever else ran on the lane, of what was proven guilty. */
export class BlamesNeighbour extends Between {
  override leave(lane: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    super.leave(
      lane,
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

/** Reports a chunk when all of it has ended, so that a loss takes with it what had ended. */
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
    for (let at = from; at < to; at++) entryOf(chunk, at).attempt++
    super.requeue(chunk, from, to)
  }
}

export class AcceptsLate extends Between {
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    const entry = entryOf(chunk, at)
    if (entry.assignment === chunk) return super.succeed(chunk, at, value)
    entry.value = value
    entry.subscription.producer.settled(entry)
  }
}

export class StartsTwice extends Between {
  override leave(lane: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    super.leave(
      lane,
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

/** Does not say that a lane has gone, so that what it held waits for ever. */
export class ForgetsLoss extends Between {
  override leave(lane: Executor.WorkerHandle, loss?: Executor.WorkerLoss) {
    if (loss === undefined) super.leave(lane)
  }
}

/** Takes the report of a timeout for the end of the work. */
export class TakesTimeoutForEnd extends Between {
  override failRunning(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.inner.fail(chunk, at, failure)
  }
}

/** A subject whose lanes call a scheduler of that class. */
export const between = (Mutant: Mutant, window = 2, faults: Partial<Faults> = { loss: 0, giveBack: 0 }): Subject => ({
  ...scriptedSubject({ window, faults, between: (scheduler) => new Mutant(scheduler) }),
  losesWorkers: faults.loss !== 0,
  patience: 2000
})

/** The executor of this process, which calls a scheduler of that class. */
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

/** A subject whose handlers all have one scope, as if it were that of their Layer. */
export const oneScope = (): Subject => {
  const scope = Scope.makeUnsafe()
  return {
    ...scriptedSubject({ window: 2, faults: { loss: 0, giveBack: 0 }, scoped: Scope.provide(scope) }),
    losesWorkers: false,
    patience: 2000
  }
}

/** The same with lanes that are lost. */
export const lossy = (Mutant: Mutant) => between(Mutant, 6, {})
