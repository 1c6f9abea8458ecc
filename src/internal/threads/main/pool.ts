/**
 * The worker threads of a dispatcher: opens and closes them, and reacts to their events. It opens when one thread
 * can work, and fails if the handlers module cannot be used; it is closed when every thread in it has exited.
 */
import { platform } from "#platform"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Executor from "../../../Executor.ts"
import { cpus } from "../../cpus.ts"
import { describe } from "../../describe.ts"
import { loadingModules } from "../protocol/loading.ts"
import { PayloadCodecs } from "./encodeRequest.ts"
import { Monitor } from "./monitor.ts"
import { HandlersError, idOf, type PoolOptions } from "./options.ts"
import { Sizing } from "./sizing.ts"
import type { ThreadEnvironment, ThreadExit, ThreadListener } from "./threadEnvironment.ts"
import { ThreadHandle } from "./threadHandle.ts"

/** Failed starts in a row after which waiting tasks fail. */
const MAX_FAILED_STARTS = 5

/** Threads that start at a time: more of them would all be ready later. */
const CPUS = cpus()

export class Pool implements ThreadListener<ThreadHandle> {
  private readonly environment: ThreadEnvironment
  /** Threads that have not exited. */
  private readonly threads = new Set<ThreadHandle>()
  private readonly sizing: Sizing<ThreadHandle>
  private readonly monitor = new Monitor(() => this.tick())
  /** Threads whose successor was counted. */
  private readonly replaced = new WeakSet<ThreadHandle>()
  private failedStarts = 0
  private started = 0
  private closing = false
  /** Completes `open`; absent once it has. */
  private onFirst: ((error: HandlersError | undefined) => void) | undefined
  /** Completes `close`. */
  private onLast: (() => void) | undefined

  constructor(options: PoolOptions, scheduler: Executor.Scheduler, context: Context.Context<never>) {
    this.environment = {
      options,
      scheduler,
      context,
      codecs: new PayloadCodecs(options.group),
      log: (effect) => {
        Effect.runForkWith(context)(effect)
      }
    }
    this.sizing = new Sizing(options, () => {
      const thread = new ThreadHandle(`thread-${++this.started}`, this.environment, this)
      this.threads.add(thread)
      this.countStarting()
      return thread
    })
  }

  /** Starts the first threads; completes when one can work, fails if the handlers module cannot be used. */
  readonly open: Effect.Effect<void, HandlersError> = Effect.callback((resume) => {
    if (loadingModules().includes(idOf(this.environment.options.module))) {
      return resume(Effect.fail(this.unusable(
        new Error("it opens a pool of itself while it is loaded; move the handlers into a module of their own")
      )))
    }
    this.onFirst = (error) => {
      this.onFirst = undefined
      resume(error === undefined ? Effect.void : Effect.fail(error))
    }
    try {
      this.sizing.open()
    } catch (error) {
      this.onUnusable(error)
    }
  })

  /** Ends every thread in good order; terminates a thread that does not end within the grace period. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.closing = true
    this.sizing.close()
    this.monitor.close()
    this.onLast = () => resume(Effect.void)
    if (this.threads.size === 0) return this.onLast()
    for (const thread of this.threads) thread.end()
  })

  private countStarting(): void {
    const { options: { concurrency }, scheduler } = this.environment
    let starting = 0
    for (const thread of this.threads) if (thread.starting) starting++
    scheduler.starting(starting * concurrency)
  }

  // --- events of threads -----------------------------------------------------

  onReady(): void {
    this.countStarting()
    this.failedStarts = 0
    this.onFirst?.(undefined)
  }

  onUnusable(cause: unknown): void {
    this.onFirst?.(this.unusable(cause))
  }

  private unusable(cause: unknown): HandlersError {
    const { url } = this.environment.options.module
    const missing = url === undefined ? [] : platform.missingFiles(url)
    return new HandlersError({
      url: url ?? "",
      cause: missing.length === 0
        ? cause
        : new Error(`${describe(cause)} (${missing.join(", ")} not found: was it left out of the build?)`, { cause })
    })
  }

  onBusy(): void {
    if (this.monitor.running) return
    this.monitor.start()
    for (const thread of this.threads) thread.keepAlive(true)
  }

  onIdle(thread: ThreadHandle): void {
    if (!this.monitor.running) thread.keepAlive(false)
    this.sizing.idle()
  }

  onWorked(): void {
    this.sizing.worked()
  }

  onLeaving(thread: ThreadHandle, cause: string): void {
    this.replace(thread, cause)
  }

  /** Starts a successor, if one is missing. Returns the milliseconds until then. */
  private replace(thread: ThreadHandle, cause: string): number | undefined {
    const delay = this.sizing.replace(thread)
    if (delay !== undefined && !this.replaced.has(thread)) {
      this.replaced.add(thread)
      this.environment.scheduler.replaced(cause)
    }
    return delay
  }

  onExit(thread: ThreadHandle, { cause, outOfMemory, reason, wasReady }: ThreadExit): void {
    this.threads.delete(thread)
    this.countStarting()
    if (!wasReady) this.onUnusable(cause)
    if (this.closing) {
      if (this.threads.size === 0) this.onLast?.()
      return
    }
    if (!wasReady) {
      this.sizing.failed(performance.now())
      if (++this.failedStarts >= MAX_FAILED_STARTS && this.threads.size === 0) {
        this.environment.scheduler.unavailable(cause)
      }
    }
    const delay = this.replace(thread, wasReady ? outOfMemory ? "out of memory" : "exit" : "start")
    if (reason !== undefined) this.log(`${thread.name} ${reason}`, cause, delay)
  }

  private log(event: string, cause: unknown, delay: number | undefined): void {
    const next = delay === undefined ? "" : delay === 0 ? "; another starts" : `; the next one starts in ${delay} ms`
    this.environment.log(Effect.logWarning(event + next, ...(cause === undefined ? [] : [cause])))
  }

  // --- ticks -----------------------------------------------------------------

  private tick(): void {
    const now = performance.now()
    let busy = false
    let freeSlot = false
    for (const thread of this.threads) {
      thread.tick(now)
      if (thread.busy) busy = true
      if (thread.hasFreeSlot) freeSlot = true
    }
    if (!busy) return this.rest()
    if (freeSlot) { for (const thread of this.threads) thread.rebalance() }
    if (this.sizing.room > 0) this.sizing.grow(freeSlot ? 0 : this.missingThreads(), now)
  }

  /** No thread has anything to do. */
  private rest(): void {
    this.monitor.stop()
    for (const thread of this.threads) thread.keepAlive(false)
  }

  /** Threads that are missing for the tasks that wait, while no slot is free. */
  private missingThreads(): number {
    const { options: { concurrency }, scheduler } = this.environment
    let starting = 0
    let waiting = 0
    for (const thread of this.threads) {
      if (thread.starting) starting++
      waiting += thread.waiting
    }
    const useful = (starting + this.sizing.room) * concurrency
    if (waiting < useful) waiting += scheduler.demand(useful - waiting)
    return Math.min(Math.ceil(waiting / concurrency) - starting, CPUS - starting)
  }
}
