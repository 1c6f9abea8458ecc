/**
 * The interface between a pool and its threads: the values that all threads share, and the events that a thread reports
 * to the pool that started it.
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Executor from "../../../Executor.ts"
import type { PayloadCodecs } from "./encodeRequest.ts"
import type { PoolOptions } from "./options.ts"

/** The values that all threads of a pool share. */
export interface ThreadEnvironment {
  readonly options: PoolOptions
  readonly scheduler: Executor.Scheduler
  /** Its loggers, tracer and metrics receive the telemetry of threads. */
  readonly context: Context.Context<never>
  readonly codecs: PayloadCodecs
  /** Runs a log effect in the context. */
  readonly log: (effect: Effect.Effect<void>) => void
}

/** The events of a thread, for the pool that started it. */
export interface ThreadListener<Thread> {
  /** The thread can run tasks. */
  readonly onReady: () => void
  /** The thread cannot use the handlers module. */
  readonly onUnusable: (cause: unknown) => void
  /** The thread was sent work: it must be ticked until it is not busy. */
  readonly onBusy: () => void
  /** The thread is ready and has nothing to do. */
  readonly onIdle: (thread: Thread) => void
  /** The thread settled a task, or was ended by the timeout of one: threads of this pool work. */
  readonly onWorked: () => void
  /** The thread is about to end, and needs a successor. May be called again. */
  readonly onLeaving: (thread: Thread, cause: "task limit" | "terminated") => void
  readonly onExit: (thread: Thread, exit: ThreadExit) => void
}

/** The end of a thread. */
export interface ThreadExit {
  /** Its handlers were loaded. */
  readonly wasReady: boolean
  readonly outOfMemory: boolean
  /** Why it ended, after its name in a message; `undefined` if it ended as it should. */
  readonly reason: string | undefined
  readonly cause: unknown
}
