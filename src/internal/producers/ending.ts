/**
 * How an execution ends, as one state that only moves forward:
 *
 * - `open`: tasks are pulled and started.
 * - `draining`: nothing more is pulled; outcomes that come before its cause are awaited,
 *   with their retries if the cause is a failed task.
 * - `stopping`: nothing starts, outcomes are dropped, and running work is interrupted.
 * - `stopped`: its work has stopped.
 *
 * Must stay true: there is one cause, and a later cause replaces it only as long
 * as nothing was dropped. An execution whose source ends without a failure stays
 * `open` until its consumer closes it.
 */
import type * as Cause from "effect/Cause"
import type { DurableError } from "../durableError.ts"
import type { DispatcherClosed, DispatchTimeout } from "../errors.ts"
import type { TaskEntry } from "../scheduler/producer.ts"

export type EndingCause =
  /** The first failed task of an `execute`: the first in time or, if ordered, the one with the least index. */
  | { readonly _tag: "TaskFailed"; readonly entry: TaskEntry }
  /** The source held something that is not a task. */
  | { readonly _tag: "NotATask"; readonly defect: Cause.Cause<never> }
  /** The retry policy has a defect. */
  | { readonly _tag: "PolicyDied"; readonly defect: Cause.Cause<never> }
  /** It waited too long, its dispatcher was closed, or outcomes cannot be stored. */
  | { readonly _tag: "Error"; readonly error: DispatchTimeout | DispatcherClosed | DurableError }
  /** Its consumer takes no more. */
  | { readonly _tag: "Closed" }

// Numbers, in their order: the phase is read several times per task.
const OPEN = 0
const DRAINING = 1
const STOPPING = 2
const STOPPED = 3

export class Ending {
  private phase: typeof OPEN | typeof DRAINING | typeof STOPPING | typeof STOPPED = OPEN
  private why: EndingCause | undefined = undefined
  private onStopped: (() => void) | undefined = undefined

  /** Tasks may be pulled. */
  get isOpen(): boolean {
    return this.phase === OPEN
  }

  /** Failed tasks may be tried again. After something that is not a task, their failures are their outcomes. */
  get allowsRetries(): boolean {
    return this.phase === OPEN || (this.phase === DRAINING && this.why!._tag !== "NotATask")
  }

  /** Nothing starts any more, and outcomes are dropped. */
  get hasEnded(): boolean {
    return this.phase >= STOPPING
  }

  get cause(): EndingCause | undefined {
    return this.why
  }

  /** The failed task that ends it. */
  get failedEntry(): TaskEntry | undefined {
    return this.why?._tag === "TaskFailed" ? this.why.entry : undefined
  }

  /** Whether the outcome of a task is delivered. An ordered execution that drains wants those before the failed task. */
  wants(entry: TaskEntry): boolean {
    const failed = this.failedEntry
    return !this.hasEnded && (failed === undefined || entry.index <= failed.index)
  }

  /** The defect of a value in the source that is not a task. */
  get sourceDefect(): Cause.Cause<never> | undefined {
    return this.why?._tag === "NotATask" ? this.why.defect : undefined
  }

  /** Ends it after the outcomes that come before the cause. A failed task with a smaller index replaces the cause. */
  drain(cause: EndingCause): void {
    if (this.hasEnded) return
    this.phase = DRAINING
    this.why = cause
  }

  /** Ends it now. `false` if it has ended already. Without a cause, that of `drain` counts. */
  end(cause?: EndingCause): boolean {
    if (this.hasEnded) return false
    this.phase = STOPPING
    this.why = cause ?? this.why ?? CLOSED
    return true
  }

  /** The work has stopped. Follows `end`. */
  workStopped(): void {
    this.phase = STOPPED
    this.onStopped?.()
  }

  /** Calls back when the work has stopped, which may be now. */
  whenStopped(f: () => void): void {
    if (this.phase === STOPPED) f()
    else this.onStopped = f
  }
}

const CLOSED: EndingCause = { _tag: "Closed" }
