/**
 * The dispatcher of worker threads, for work that keeps a CPU busy. Reach for it
 * where `FiberDispatcher` would leave all cores but one idle.
 *
 * The promise that surprises: a task that does not yield and is to be stopped
 * costs its whole thread, which is replaced; a thread that had to be ended runs no
 * finalizers.
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ResourceLimits } from "node:worker_threads"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import { checkPool, executor } from "../internal/threads/main/executor.ts"
import type { HandlersError } from "../internal/threads/main/pool.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

export {
  /**
   * The handlers module cannot be used: it cannot be loaded, its Layer fails, or
   * it lacks a handler. The Layer of the dispatcher fails with it.
   *
   * @category errors
   */
  HandlersError
} from "../internal/threads/main/pool.ts"

/**
 * What the layer takes.
 *
 * @category models
 */
export interface WorkerPoolOptions {
  /**
   * `file:` URL of the handlers module, whose default export is the Layer of the
   * handlers. It is built once per thread and ended with it. If it ends in `.ts`
   * (`.mts`) and no such file exists, its `.js` (`.mjs`) sibling is meant, so that
   * the same URL works after a build.
   */
  readonly handlers: URL | string
  /**
   * Threads, or how few and how many, and how long one above `min` stays idle
   * (default 30 seconds). Default: the CPUs available; 1 inside a thread of a pool.
   */
  readonly size?: number | {
    readonly min: number
    readonly max: number
    readonly idleTimeout?: Duration.Input | undefined
  } | undefined
  /** Tasks at once in a thread, for handlers that wait. Default 1. */
  readonly concurrency?: number | undefined
  /** Tasks accepted and not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** How often a task may be alone on a thread that is lost, before it fails with `WorkerLost`. Default 3. */
  readonly maxAttempts?: number | undefined
  /** How long a task that is to stop may take, before its thread is ended. Default 1 second. */
  readonly gracePeriod?: Duration.Input | undefined
  /** Tasks after which a thread is replaced. Default: never. */
  readonly maxTasksPerWorker?: number | undefined
  /** Caps of a thread's JavaScript heap; a thread that exceeds them is lost. Default: Node's, but for 12 MB of young objects. */
  readonly resourceLimits?: ResourceLimits | undefined
}

/**
 * The Layer of a dispatcher whose tasks run in worker threads.
 *
 * **Details**
 *
 * What handlers log, print, trace and measure reaches the loggers, output, tracer
 * and metrics in the context where this Layer is built. At most 1,000 entries are
 * under way and 1,000 wait in a thread; the oldest of more are dropped and counted.
 *
 * Fails with `HandlersError` if the handlers module cannot be used.
 *
 * @category layers
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: WorkerPoolOptions
): Layer.Layer<Dispatcher, HandlersError> =>
  Executor.layer<TaskGroup.Any, HandlersError>(
    group,
    () => Effect.sync(() => executor(checkPool(group, options))),
    { capacity: options.capacity, maxAttempts: options.maxAttempts }
  )

/**
 * The same with options from the environment: `PAPYROS_SIZE`, `PAPYROS_CONCURRENCY`,
 * `PAPYROS_CAPACITY` (a number or `unbounded`), `PAPYROS_MAX_ATTEMPTS`,
 * `PAPYROS_GRACE_PERIOD` and `PAPYROS_MAX_TASKS_PER_WORKER`. What is not set comes
 * from `options`, then from the defaults.
 *
 * @category layers
 */
export const layerFromEnv = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: WorkerPoolOptions
): Layer.Layer<Dispatcher, HandlersError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(
      Config.all({
        size: Config.Int("PAPYROS_SIZE").pipe(Config.withDefault(options.size)),
        concurrency: Config.Int("PAPYROS_CONCURRENCY").pipe(Config.withDefault(options.concurrency)),
        capacity: Config.Int("PAPYROS_CAPACITY").pipe(
          Config.orElse(() => Config.Literal("unbounded", "PAPYROS_CAPACITY")),
          Config.withDefault(options.capacity)
        ),
        maxAttempts: Config.Int("PAPYROS_MAX_ATTEMPTS").pipe(Config.withDefault(options.maxAttempts)),
        gracePeriod: Config.Duration("PAPYROS_GRACE_PERIOD").pipe(Config.withDefault(options.gracePeriod)),
        maxTasksPerWorker: Config.Int("PAPYROS_MAX_TASKS_PER_WORKER").pipe(
          Config.withDefault(options.maxTasksPerWorker)
        )
      }),
      (config) => layer(group, { ...options, ...config })
    )
  )
