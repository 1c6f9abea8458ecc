/**
 * An executor that runs no handler: every task succeeds with a function of its payload.
 *
 * It must stay cheap, so that a benchmark on it measures the scheduler.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/**
 * The options of `noop`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface NoopOptions extends Executor.DispatcherOptions {
  /** Computes the success of a task. Default: its payload. */
  readonly answer?: ((item: Executor.Item) => unknown) | undefined
  /** Tasks that a worker takes and completes together. Default 256. */
  readonly chunkSize?: number | undefined
  /** When a chunk completes: at once, in a microtask, or in a later turn of the event loop. Default `"sync"`. */
  readonly when?: "sync" | "microtask" | "immediate" | undefined
  /** The number of workers. Default 1. */
  readonly workers?: number | undefined
  /** Whether values are encoded and validated. Default `"none"`. */
  readonly boundary?: "codec" | "none" | undefined
}

/**
 * The Layer of a dispatcher that runs no handler.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const noop = (group: TaskGroup.Any, options: NoopOptions = {}): Layer.Layer<Dispatcher> =>
  Executor.layer(group, {
    name: "noop",
    boundary: options.boundary ?? "none",
    maxChunk: options.chunkSize ?? 256,
    open: (scheduler) =>
      Effect.sync(() => {
        for (let worker = 0; worker < (options.workers ?? 1); worker++) {
          scheduler.join(new NoopWorker(`noop-${worker}`, scheduler, options))
        }
      })
  }, options)

/** The busy time of a task that a worker reports: above 0, so that chunks grow. */
const MICROS = 0.1

class NoopWorker implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency = 1
  readonly window: number
  private readonly scheduler: Executor.Scheduler
  private readonly answer: (item: Executor.Item) => unknown
  private readonly when: "sync" | "microtask" | "immediate"
  private taken: Executor.Chunk | undefined
  private pumping = false

  constructor(name: string, scheduler: Executor.Scheduler, options: NoopOptions) {
    this.name = name
    this.scheduler = scheduler
    this.window = options.chunkSize ?? 256
    this.answer = options.answer ?? ((item) => item.payload)
    this.when = options.when ?? "sync"
  }

  wake(): void {
    this.pump()
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    this.scheduler.requeue(chunk, at, at + 1)
  }

  private pump(): void {
    if (this.pumping || this.taken !== undefined) return
    this.pumping = true
    while (this.taken === undefined) {
      this.taken = this.scheduler.take(this, this.window)
      if (this.taken === undefined) break
      if (this.when === "sync") this.settle()
      else if (this.when === "microtask") queueMicrotask(this.later)
      else setImmediate(this.later)
    }
    this.pumping = false
  }

  private readonly later = (): void => {
    this.settle()
    this.pump()
  }

  private settle(): void {
    const chunk = this.taken!
    const { items } = chunk
    this.scheduler.recordBusy(items, items.length * MICROS)
    for (let at = 0; at < items.length; at++) this.scheduler.succeed(chunk, at, this.answer(items[at]))
    this.taken = undefined
  }
}
