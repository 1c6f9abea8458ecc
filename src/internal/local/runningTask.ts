/**
 * A task that runs in this process, and the parent of the tasks that its handler starts. While every fiber of the
 * handler that could go on waits for nested tasks, its slot is lent. A slot is lent at most once at a time, and a
 * task that is over, or that is being stopped, does not ask for its slot again.
 */
import type * as Executor from "../../Executor.ts"
import type { Handler } from "../handlers/handler.ts"
import type { HandlerRun } from "../handlers/handlerRun.ts"
import type { ParentTask, Subscription } from "../scheduler/producer.ts"

/** The slots that running tasks lend and ask for again. */
export interface SlotPool {
  readonly lend: (task: RunningTask) => void
  /** Calls `resume` as soon as the task has a slot again. */
  readonly reclaim: (task: RunningTask, resume: () => void) => void
}

export class RunningTask implements ParentTask, HandlerRun {
  readonly scheduler: Executor.Scheduler
  readonly depth: number
  subscriptions: Set<Subscription> | undefined = undefined
  singleRuns: object | undefined = undefined
  // Owned by `HandlerRun`.
  scope: HandlerRun["scope"] = undefined
  context: HandlerRun["context"] = undefined
  fiber: HandlerRun["fiber"] = undefined
  /** Owned by `Deadlines`. */
  deadline = Infinity
  /** Why it is being stopped, which decides its outcome. */
  stopping: "cancelled" | "timedOut" | undefined = undefined
  /** Cancels the timer that reports the timeout of a task that does not stop. Owned by `Deadlines`. */
  grace: Executor.Cancel | undefined = undefined
  /** Others use its slot while it waits for tasks. Owned by `Slots`, as is the next field. */
  lent = false
  /** The fibers of its handler that go on once it has a slot again. */
  resumptions: Array<() => void> | undefined = undefined
  /** It has ended; fibers that it forked may still wait for tasks. */
  over = false
  private waits = 0
  private readonly slots: SlotPool
  readonly handler: Handler
  readonly chunk: Executor.Chunk
  readonly at: number

  constructor(slots: SlotPool, scheduler: Executor.Scheduler, handler: Handler, chunk: Executor.Chunk, at: number) {
    this.slots = slots
    this.scheduler = scheduler
    this.handler = handler
    this.chunk = chunk
    this.at = at
    this.depth = chunk.items[at].depth
  }

  get item(): Executor.Item {
    return this.chunk.items[this.at]
  }

  lendSlot(): void {
    this.waits++
    if (this.lent || this.over) return
    this.lent = true
    this.slots.lend(this)
  }

  resume(go: () => void): void {
    if (this.endWait()) this.slots.reclaim(this, go)
    else go()
  }

  abandon(): void {
    if (this.endWait()) this.slots.reclaim(this, () => {})
  }

  /** Ends one wait; returns whether the task needs its slot again. */
  private endWait(): boolean {
    // While another fiber of the handler still waits, the slot stays lent: it could not be lent again.
    return --this.waits === 0 && this.lent && !this.over && this.stopping === undefined
  }

  get waiting(): boolean {
    return this.waits > 0
  }
}
