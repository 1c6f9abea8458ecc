import * as Effect from "effect/Effect"
import type { Worker } from "node:worker_threads"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Tasks } from "./tasks.ts"

export const handlers = new URL("./handlers.ts", import.meta.url)

/** A pool of the fixtures that does not wait for long before it ends a thread. */
export const pool = (
  options:
    & WorkerPoolDispatcher.ThreadPoolSettings
    & Partial<WorkerPoolDispatcher.HandlersModule | WorkerPoolDispatcher.ThreadModule>
) => {
  const { handlers: module = handlers, thread, ...settings } = options
  return WorkerPoolDispatcher.layer(Tasks, {
    size: 2,
    gracePeriod: 200,
    ...settings,
    ...(thread === undefined ? { handlers: module } : { thread })
  })
}

/** More turns of the event loop than pass between an event and its immediate consequence. */
export const MANY = 20

/** The starts and ends of threads while a scope is open. */
class Threads {
  /** How long after the last exit each thread was started, in milliseconds. */
  readonly pauses: Array<number> = []
  /**
   * How many turns of the event loop after the last exit each thread was started, `MANY` if as many or more; 0 if
   * it was started before the thread that it replaces had exited.
   */
  readonly turns: Array<number> = []
  private alive = 0
  private lastExit = 0
  private turned = MANY

  get started(): number {
    return this.pauses.length
  }

  /** The number of live threads, after all listeners have received the exits that have happened. */
  readonly left: Effect.Effect<number> = Effect.callback((resume) => {
    setImmediate(() => resume(Effect.succeed(this.alive)))
  })

  readonly add = (worker: Worker): void => {
    this.pauses.push(performance.now() - this.lastExit)
    this.turns.push(this.alive > 0 ? 0 : this.turned)
    this.alive++
    worker.once("exit", () => {
      this.alive--
      this.lastExit = performance.now()
      if (this.turned === MANY) setImmediate(this.turn)
      this.turned = 0
    })
  }

  private readonly turn = (): void => {
    if (++this.turned < MANY) setImmediate(this.turn)
  }
}

/** Counts the threads that this process starts. */
export const countThreads = Effect.acquireRelease(
  Effect.sync(() => {
    const threads = new Threads()
    process.on("worker", threads.add)
    return threads
  }),
  (threads) => Effect.sync(() => process.off("worker", threads.add))
)

/** Waits for a condition that the test can only poll. The timeout of the test bounds the wait. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(Effect.sleep(5), until(holds)))
