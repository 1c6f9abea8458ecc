/**
 * The dispatcher of worker threads, for work that keeps a CPU busy. Reach for it
 * where `FiberDispatcher` would leave all cores but one idle.
 *
 * The promise that surprises: a task that does not yield and is to be stopped
 * costs its whole thread, which is replaced; a thread that had to be ended runs no
 * finalizers.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import * as ThreadsExecutor from "../internal/threads/main/executor.ts"
import { checkPool, type HandlersError, type WorkerPoolOptions } from "../internal/threads/main/options.ts"
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
} from "../internal/threads/main/options.ts"
export type { WorkerPoolOptions } from "../internal/threads/main/options.ts"

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
  Layer.suspend(() =>
    Executor.layer(group, ThreadsExecutor.make(checkPool(group, options)), {
      capacity: options.capacity,
      maxWorkerLosses: options.maxWorkerLosses
    })
  )

/**
 * The same with options from the environment: `PAPYROS_SIZE`, `PAPYROS_CONCURRENCY`,
 * `PAPYROS_CAPACITY` (a number or `unbounded`), `PAPYROS_MAX_ATTEMPTS`,
 * `PAPYROS_GRACE_PERIOD` and `PAPYROS_MAX_TASKS_PER_WORKER`. What is not set comes
 * from `options`, then from the defaults.
 *
 * @category layers
 */
export const layerConfig = <T extends Task.Any>(
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
        maxAttempts: Config.Int("PAPYROS_MAX_ATTEMPTS").pipe(Config.withDefault(options.maxWorkerLosses)),
        gracePeriod: Config.Duration("PAPYROS_GRACE_PERIOD").pipe(Config.withDefault(options.gracePeriod)),
        maxTasksPerWorker: Config.Int("PAPYROS_MAX_TASKS_PER_WORKER").pipe(
          Config.withDefault(options.maxTasksPerWorker)
        )
      }),
      (config) => layer(group, { ...options, ...config })
    )
  )
