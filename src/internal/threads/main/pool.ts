/**
 * The worker threads of a dispatcher: opens and closes them, and reacts to what they report. It opens when one thread
 * can work, and fails if the handlers module cannot be used; it is closed when every thread in it has exited.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Executor from "../../../Executor.ts"
import { PayloadCodecs } from "./encodeRequest.ts"
import { Monitor } from "./monitor.ts"
import { HandlersError, type PoolOptions } from "./options.ts"
import { Sizing } from "./sizing.ts"
import { type ThreadEnvironment, ThreadHandle, type ThreadListener } from "./threadHandle.ts"

/** Failed starts in a row after which waiting tasks fail. */
const MAX_FAILED_STARTS = 5

export class Pool implements ThreadListener {
  private readonly environment: ThreadEnvironment
  private readonly threads = new Set<ThreadHandle>()
  private readonly sizing: Sizing<ThreadHandle>
  private readonly monitor = new Monitor(() => this.tick())
  private failedStarts = 0
  private started = 0
  private closing = false
  /** Completes `open`; absent once it has. */
  private onFirst: ((error: HandlersError | undefined) => void) | undefined

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
    this.sizing = new Sizing(
      this.threads,
      options,
      () => new ThreadHandle(`thread-${++this.started}`, this.environment, this)
    )
  }

  /** Starts the first threads; completes when one can work, fails if the handlers module cannot be used. */
  readonly open: Effect.Effect<void, HandlersError> = Effect.callback((resume) => {
    this.onFirst = (error) => {
      this.onFirst = undefined
      resume(error === undefined ? Effect.void : Effect.fail(error))
    }
    this.sizing.open()
  })

  /** Ends every thread in good order; terminates a thread that does not end within the grace period. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.closing = true
    this.sizing.close()
    this.monitor.close()
    let left = this.threads.size
    if (left === 0) return resume(Effect.void)
    for (const thread of this.threads) {
      thread.end(() => {
        if (--left === 0) resume(Effect.void)
      })
    }
  })

  // --- events of threads -----------------------------------------------------

  onReady(): void {
    this.failedStarts = 0
    this.onFirst?.(undefined)
  }

  onUnusable(cause: unknown): void {
    this.onFirst?.(new HandlersError({ url: this.environment.options.handlers, cause }))
  }

  onBusy(): void {
    this.monitor.start()
  }

  onWorked(): void {
    this.sizing.worked()
  }

  onExit(thread: ThreadHandle, wasReady: boolean, cause: unknown): void {
    this.threads.delete(thread)
    if (!wasReady) this.onUnusable(cause)
    // This includes a pool that could not open.
    if (this.closing) return
    if (!wasReady && ++this.failedStarts >= MAX_FAILED_STARTS && this.threads.size === 0) {
      this.environment.scheduler.unavailable(cause)
    }
    this.sizing.replace()
  }

  // --- ticks -----------------------------------------------------------------

  private tick(): void {
    const now = performance.now()
    let busy = false
    let freeSlot = false
    let full = true
    for (const thread of this.threads) {
      thread.tick(now)
      if (thread.busy) busy = true
      if (thread.hasFreeSlot) freeSlot = true
      if (!thread.full) full = false
    }
    if (busy && freeSlot) { for (const thread of this.threads) thread.rebalance() }
    if (busy && full) this.sizing.grow()
    if (this.sizing.aboveMin) this.sizing.shrink(now)
    else if (!busy) this.monitor.stop()
  }
}
