/**
 * The dispatcher of worker threads, for tasks that keep a CPU busy. Use it where
 * `FiberDispatcher` would leave all cores but one idle.
 *
 * A task that must stop and does not yield ends with its thread, which is replaced.
 * A terminated thread runs no finalizers.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import { boundConfig, countConfig, optionOr } from "../internal/options.ts"
import * as ThreadsExecutor from "../internal/threads/main/executor.ts"
import { checkPool, type HandlersError, type WorkerPoolOptions } from "../internal/threads/main/options.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

export {
  /**
   * The handlers module cannot be used: it cannot be loaded, its Layer fails, or
   * it lacks a handler. The Layer of the dispatcher fails with it.
   *
   * @stability stable
   * @category errors
   * @since 0.1.0
   */
  HandlersError
} from "../internal/threads/main/options.ts"
export type {
  HandlersModule,
  ThreadModule,
  ThreadPoolSettings,
  WorkerLike,
  WorkerPoolOptions
} from "../internal/threads/main/options.ts"

/**
 * The Layer of a dispatcher whose tasks run in worker threads.
 *
 * **Details**
 *
 * The logs, output, spans and metrics of handlers reach the loggers, the process, the
 * tracer and the metrics in the context where this Layer is built. For each thread at
 * most 1,000 logs, spans and prints are in flight and 1,000 wait; of more, the oldest
 * are dropped and counted.
 *
 * Fails with `HandlersError` if the handlers module cannot be used.
 *
 * @stability stable
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: WorkerPoolOptions
): Layer.Layer<Dispatcher, HandlersError> =>
  Layer.suspend(() =>
    Executor.layer(group, ThreadsExecutor.make(checkPool(group, options)), {
      capacity: options.capacity,
      maxWorkerLosses: options.maxWorkerLosses,
      name: options.name
    })
  )

/**
 * `layer`, with the options that are not given read from the ConfigProvider:
 * `PAPYROS_POOL_SIZE`, `PAPYROS_POOL_CONCURRENCY`, `PAPYROS_POOL_CAPACITY` (a number
 * or `unbounded`), `PAPYROS_POOL_MAX_WORKER_LOSSES`, `PAPYROS_POOL_GRACE_PERIOD` and
 * `PAPYROS_POOL_MAX_TASKS_PER_WORKER`.
 *
 * @stability stable
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: WorkerPoolOptions
): Layer.Layer<Dispatcher, HandlersError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(
      Config.all({
        size: optionOr<WorkerPoolOptions["size"]>(options.size, countConfig("PAPYROS_POOL_SIZE")),
        concurrency: optionOr(options.concurrency, countConfig("PAPYROS_POOL_CONCURRENCY")),
        capacity: optionOr(options.capacity, boundConfig("PAPYROS_POOL_CAPACITY")),
        maxWorkerLosses: optionOr(options.maxWorkerLosses, countConfig("PAPYROS_POOL_MAX_WORKER_LOSSES")),
        gracePeriod: optionOr(options.gracePeriod, Config.Duration("PAPYROS_POOL_GRACE_PERIOD")),
        maxTasksPerWorker: optionOr(options.maxTasksPerWorker, countConfig("PAPYROS_POOL_MAX_TASKS_PER_WORKER"))
      }),
      (config) => layer(group, { ...options, ...config })
    )
  )
