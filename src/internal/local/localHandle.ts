/**
 * The one worker of the executor of this process: starts tasks as fibers while slots are free, and reports their
 * outcomes. Starting does not nest: a task that ends at once only frees its slot for the loop that started it.
 */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Executor from "../../Executor.ts"
import { CodecError } from "../encoding/codec.ts"
import type { Handler } from "../handlers/handler.ts"
import * as HandlerRun from "../handlers/handlerRun.ts"
import type { Handlers } from "../handlers/handlers.ts"
import { isExit, undecodable } from "../handlers/outcome.ts"
import { TimeSlice } from "../handlers/timeSlice.ts"
import { Deadlines } from "./deadlines.ts"
import { RunningTask } from "./runningTask.ts"
import { Slots } from "./slots.ts"

/** How long tasks that do not suspend may keep the event loop, in milliseconds. */
const SLICE = 8

/**
 * The note of a chunk: its items that run, those that were cancelled before they started, and those that have ended,
 * of which nothing may be retained while others of the chunk run.
 */
type ItemStates = Array<RunningTask | "cancelled" | "ended">

/** Calls a function with a chunk in an async context. */
export type AsyncContext = (f: (chunk: Executor.Chunk) => void, chunk: Executor.Chunk) => void

export class LocalHandle implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly sharesThread = true
  private readonly scheduler: Executor.Scheduler
  private readonly handlers: Handlers
  /** Calls a function in a later turn of the event loop. */
  private readonly later: (f: () => void) => void
  /** Handlers must not see the `AsyncLocalStorage` of a caller that happens to start them. Entered for each chunk. */
  private readonly inAsyncContext: AsyncContext
  private readonly slots: Slots
  private readonly deadlines: Deadlines
  /** Tasks that ended without suspending since the clock was read: together they took the time until it is read. */
  private readonly untimed: Array<Executor.Item> = []
  /** The handler of the task that suspended last, unless a later task of it did not. */
  private suspending: Handler | undefined
  private readonly slice = new TimeSlice(SLICE, (millis) => this.recordUntimed(millis))
  private pumping = false
  /** The time slice is used up: nothing starts before the next turn of the event loop. */
  private paused = false
  /** `pump` is going to be called for slots that became free. */
  private scheduled = false

  constructor(
    name: string,
    concurrency: number,
    scheduler: Executor.Scheduler,
    handlers: Handlers,
    later: (f: () => void) => void,
    inAsyncContext: AsyncContext
  ) {
    this.name = name
    this.concurrency = concurrency
    this.window = concurrency
    this.scheduler = scheduler
    this.handlers = handlers
    this.later = later
    this.inAsyncContext = inAsyncContext
    this.slots = new Slots(concurrency, () => this.pump())
    this.deadlines = new Deadlines(scheduler)
  }

  wake(): void {
    this.pump()
  }

  capacityAt(depth: number): number {
    return this.slots.capacityAt(depth)
  }

  // --- starting --------------------------------------------------------------

  private pump(): void {
    if (this.pumping || this.paused) return
    this.pumping = true
    try {
      this.slice.begin()
      while (this.slots.resumeReturning() && !this.paused) {
        const chunk = this.scheduler.take(this, this.slots.free, this.slots.takeLender())
        if (chunk === undefined) break
        this.inAsyncContext(this.startChunk, chunk)
      }
      if (this.untimed.length > 0) this.slice.end()
    } finally {
      this.pumping = false
    }
  }

  private recordUntimed(millis: number): void {
    if (this.untimed.length === 0) return
    this.scheduler.recordBusy(this.untimed, millis * 1000)
    this.untimed.length = 0
  }

  private readonly startChunk = (chunk: Executor.Chunk): void => {
    for (let at = 0; at < chunk.items.length; at++) {
      this.start(chunk, at)
      if (this.slice.over()) {
        this.scheduler.requeue(chunk, at + 1, chunk.items.length)
        return this.pause()
      }
    }
  }

  /** Lets other work of the event loop run: tasks that end at once would keep it as long as there are tasks. */
  private pause(): void {
    this.paused = true
    this.later(() => {
      this.paused = false
      this.pump()
    })
  }

  private start(chunk: Executor.Chunk, at: number): void {
    if ((chunk.note as ItemStates | undefined)?.[at] === "cancelled") return
    const item = chunk.items[at]
    const handler = this.handlers.get(item.name)
    if (handler === undefined) return this.scheduler.fail(chunk, at, { _tag: "UnknownTask" })
    // A reading of the clock costs as much as a trivial task. A handler that suspended before will do so again.
    const isTimed = item.taskTimeout !== undefined || handler === this.suspending
    const started = isTimed ? this.scheduler.now() : undefined
    const { depth } = item
    this.slots.occupy(depth)
    const effect = handler.begin(item, chunk.items.length)
    // A handler that is done when it returns needs no fiber.
    if (isExit(effect)) this.endedAtOnce(item, handler)
    else if (!(effect instanceof CodecError)) return this.startFiber(chunk, at, handler, effect, started)
    if (item.taskTimeout !== undefined && this.scheduler.now() - started! > item.taskTimeout) {
      this.scheduler.fail(chunk, at, { _tag: "TimedOut", millis: item.taskTimeout! })
    } else if (isExit(effect)) {
      this.report(handler, chunk, at, effect)
    } else {
      this.scheduler.fail(chunk, at, undecodable("payload", effect))
    }
    this.release(depth, false)
  }

  private startFiber(
    chunk: Executor.Chunk,
    at: number,
    handler: Handler,
    effect: Effect.Effect<unknown, unknown>,
    started: number | undefined
  ): void {
    const task = new RunningTask(this.slots, this.scheduler, handler, chunk, at)
    const { depth, item } = task
    const items = states(chunk)
    // The handler may have cancelled its own task while it was called.
    if (items[at] === "cancelled") return this.release(depth, false)
    items[at] = task
    const exit = HandlerRun.start(task, effect, handler.contextFor(item, task))
    if (exit !== undefined) {
      this.endedAtOnce(item, handler)
      return this.ended(task, started, exit)
    }
    this.suspending = handler
    const since = started ?? this.scheduler.now()
    if (item.taskTimeout !== undefined) this.deadlines.add(task, since + item.taskTimeout)
    if (task.stopping !== undefined) HandlerRun.interrupt(task)
    HandlerRun.onEnd(task, (exit) => {
      this.scheduler.recordBusy([item], (this.scheduler.now() - since) * 1000)
      this.ended(task, since, exit)
    })
  }

  // --- ending ----------------------------------------------------------------

  private endedAtOnce(item: Executor.Item, handler: Handler): void {
    this.untimed.push(item)
    if (handler === this.suspending) this.suspending = undefined
  }

  private ended(task: RunningTask, started: number | undefined, exit: Exit.Exit<unknown, unknown>): void {
    const { at, chunk } = task
    const { taskTimeout } = task.item
    task.over = true
    states(chunk)[at] = "ended"
    if (taskTimeout !== undefined) this.deadlines.end(task, started!)
    if (task.stopping === "timedOut") this.scheduler.fail(chunk, at, { _tag: "TimedOut", millis: taskTimeout! })
    else this.report(task.handler, chunk, at, exit)
    this.release(task.depth, task.lent)
  }

  private report(handler: Handler, chunk: Executor.Chunk, at: number, exit: Exit.Exit<unknown, unknown>): void {
    const outcome = handler.end(exit)
    if (outcome._tag === "Success") this.scheduler.succeed(chunk, at, outcome.value)
    else this.scheduler.fail(chunk, at, outcome)
  }

  private release(depth: number, lent: boolean): void {
    this.slots.release(depth, lent)
    // Once for all tasks that end in one turn of the event loop: starting the next task inside the end of the last
    // one nests their async contexts and makes chunks of one, and took twice as long. If no other task runs that
    // could end in this turn, a microtask is late enough.
    if (this.pumping || this.scheduled) return
    this.scheduled = true
    if (this.slots.allFree) queueMicrotask(this.pumpScheduled)
    else this.later(this.pumpScheduled)
  }

  private readonly pumpScheduled = (): void => {
    this.scheduled = false
    this.pump()
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    const items = states(chunk)
    const task = items[at]
    if (task === undefined) {
      items[at] = "cancelled"
      return this.scheduler.requeue(chunk, at, at + 1)
    }
    if (typeof task === "string" || task.stopping !== undefined) return
    task.stopping = "cancelled"
    HandlerRun.interrupt(task)
  }
}

const states = (chunk: Executor.Chunk): ItemStates => (chunk.note ??= []) as ItemStates
