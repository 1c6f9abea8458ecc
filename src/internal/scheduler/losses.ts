/**
 * Entries that come back from a worker without an outcome: requeued by it, or held
 * by it when it was lost.
 *
 * Must stay true: an entry that did not start counts no attempt and no loss.
 * Only an entry that is proven to have ended its worker counts a loss; one that may
 * have done so is quarantined. An entry that must not start twice (`idempotent:
 * false`, or its payload was moved) fails with `WorkerLost` instead.
 */
import type { Assignments } from "./assignments.ts"
import type * as Contract from "./contract.ts"
import type { Observers } from "./observer.ts"
import type { Outcomes } from "./outcomes.ts"
import type { TaskEntry } from "./producer.ts"
import type { Quarantine } from "./quarantine.ts"
import type { RunQueue } from "./runQueue.ts"
import { isWanted, subscriptionOf } from "./subscription.ts"
import { typeOf } from "./taskTypes.ts"
import type { Chunk, WorkerState } from "./workerState.ts"

export interface LossesOptions {
  readonly assignments: Assignments
  readonly observers: Observers
  readonly outcomes: Outcomes
  readonly quarantine: Quarantine
  readonly runQueue: RunQueue
  readonly maxWorkerLosses: number
}

export class Losses {
  private readonly options: LossesOptions

  constructor(options: LossesOptions) {
    this.options = options
  }

  /** Items from `from` up to, not including, `to` did not start. */
  requeue(chunk: Chunk, from: number, to: number): void {
    const { assignments } = this.options
    for (let at = Math.min(to, chunk.size) - 1; at >= from; at--) {
      const entry: TaskEntry = chunk.items[at]
      if (!assignments.holds(chunk, entry)) continue
      chunk.returned++
      assignments.release(chunk, entry)
      this.restartUnstarted(entry, chunk.worker, { outOfMemory: false })
      assignments.finish(chunk, entry)
    }
  }

  /**
   * Restarts or fails everything that a worker held when it left. All entries are released before the first outcome,
   * which may cancel others: these wait for no worker, and none is cancelled on the one that left.
   */
  workerLeft(worker: WorkerState, loss: Contract.WorkerLoss | undefined): void {
    const { assignments } = this.options
    const unstarted: Array<TaskEntry> = []
    const started: Array<TaskEntry> = []
    /** Cancelled, or with their outcome. */
    const unwanted: Array<TaskEntry> = []
    let culprit: TaskEntry | undefined
    for (
      let chunk = worker.newestChunk, older = chunk?.older;
      chunk !== undefined;
      chunk = older, older = chunk?.older
    ) {
      const report = loss?.chunks.find((report) => report.chunk === chunk)
      for (let at = chunk.size - 1; at >= 0; at--) {
        const entry: TaskEntry = chunk.items[at]
        if (!assignments.holds(chunk, entry)) continue
        const hasStarted = report?.started(at) === true
        if (!hasStarted) chunk.returned++
        assignments.release(chunk, entry)
        if (hasStarted) started.push(entry)
        if (hasStarted && report.culprit === at) culprit = entry
        if (entry.cancelled || entry.lingers) {
          unwanted.push(entry)
          if (!hasStarted && !entry.lingers) assignments.takeBackStart(entry)
        } else if (!hasStarted) unstarted.push(entry)
      }
    }
    if (loss?.attribution === undefined && started.length === 1) culprit = started[0]
    for (const entry of unstarted) this.restartUnstarted(entry, worker, loss ?? { outOfMemory: false })
    for (const entry of started) {
      if (isWanted(entry) && !entry.lingers) {
        this.restart(entry, worker.handle.name, worker, loss!, culprit, loss!.attribution)
      }
    }
    for (const entry of unwanted) subscriptionOf(entry).afterRelease(entry)
  }

  /** An entry that is proven to have ended the thread or process below its worker, which goes on. */
  provenLoss(entry: TaskEntry, name: string, worker: WorkerState, exit: Contract.WorkerExit): void {
    this.restart(entry, name, worker, exit, entry, undefined)
  }

  private restartUnstarted(entry: TaskEntry, worker: WorkerState, exit: Contract.WorkerExit): void {
    const { assignments, outcomes, runQueue } = this.options
    if (entry.lingers) return
    assignments.takeBackStart(entry)
    if (worker.moves(entry)) outcomes.failLost(entry, worker.handle.name, exit)
    else runQueue.requeue(entry)
  }

  /** Restarts or fails an entry whose thread or process was lost while it ran. */
  private restart(
    entry: TaskEntry,
    name: string,
    worker: WorkerState,
    exit: Contract.WorkerExit,
    culprit: TaskEntry | undefined,
    attribution: Contract.WorkerLoss["attribution"]
  ): void {
    const { maxWorkerLosses, observers, outcomes, quarantine, runQueue } = this.options
    if (entry === culprit) entry.losses++
    if (!entry.idempotent || worker.moves(entry) || entry.losses >= maxWorkerLosses) {
      return outcomes.failLost(entry, name, exit)
    }
    typeOf(entry).counts.restarted++
    if (observers.active) observers.restarted(entry, name, exit, entry === culprit)
    if (entry === culprit || (culprit === undefined && attribution !== "nobody")) {
      quarantine.add(entry)
    } else {
      runQueue.requeue(entry)
    }
  }
}
