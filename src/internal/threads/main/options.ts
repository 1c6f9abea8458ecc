/**
 * The options of a pool of worker threads: as users give them, and checked. An invalid option is a defect when the
 * layer is built; a handlers module that cannot be used is a `HandlersError`.
 */
import { platform } from "#platform"
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { ResourceLimits } from "node:worker_threads"
import type * as TaskGroup from "../../../TaskGroup.ts"
import { cpus } from "../../cpus.ts"
import { describe } from "../../describe.ts"
import { boundOption, countOption, millisOption } from "../../options.ts"
import type { ThreadSource, WorkerLike } from "../../platform/platform.ts"

export type { WorkerLike }

/**
 * The handlers as a module of their own, for programs that are not bundled.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface HandlersModule {
  /**
   * The `file:` URL of the handlers module, whose default export is the Layer of the handlers. Each thread loads it and
   * builds the Layer once. If it ends in `.ts`, `.mts` or `.cts` and no such file exists, the `.js`, `.mjs` or `.cjs`
   * file beside it is loaded.
   */
  readonly handlers: URL | string
  readonly thread?: undefined
}

/**
 * The module that threads start with, for programs that are bundled.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ThreadModule {
  /**
   * In place of `handlers`: the `file:` URL of the module that each thread starts with. The module calls `Thread.run` of
   * `papyros/Thread` with the Layer of the handlers, and can be bundled with all that it imports. If it ends in `.ts`,
   * `.mts` or `.cts` and no such file exists, the `.js`, `.mjs` or `.cjs` file beside it is loaded.
   *
   * Or a function that returns a new thread, which starts with such a module:
   * `() => new Worker(new URL("./thread.ts", import.meta.url))`. Bundlers that know this expression build the module, so
   * write it out in your own code. Called for each thread.
   */
  readonly thread: URL | string | (() => WorkerLike)
  readonly handlers?: undefined
}

/**
 * The options of a pool of worker threads, without the module that has the handlers.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface ThreadPoolSettings {
  /**
   * The number of threads, or its bounds. With bounds, threads are added while more tasks wait than the threads that
   * work or start will run, and a thread above `min` ends when it was idle for `idleTimeToLive` (default 30 seconds).
   * Default: the number of available CPUs, or 1 for a dispatcher that is opened inside of a worker thread.
   */
  readonly size?: number | {
    readonly min: number
    readonly max: number
    readonly idleTimeToLive?: Duration.Input | undefined
  } | undefined
  /** The largest number of tasks that run at a time in one thread. Raise it for handlers that also wait. Default 1. */
  readonly concurrency?: number | undefined
  /** The largest number of tasks that are accepted and have not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** The attribute `dispatcher` of its metrics. Default `"pool"`, or `"pool-2"` while another dispatcher has that name. */
  readonly name?: string | undefined
  /** The number of worker losses attributed to a task at which the task fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
  /**
   * The time in which an interrupted task must stop; after that its thread is terminated and replaced. Default 1 second.
   */
  readonly gracePeriod?: Duration.Input | undefined
  /**
   * The largest number of tasks that a thread runs; then it is replaced. Its successor is started before that, so that
   * for a while both exist. Default: unlimited.
   */
  readonly maxTasksPerWorker?: number | undefined
  /**
   * Limits of the JavaScript heap of a thread, as in `node:worker_threads`; a thread that exceeds them is lost.
   * Default: those of Node, with a young generation of 24 MB, or of 4 MB if another limit is set.
   */
  readonly resourceLimits?: ResourceLimits | undefined
}

/**
 * The options of the layer.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type WorkerPoolOptions = (HandlersModule | ThreadModule) & ThreadPoolSettings

/** The handlers module cannot be used: it cannot be loaded, its Layer fails, or it lacks a handler. */
export class HandlersError extends Schema.TaggedError<HandlersError>("papyros/HandlersError")("HandlersError", {
  /** The URL of the handlers module, or of the module that threads start with; empty if a function makes threads. */
  url: Schema.String,
  cause: Schema.Defect({ includeStack: true })
}) {
  override get message(): string {
    const module = this.url === "" ? "module of the option thread" : `handlers module ${this.url}`
    return `The ${module} cannot be used: ${describe(this.cause)}`
  }
}

/** The module with the handlers of a pool. */
export interface PoolModule {
  /** The URL of the handlers module, or of the module that threads start with; absent if a function makes threads. */
  readonly url: string | undefined
  /** Threads start with it; absent if they start with the entry of papyros, which loads the handlers module. */
  readonly source: ThreadSource | undefined
}

/** Tells whether two pools have the same module. */
export const idOf = ({ source, url }: PoolModule): string => url ?? String(source)

/** The checked options of a pool. Times in milliseconds. */
export interface PoolOptions {
  readonly module: PoolModule
  readonly group: TaskGroup.Any
  readonly min: number
  readonly max: number
  readonly idleTimeToLive: number
  readonly concurrency: number
  readonly gracePeriod: number
  readonly maxTasksPerWorker: number
  readonly resourceLimits: ResourceLimits | undefined
  /** Its tasks come encoded from other processes, and threads with handlers modules decode them. */
  readonly relays?: boolean | undefined
}

/** Milliseconds. */
const DEFAULT_IDLE_TIME = 30_000

/** Checks the options; an invalid one is thrown. */
export const checkPool = (group: TaskGroup.Any, options: WorkerPoolOptions): PoolOptions => {
  return {
    module: checkModule(options),
    group,
    ...checkSize(options.size),
    concurrency: countOption("concurrency", options.concurrency, 1) ?? 1,
    gracePeriod: millisOption("gracePeriod", options.gracePeriod) ?? 1000,
    maxTasksPerWorker: boundOption("maxTasksPerWorker", options.maxTasksPerWorker, 1),
    resourceLimits: options.resourceLimits
  }
}

const checkSize = (size: WorkerPoolOptions["size"]): Pick<PoolOptions, "idleTimeToLive" | "max" | "min"> => {
  if (typeof size !== "object") {
    const threads = countOption("size", size, 1) ?? defaultSize()
    return { min: threads, max: threads, idleTimeToLive: DEFAULT_IDLE_TIME }
  }
  const bounds = size as { readonly min?: number; readonly max?: number } | null
  if (bounds?.min === undefined || bounds.max === undefined) {
    throw new TypeError("size must be a number of threads, or have a min and a max")
  }
  const min = countOption("size.min", bounds.min, 1)!
  return {
    min,
    max: countOption("size.max", bounds.max, min)!,
    idleTimeToLive: millisOption("size.idleTimeToLive", size.idleTimeToLive) ?? DEFAULT_IDLE_TIME
  }
}

const checkModule = ({ handlers, resourceLimits, thread }: WorkerPoolOptions): PoolModule => {
  if (thread === undefined) {
    return { url: platform.resolve(parse("handlers", handlers)), source: undefined }
  }
  if (handlers !== undefined) throw new TypeError("handlers and thread are both given: thread replaces handlers")
  if (typeof thread !== "function") {
    const url = platform.resolve(parse("thread", thread))
    return { url, source: url }
  }
  if (resourceLimits !== undefined) {
    throw new TypeError(
      "resourceLimits has no effect on a thread that a function makes: give it to the Worker, as in " +
        "new Worker(url, { resourceLimits })"
    )
  }
  return { url: undefined, source: thread }
}

const parse = (option: string, module: URL | string): URL => {
  try {
    return new URL(module)
  } catch {
    throw new TypeError(
      `${option} must be the URL of a module, such as new URL("./${option}.ts", import.meta.url), got ${String(module)}`
    )
  }
}

/** A pool inside a thread of another pool has one thread: the outer pool uses all CPUs already. */
const defaultSize = (): number => platform.inThread() ? 1 : cpus()
