/** The executor of this process: one lane whose tasks are fibers. Dummy and Fiber are made of it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as EffectScheduler from "effect/Scheduler"
import type * as Executor from "../../Executor.ts"
import type * as TaskGroup from "../../TaskGroup.ts"
import { Deque } from "../deque.ts"
import { CodecError } from "../encoding/codec.ts"
import { structuredCopy } from "../handlers/copy.ts"
import type { Handler } from "../handlers/handler.ts"
import { Handlers } from "../handlers/handlers.ts"
import { undecodable } from "../handlers/outcome.ts"
import { TimeSlice } from "../handlers/timeSlice.ts"
import type { ParentTask, Subscription } from "../scheduler/producer.ts"

/** How long tasks that do not suspend may keep the event loop, in milliseconds. */
const SLICE = 8

/** How long a timed-out task that does not stop holds back its outcome, in milliseconds. */
const GRACE = 1000

/** A task that runs, and the parent of the tasks that its handler starts. */
class RunningTask implements ParentTask {
  readonly scheduler: Executor.Scheduler
  readonly depth: number
  subscriptions: Set<Subscription> | undefined = undefined
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  deadline = Infinity
  /** It is being stopped, and how that will be reported. */
  stopping: "cancelled" | "timedOut" | undefined = undefined
  grace: Executor.Cancel | undefined = undefined
  /** Its slot is used by others while it waits for tasks. */
  lent = false
  /** What goes on once it has a slot again. */
  goes: Array<() => void> | undefined = undefined
  /** It has ended; what it forked may still wait for tasks. */
  over = false
  private waits = 0
  readonly lane: LocalHandle
  readonly handler: Handler
  readonly chunk: Executor.Chunk
  readonly at: number

  constructor(lane: LocalHandle, handler: Handler, chunk: Executor.Chunk, at: number) {
    this.lane = lane
    this.scheduler = lane.scheduler
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
    this.lane.lend(this)
  }

  resume(go: () => void): void {
    if (this.returns()) this.lane.reclaim(this, go)
    else go()
  }

  abandon(): void {
    if (this.returns()) this.lane.reclaim(this, () => {})
  }

  /** Ends one wait; whether the slot is to be had back. */
  private returns(): boolean {
    // While another fiber of the handler still waits, the slot stays lent: it could not be lent again.
    return --this.waits === 0 && this.lent && !this.over && this.stopping === undefined
  }

  get waiting(): boolean {
    return this.waits > 0
  }
}

class LocalHandle implements Executor.Lane {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly scheduler: Executor.Scheduler
  private readonly handlers: Handlers
  private readonly later: (f: () => void) => void
  /** Slots in use; a lent slot is not. */
  private used = 0
  /** Tasks that have started and not ended, by depth. */
  private readonly started: Array<number> = []
  /** Tasks that can go on and have no slot, each once. */
  private readonly returning = new Deque<RunningTask>()
  private lender: RunningTask | undefined
  private readonly slice = new TimeSlice(SLICE)
  private pumping = false
  private paused = false
  private due = false
  private readonly timed = new Set<RunningTask>()
  private watchdog: { readonly at: number; readonly cancel: Executor.Cancel } | undefined

  constructor(
    name: string,
    concurrency: number,
    scheduler: Executor.Scheduler,
    handlers: Handlers,
    later: (f: () => void) => void
  ) {
    this.name = name
    this.concurrency = concurrency
    this.window = concurrency
    this.scheduler = scheduler
    this.handlers = handlers
    this.later = later
  }

  wake(): void {
    this.pump()
  }

  capacityAt(depth: number): number {
    return this.concurrency - (this.started[depth] ?? 0)
  }

  /** Starts what there are slots for. Does not nest: a task that ends at once only frees its slot for the loop. */
  private pump(): void {
    if (this.pumping || this.paused) return
    this.pumping = true
    try {
      this.slice.begin()
      while (this.serveReturning() && !this.paused) {
        const lender = this.lender
        this.lender = undefined
        const chunk = this.scheduler.take(this, this.concurrency - this.used, lender)
        if (chunk === undefined) break
        for (let at = 0; at < chunk.items.length; at++) {
          this.start(chunk, at)
          if (this.slice.over()) {
            this.scheduler.requeue(chunk, at + 1, chunk.items.length)
            this.pause()
            break
          }
        }
      }
    } finally {
      this.pumping = false
    }
  }

  /** Tasks that end at once would keep the event loop for as long as there are credits. */
  private pause(): void {
    this.paused = true
    this.later(() => {
      this.paused = false
      this.pump()
    })
  }

  /** Gives slots to handlers that can go on; whether one is left. */
  private serveReturning(): boolean {
    while (this.used < this.concurrency) {
      const next = this.returning.shift()
      if (next === undefined) return true
      const goes = next.goes!
      next.goes = undefined
      if (!next.waiting && !next.over) {
        next.lent = false
        this.used++
      }
      for (const go of goes) go()
    }
    return false
  }

  lend(run: RunningTask): void {
    this.used--
    this.lender = run
    this.pump()
  }

  reclaim(run: RunningTask, go: () => void): void {
    if (run.goes === undefined) {
      run.goes = [go]
      this.returning.push(run)
    } else {
      run.goes.push(go)
    }
    this.pump()
  }

  // --- one task --------------------------------------------------------------

  private start(chunk: Executor.Chunk, at: number): void {
    const note = chunk.note as Array<RunningTask | "cancelled"> | undefined
    if (note !== undefined && note[at] === "cancelled") return
    const item = chunk.items[at]
    const handler = this.handlers.get(item.name)
    if (handler === undefined) return this.scheduler.fail(chunk, at, { _tag: "UnknownTask" })
    const since = item.taskTimeout === undefined ? 0 : this.scheduler.now()
    this.used++
    const depth = item.depth
    this.started[depth] = (this.started[depth] ?? 0) + 1
    const effect = handler.begin(item)
    // A handler that is done when it returns needs no fiber.
    if (!(effect instanceof CodecError) && !Exit.isExit(effect)) {
      const run = new RunningTask(this, handler, chunk, at)
      // The handler may have ended its own caller while it was called.
      const notes = (chunk.note ??= []) as Array<RunningTask | "cancelled">
      if (notes[at] === "cancelled") return this.free(depth, false)
      notes[at] = run
      const fiber = Effect.runForkWith(handler.contextFor(item, run))(effect)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return this.ended(run, since, exit)
      run.fiber = fiber
      if (item.taskTimeout !== undefined) this.watch(run, since + item.taskTimeout)
      if (run.stopping !== undefined) fiber.interruptUnsafe()
      fiber.addObserver((exit) => this.ended(run, since, exit))
      return
    }
    if (since !== 0 && this.scheduler.now() - since > item.taskTimeout!) {
      this.scheduler.fail(chunk, at, { _tag: "TimedOut", millis: item.taskTimeout! })
    } else if (effect instanceof CodecError) {
      this.scheduler.fail(chunk, at, undecodable("payload", effect))
    } else {
      this.report(handler, chunk, at, effect)
    }
    this.free(depth, false)
  }

  private report(handler: Handler, chunk: Executor.Chunk, at: number, exit: Exit.Exit<unknown, unknown>): void {
    const ended = handler.end(exit)
    if (ended._tag === "Success") this.scheduler.succeed(chunk, at, ended.value)
    else this.scheduler.fail(chunk, at, ended)
  }

  private free(depth: number, lent: boolean): void {
    this.started[depth]--
    if (!lent) this.used--
    // Once for all tasks that end in one turn of the event loop: starting the next one inside the end of the
    // last nests their async contexts and makes chunks of one, and took twice as long. Where nothing else runs
    // that could end in this turn, there is nothing to wait for.
    if (this.pumping || this.due) return
    this.due = true
    if (this.used === 0) queueMicrotask(this.pumpDue)
    else this.later(this.pumpDue)
  }

  private readonly pumpDue = (): void => {
    this.due = false
    this.pump()
  }

  private ended(run: RunningTask, since: number, exit: Exit.Exit<unknown, unknown>): void {
    const { at, chunk, item } = run
    run.over = true
    if (item.taskTimeout !== undefined) {
      this.timed.delete(run)
      run.grace?.()
      // It may have kept the event loop past its deadline.
      if (run.stopping === undefined && this.scheduler.now() - since > item.taskTimeout) {
        run.stopping = "timedOut"
      }
    }
    if (run.stopping === "timedOut") this.scheduler.fail(chunk, at, { _tag: "TimedOut", millis: item.taskTimeout! })
    else this.report(run.handler, chunk, at, exit)
    this.free(run.depth, run.lent)
  }

  // --- stopping --------------------------------------------------------------

  cancel(chunk: Executor.Chunk, at: number): void {
    const note = (chunk.note ??= []) as Array<RunningTask | "cancelled">
    const run = note[at]
    if (run === undefined) {
      note[at] = "cancelled"
      return this.scheduler.requeue(chunk, at, at + 1)
    }
    if (run === "cancelled") return
    run.stopping ??= "cancelled"
    run.fiber?.interruptUnsafe()
  }

  private watch(run: RunningTask, deadline: number): void {
    run.deadline = deadline
    this.timed.add(run)
    this.arm(deadline)
  }

  /** One timer for the earliest deadline of all that run. */
  private arm(deadline: number): void {
    if (this.watchdog !== undefined) {
      if (this.watchdog.at <= deadline) return
      this.watchdog.cancel()
    }
    this.watchdog = {
      at: deadline,
      cancel: this.scheduler.after(deadline - this.scheduler.now(), this.overdue)
    }
  }

  private readonly overdue = (): void => {
    this.watchdog = undefined
    const now = this.scheduler.now()
    let next = Infinity
    for (const run of Array.from(this.timed)) {
      if (run.deadline > now) {
        next = Math.min(next, run.deadline)
        continue
      }
      this.timed.delete(run)
      if (run.stopping !== undefined) continue
      run.stopping = "timedOut"
      run.grace = this.scheduler.after(GRACE, () => {
        this.scheduler.fail(run.chunk, run.at, { _tag: "TimedOut", millis: run.item.taskTimeout! })
      })
      run.fiber!.interruptUnsafe()
    }
    if (next !== Infinity) this.arm(next)
  }
}

/** An executor whose one lane runs `concurrency` tasks at once in this process, with the handlers in its context. */
export const make = <H>(
  group: TaskGroup.Any,
  options: {
    readonly name: string
    readonly concurrency: number
    readonly boundary: "codec" | "none"
  }
): Executor.Executor<never, H> => ({
  name: options.name,
  boundary: options.boundary,
  maxChunk: options.concurrency,
  open: (scheduler, dispatcher) =>
    Effect.contextWith((context: Context.Context<H>) => {
      const handlers = new Handlers(
        group,
        context as Context.Context<never>,
        dispatcher,
        options.boundary,
        structuredCopy
      )
      const turns = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
      const later = (f: () => void) => turns.scheduleTask(f, 0)
      scheduler.join(new LocalHandle("local", options.concurrency, scheduler, handlers, later))
      return Effect.void
    })
})
