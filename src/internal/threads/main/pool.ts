/**
 * The executor of worker threads: starts, replaces and ends them, and keeps the
 * one watch over all of them that finds tasks which do not yield.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Executor from "../../../Executor.ts"
import * as Codec from "../../encoding/codec.ts"
import { HandlersError, type PoolOptions } from "./options.ts"
import { ThreadHandle, type ThreadOwner } from "./threadHandle.ts"

/** How often the watch looks at the threads, in milliseconds. */
const WATCH = 2

/** Failed starts in a row after which waiting tasks fail. */
const MAX_FAILED_STARTS = 5

const FIRST_DELAY = 100
const LONGEST_DELAY = 10_000

export class Pool implements ThreadOwner {
  readonly options: PoolOptions
  readonly scheduler: Executor.Scheduler
  /** Whose loggers, tracer and metrics hear of what happens in threads. */
  readonly context: Context.Context<never>
  private readonly threads = new Set<ThreadHandle>()
  private readonly codecs = new Map<string, Codec.Codec>()
  private watch: ReturnType<typeof setInterval> | undefined
  private restart: ReturnType<typeof setTimeout> | undefined
  /** Waits before the next replacement; 0: none. */
  private delay = 0
  private failedStarts = 0
  private started = 0
  private closing = false
  private onFirst: ((error: HandlersError | undefined) => void) | undefined

  constructor(
    options: PoolOptions,
    scheduler: Executor.Scheduler,
    context: Context.Context<never>
  ) {
    this.options = options
    this.scheduler = scheduler
    this.context = context
  }

  /** Starts the first threads; completes when one can work, fails if the handlers module cannot be used. */
  readonly open: Effect.Effect<void, HandlersError> = Effect.callback((resume) => {
    this.onFirst = (error) => {
      this.onFirst = undefined
      resume(error === undefined ? Effect.void : Effect.fail(error))
    }
    for (let i = 0; i < this.options.min; i++) this.spawn()
  })

  /** Ends every thread in good order; one that does not end is terminated. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.closing = true
    clearTimeout(this.restart)
    clearInterval(this.watch)
    let left = this.threads.size
    if (left === 0) return resume(Effect.void)
    for (const thread of this.threads) {
      thread.end(() => {
        if (--left === 0) resume(Effect.void)
      })
    }
  })

  /** Of the payloads of a type. */
  codecOf(name: string): Codec.Codec {
    let codec = this.codecs.get(name)
    if (codec === undefined) this.codecs.set(name, codec = Codec.make(this.options.group.tasks.get(name)!).payload)
    return codec
  }

  private spawn(): void {
    this.threads.add(new ThreadHandle(this, `thread-${++this.started}`))
  }

  // --- what threads report ---------------------------------------------------

  ready(): void {
    this.failedStarts = 0
    this.onFirst?.(undefined)
  }

  /** The handlers module cannot be used in a thread. */
  unusable(cause: unknown): void {
    this.onFirst?.(new HandlersError({ url: this.options.handlers, cause }))
  }

  /** A task was settled, or ended in time: its thread worked. */
  worked(): void {
    this.delay = 0
  }

  log(effect: Effect.Effect<void>): void {
    Effect.runForkWith(this.context)(effect)
  }

  /** The thread has exited; it is replaced unless it was one too many. */
  exited(thread: ThreadHandle, started: boolean, cause: unknown): void {
    this.threads.delete(thread)
    if (!started) this.unusable(cause)
    // A pool that could not open is closed by now.
    if (this.closing) return
    if (!started && ++this.failedStarts >= MAX_FAILED_STARTS && this.threads.size === 0) {
      this.scheduler.unavailable(cause)
    }
    this.replace()
  }

  /** The first replacement comes at once, further ones wait twice as long each until a task is settled again. */
  private replace(): void {
    if (this.restart !== undefined || this.threads.size >= this.options.min) return
    const delay = this.delay
    this.delay = delay === 0 ? FIRST_DELAY : Math.min(delay * 2, LONGEST_DELAY)
    if (delay === 0) {
      this.spawn()
      return this.replace()
    }
    this.restart = setTimeout(() => {
      this.restart = undefined
      this.spawn()
      this.replace()
    }, delay)
  }

  // --- the watch -------------------------------------------------------------

  /** A thread got work: it is watched until it has none. */
  startMonitor(): void {
    this.watch ??= setInterval(this.look, WATCH)
  }

  private readonly look = (): void => {
    const now = performance.now()
    let working = false
    let idle = false
    let full = true
    for (const thread of this.threads) {
      thread.look(now)
      if (thread.busy) working = true
      if (thread.idle) idle = true
      if (!thread.full) full = false
    }
    if (working && idle) { for (const thread of this.threads) thread.share() }
    const { idleTimeToLive, max, min } = this.options
    if (working && full && this.threads.size < max) this.spawn()
    if (this.threads.size > min) {
      for (const thread of this.threads) {
        if (this.threads.size > min && thread.idleSince !== undefined && now - thread.idleSince > idleTimeToLive) {
          this.threads.delete(thread)
          thread.end(() => {})
        }
      }
    } else if (!working) {
      clearInterval(this.watch)
      this.watch = undefined
    }
  }
}
