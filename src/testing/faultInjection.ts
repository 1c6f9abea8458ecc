/**
 * An executor that injects faults, chosen by a seed: its workers delay reports, requeue tasks, report an outcome
 * twice, are lost while they run tasks, report after their loss, and are replaced.
 *
 * A scheduler must hide all of these faults from the program, except for the losses that it has to report.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as EffectScheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import { CurrentAttempt } from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"
import type * as History from "./history.ts"
import { Dice } from "./random.ts"

/**
 * The probability of each fault at each point where it can happen, from 0 to 1.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Faults {
  /** The outcome of a task is reported some turns of the event loop after its end. */
  readonly delay: number
  /** Part of a chunk is requeued. */
  readonly giveBack: number
  /** The outcome of a task is reported twice, the second time with another value. */
  readonly double: number
  /** A worker is lost when a task ends, unless it runs exactly one: the loss would then be attributed to that task. */
  readonly loss: number
  /** A worker that runs no task leaves in an orderly way. */
  readonly leave: number
  /** The tasks of a lost worker continue, and their outcomes are reported. Otherwise they are interrupted. */
  readonly late: number
  /** The worker reports the task that caused its loss. */
  readonly proof: number
}

/**
 * The options of `scripted` and `makeScripted`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ScriptedOptions extends Executor.DispatcherOptions {
  readonly seed: number
  /** Runs a task. */
  readonly run: (item: Executor.Item) => Effect.Effect<unknown, unknown, Dispatcher>
  /** Whether the start of a task ends its worker. Default: never. */
  readonly perishes?: ((item: Executor.Item) => boolean) | undefined
  /** The id of a task in the observed events. Default: 0. */
  readonly idOf?: ((item: Executor.Item) => number) | undefined
  /** Receives every start, settlement and loss. */
  readonly observe?: ((event: History.Event) => void) | undefined
  /** The number of workers. Default 3. */
  readonly workers?: number | undefined
  /** Tasks that a worker runs at once. Default 2. */
  readonly concurrency?: number | undefined
  /** Tasks that a worker holds. Default 6. */
  readonly window?: number | undefined
  /** The probability of each fault, from 0 to 1. Default: 0.1 to 0.5, by fault. */
  readonly faults?: Partial<Faults> | undefined
}

const FAULTS: Faults = { delay: 0.3, giveBack: 0.2, double: 0.2, loss: 0.1, leave: 0.1, late: 0.5, proof: 0.5 }

/**
 * Makes the executor that injects faults. It runs tasks in this process, without encoding.
 *
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const makeScripted = (options: ScriptedOptions): Executor.Executor => ({
  name: "scripted",
  boundary: "none",
  maxChunk: options.window ?? 6,
  open: (scheduler, dispatcher) =>
    Effect.contextWith((context: Context.Context<Scope.Scope>) =>
      Effect.acquireRelease(
        Effect.sync(() => new Stage(scheduler, options, Context.add(context, Dispatcher, dispatcher))),
        (stage) => Effect.sync(() => stage.close())
      )
    )
})

/**
 * The Layer of a dispatcher on the executor that injects faults.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const scripted = (group: TaskGroup.Any, options: ScriptedOptions): Layer.Layer<Dispatcher> =>
  Executor.layer(group, makeScripted(options), options)

/** The state that the workers of one executor share: its options, its random numbers and its turns. */
class Stage {
  readonly scheduler: Executor.Scheduler
  readonly options: ScriptedOptions
  readonly faults: Faults
  readonly dice: Dice
  readonly runFork: (effect: Effect.Effect<unknown, unknown, Dispatcher>) => Fiber.Fiber<unknown, unknown>
  private readonly turns: EffectScheduler.SchedulerDispatcher
  closed = false
  private joined = 0

  constructor(scheduler: Executor.Scheduler, options: ScriptedOptions, context: Context.Context<Dispatcher>) {
    this.scheduler = scheduler
    this.options = options
    this.faults = { ...FAULTS, ...options.faults }
    this.dice = new Dice(options.seed)
    this.runFork = Effect.runForkWith(context)
    this.turns = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
    for (let worker = 0; worker < (options.workers ?? 3); worker++) this.join()
  }

  join(): void {
    if (!this.closed) this.scheduler.join(new ScriptedWorker(`worker-${this.joined++}`, this))
  }

  close(): void {
    this.closed = true
  }

  happens(fault: keyof Faults): boolean {
    return this.dice.next() < this.faults[fault]
  }

  observe(event: History.Event): void {
    this.options.observe?.(event)
  }

  idOf(item: Executor.Item): number {
    return this.options.idOf?.(item) ?? 0
  }

  /** Calls `f` after `turns` turns of Effect's scheduler, by default turns of the event loop. */
  after(turns: number, f: () => void): void {
    if (turns === 0) f()
    else this.turns.scheduleTask(() => this.after(turns - 1, f), 0)
  }
}

interface Held {
  readonly chunk: Executor.Chunk
  readonly at: number
  state: "waiting" | "running" | "settled"
  cancelled: boolean
  timedOut: boolean
  timer: Executor.Cancel | undefined
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

class ScriptedWorker implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  private readonly stage: Stage
  private held: Array<Held> = []
  private gone = false
  private scheduled = false

  constructor(name: string, stage: Stage) {
    this.name = name
    this.stage = stage
    this.concurrency = stage.options.concurrency ?? 2
    this.window = stage.options.window ?? 6
  }

  wake(): void {
    this.pumpLater(this.stage.happens("delay") ? 2 : 0)
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    const held = this.held.find((held) => held.chunk === chunk && held.at === at)
    if (held === undefined || held.cancelled) return
    held.cancelled = true
    if (held.state === "waiting") {
      this.drop(held)
      this.stage.scheduler.requeue(chunk, at, at + 1)
    } else if (held.fiber === undefined) {
      this.answer(held, () => this.stage.scheduler.fail(chunk, at, { _tag: "Interrupted", trace: "" }))
    } else {
      held.fiber.interruptUnsafe()
    }
  }

  private get running(): ReadonlyArray<Held> {
    return this.held.filter(({ state }) => state === "running")
  }

  private drop(held: Held): void {
    held.state = "settled"
    this.held = this.held.filter((other) => other !== held)
  }

  private pumpLater(turns: number): void {
    if (this.scheduled) return
    this.scheduled = true
    this.stage.after(1 + turns, () => {
      this.scheduled = false
      this.pump()
    })
  }

  private pump(): void {
    const { scheduler } = this.stage
    while (!this.gone && this.held.length < this.window) {
      const chunk = scheduler.take(this, this.window - this.held.length)
      if (chunk === undefined) break
      const kept = this.stage.happens("giveBack") ? this.stage.dice.below(chunk.items.length) : chunk.items.length
      for (let at = 0; at < kept; at++) {
        this.held.push({
          chunk,
          at,
          state: "waiting",
          cancelled: false,
          timedOut: false,
          timer: undefined,
          fiber: undefined
        })
      }
      if (kept < chunk.items.length) {
        scheduler.requeue(chunk, kept, chunk.items.length)
        this.pumpLater(1)
        break
      }
    }
    for (const held of this.held) {
      if (this.gone || this.running.length >= this.concurrency) break
      if (held.state === "waiting") this.start(held)
    }
  }

  private start(held: Held): void {
    const { chunk, at } = held
    const item = chunk.items[at]
    const { options, scheduler } = this.stage
    held.state = "running"
    this.stage.observe({ _tag: "Started", id: this.stage.idOf(item), worker: this.name, attempt: item.attempt })
    if (options.perishes?.(item) === true) {
      return this.stage.after(1 + this.stage.dice.below(4), () => {
        if (held.state === "running") this.lose(this.stage.happens("proof") ? held : undefined)
      })
    }
    const fiber = this.stage.runFork(
      Effect.provideService(Effect.suspend(() => options.run(item)), CurrentAttempt, item.attempt)
    )
    held.fiber = fiber
    if (item.taskTimeout !== undefined) {
      held.timer = scheduler.after(item.taskTimeout, () => {
        held.timedOut = true
        fiber.interruptUnsafe()
      })
    }
    fiber.addObserver((exit) => {
      held.timer?.()
      this.stage.after(this.stage.happens("delay") ? this.stage.dice.below(4) : 0, () => {
        if (held.state === "settled") return
        if (this.gone) return report(scheduler, held, exit)
        if (this.running.length !== 1 && this.stage.happens("loss")) return this.lose(undefined)
        this.answer(held, () => report(scheduler, held, exit))
      })
    })
  }

  private answer(held: Held, report: () => void): void {
    const { at, chunk } = held
    const { scheduler } = this.stage
    this.drop(held)
    this.stage.observe({ _tag: "Settled", id: this.stage.idOf(chunk.items[at]), worker: this.name })
    report()
    if (this.stage.happens("double")) {
      if (this.stage.dice.below(2) === 0) scheduler.succeed(chunk, at, "a second answer")
      else scheduler.fail(chunk, at, { _tag: "Defect", defect: "a second answer", trace: "" })
    }
    if (this.running.length === 0 && this.stage.happens("leave")) this.lose(undefined)
    else this.pumpLater(0)
  }

  /** Ends the worker and its running tasks, and replaces it later. */
  private lose(culprit: Held | undefined): void {
    if (this.gone) return
    this.gone = true
    const { scheduler } = this.stage
    const running = this.running
    const item = culprit?.chunk.items[culprit.at]
    this.stage.observe({
      _tag: "Lost",
      worker: this.name,
      ...(item === undefined ? {} : { culprit: this.stage.idOf(item) })
    })
    const chunks = new Set(this.held.map(({ chunk }) => chunk))
    const loss: Executor.WorkerLoss = {
      exitCode: 1,
      outOfMemory: false,
      chunks: Array.from(chunks, (chunk) => ({
        chunk,
        started: (at: number) => running.some((held) => held.chunk === chunk && held.at === at),
        ...(culprit?.chunk === chunk ? { culprit: culprit.at } : {})
      }))
    }
    scheduler.leave(this, running.length === 0 ? undefined : loss)
    for (const held of running) {
      if (this.stage.happens("late")) continue
      held.state = "settled"
      held.fiber?.interruptUnsafe()
    }
    this.stage.after(1 + this.stage.dice.below(6), () => this.stage.join())
  }
}

const report = (scheduler: Executor.Scheduler, held: Held, exit: Exit.Exit<unknown, unknown>): void => {
  const { at, chunk, timedOut } = held
  if (timedOut) return scheduler.fail(chunk, at, { _tag: "TimedOut", millis: chunk.items[at].taskTimeout! })
  if (exit._tag === "Success") return scheduler.succeed(chunk, at, exit.value)
  const trace = Cause.pretty(exit.cause)
  const die = exit.cause.reasons.find(Cause.isDieReason)
  const fail = exit.cause.reasons.find(Cause.isFailReason)
  if (die !== undefined) scheduler.fail(chunk, at, { _tag: "Defect", defect: die.defect, trace })
  else if (fail !== undefined) scheduler.fail(chunk, at, { _tag: "Failed", error: fail.error, trace })
  else scheduler.fail(chunk, at, { _tag: "Interrupted", trace })
}
