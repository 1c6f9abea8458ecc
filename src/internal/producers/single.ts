/**
 * The single runs of one caller: those of the handler of one running task, or all
 * those that no handler started. They share a producer, and so a turn of the run
 * queue: thousands of runs beside an execution take half of the starts, not all.
 *
 * Must stay true: each entry is handed out once, and its caller is resumed once:
 * with the outcome, or with `DispatcherClosed` when its work has stopped. Runs
 * start in the order in which they were called. A parent has this producer only
 * while it has runs.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { TaskFailure } from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import { DispatcherClosed } from "../errors.ts"
import {
  callerSpan,
  type ParentTask,
  type Producer,
  type SchedulerHandle,
  type SingleRunsHolder,
  type Subscription,
  TaskEntry,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import { assertTask } from "./assertTask.ts"
import { awaitNested, parentIn } from "./nesting.ts"

type Resume = (effect: Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed>) => void

/** Cancelled runs in the line that are worth a pass over it. */
const MIN_STALE = 64

class RunEntry extends TaskEntry {
  /** Resumes the caller, once: afterwards nothing of the caller is retained, though the chunk of the task may be. */
  resume: Resume | undefined
  /** The run was interrupted, or its dispatcher closed, and its work has stopped. */
  onDropped: (() => void) | undefined = undefined

  constructor(task: Task.Any, index: number, span: Tracer.AnySpan | undefined, resume: Resume) {
    super(task, index, taskTimeoutOf(task, undefined), span)
    this.resume = resume
  }
}

class SingleRuns implements Producer {
  readonly pushed = false
  readonly chunkSize = undefined
  readonly parent: ParentTask | undefined
  private readonly holder: SingleRunsHolder
  private readonly subscription: Subscription | undefined
  /** Runs that were not handed out, with cancelled ones. */
  private readonly line = new Deque<RunEntry>()
  private stale = 0
  /** Runs without an outcome. */
  private readonly open = new Set<RunEntry>()
  private count = 0

  constructor(scheduler: SchedulerHandle, parent: ParentTask | undefined) {
    this.parent = parent
    this.holder = parent ?? scheduler
    this.subscription = scheduler.subscribe(this)
    if (this.subscription !== undefined) this.holder.singleRuns = this
  }

  /** Those of the parent, or of the scheduler. `undefined` if the dispatcher is closed. */
  static of(scheduler: SchedulerHandle, parent: ParentTask | undefined): SingleRuns | undefined {
    const known = (parent ?? scheduler).singleRuns as SingleRuns | undefined
    if (known !== undefined) return known
    const made = new SingleRuns(scheduler, parent)
    return made.subscription === undefined ? undefined : made
  }

  get callers(): number {
    return this.open.size
  }

  get unsettled(): number {
    return this.open.size
  }

  /** Runs a task. The Effect that is returned interrupts it, and waits until its work has stopped. */
  start(task: Task.Any, span: Tracer.AnySpan | undefined, resume: Resume): Effect.Effect<void> {
    const entry = new RunEntry(task, this.count++, span, resume)
    this.open.add(entry)
    this.line.push(entry)
    this.subscription!.ready(entry)
    return Effect.callback<void>((done) => this.interrupt(entry, () => done(Effect.void)))
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    for (let entry = this.line.shift(); entry !== undefined; entry = this.line.shift()) {
      if (!entry.cancelled) return entry
      this.stale--
    }
    return undefined
  }

  settled(entry: TaskEntry): void {
    const outcome = entry.failure === undefined ? Effect.succeed(entry.value) : Effect.fail(entry.failure)
    entry.delivered()
    this.close(entry as RunEntry)
    resumeCaller(entry as RunEntry, outcome)
  }

  dropped(entry: TaskEntry): void {
    const { onDropped } = entry as RunEntry
    ;(entry as RunEntry).onDropped = undefined
    onDropped?.()
  }

  onCapacity(): void {}

  closed(): void {
    this.holder.singleRuns = undefined
    const open = Array.from(this.open)
    this.open.clear()
    this.line.clear()
    const unstarted: Array<RunEntry> = []
    for (const entry of open) {
      if (entry.assignment === undefined) unstarted.push(entry)
      else entry.onDropped = () => resumeCaller(entry, Effect.fail(new DispatcherClosed()))
    }
    this.subscription!.end(noop)
    for (const entry of unstarted) resumeCaller(entry, Effect.fail(new DispatcherClosed()))
  }

  // --- endings ---------------------------------------------------------------

  private interrupt(entry: RunEntry, done: () => void): void {
    const closed = !this.open.has(entry)
    // It has its outcome, or its work has stopped.
    if (closed && entry.onDropped === undefined) return done()
    entry.onDropped = done
    entry.resume = undefined
    if (closed) return
    const unstarted = this.subscription!.cancel([entry])
    this.close(entry)
    if (unstarted.length === 0) return
    done()
    if (++this.stale >= MIN_STALE && this.stale * 2 >= this.line.length) this.dropCancelled()
  }

  private dropCancelled(): void {
    for (const entry of this.line.clear()) if (!entry.cancelled) this.line.push(entry)
    this.stale = 0
  }

  /** The run has its outcome, or was interrupted. */
  private close(entry: RunEntry): void {
    this.open.delete(entry)
    if (this.parent === undefined || this.open.size > 0) return
    this.holder.singleRuns = undefined
    this.subscription!.end(noop)
  }
}

const resumeCaller = (entry: RunEntry, outcome: Parameters<Resume>[0]): void => {
  const { resume } = entry
  entry.resume = undefined
  resume?.(outcome)
}

const noop = () => {}

/** Runs one task. */
export const runSingle = (
  scheduler: SchedulerHandle,
  task: Task.Any
): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed> =>
  Effect.contextWith((context: Context.Context<never>) => {
    assertTask("run", task)
    const parent = parentIn(context, scheduler)
    return awaitNested(parent, (resume) => {
      const runs = SingleRuns.of(scheduler, parent)
      if (runs !== undefined) return runs.start(task, callerSpan(context), resume)
      resume(Effect.fail(new DispatcherClosed()))
      return undefined
    })
  })
