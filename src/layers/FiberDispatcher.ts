/**
 * The dispatcher of this process, which runs tasks concurrently as fibers. Use it for
 * tasks that wait (files, network, databases). Tasks that keep a CPU busy do not run
 * faster on it: use `WorkerPoolDispatcher` for them.
 *
 * Tasks and results are passed by reference, unless `codecs` is set.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import { cpus } from "../internal/cpus.ts"
import * as Local from "../internal/local/executor.ts"
import { boundConfig, countConfig, countOption, optionOr } from "../internal/options.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/**
 * The options of the layer.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface FiberOptions {
  /** The largest number of tasks that run at a time. Default: 16 for each available CPU. */
  readonly concurrency?: number | undefined
  /** The largest number of tasks that are accepted and have not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** The attribute `dispatcher` of its metrics. Default `"fiber"`, or `"fiber-2"` while another dispatcher has that name. */
  readonly name?: string | undefined
  /** Encodes, validates and copies payloads, results and errors, as a worker thread does. Default `false`. */
  readonly codecs?: boolean | undefined
}

/**
 * The Layer of a dispatcher whose tasks are fibers of this process.
 *
 * @stability stable
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options?: FiberOptions
): Layer.Layer<Dispatcher, never, TaskGroup.Handler<T["_tag"]>> =>
  Layer.suspend(() =>
    Executor.layer(
      group,
      Local.make<TaskGroup.Handler<T["_tag"]>>(group, {
        name: "fiber",
        concurrency: countOption("concurrency", options?.concurrency, 1) ?? 16 * cpus(),
        boundary: options?.codecs === true ? "codec" : "none"
      }),
      { capacity: options?.capacity, name: options?.name }
    )
  )

/**
 * `layer`, with the options that are not given read from the ConfigProvider:
 * `PAPYROS_FIBER_CONCURRENCY`, `PAPYROS_FIBER_CAPACITY` (a number or `unbounded`)
 * and `PAPYROS_FIBER_CODECS`.
 *
 * @stability stable
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options?: FiberOptions
): Layer.Layer<Dispatcher, Config.ConfigError, TaskGroup.Handler<T["_tag"]>> =>
  Layer.unwrap(
    Effect.map(
      Config.all({
        concurrency: optionOr(options?.concurrency, countConfig("PAPYROS_FIBER_CONCURRENCY")),
        capacity: optionOr(options?.capacity, boundConfig("PAPYROS_FIBER_CAPACITY")),
        codecs: optionOr(options?.codecs, Config.Boolean("PAPYROS_FIBER_CODECS"))
      }),
      (config) => layer(group, { ...config, name: options?.name })
    )
  )
