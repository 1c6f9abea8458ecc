/**
 * The options of a pool of worker threads: as users give them, and checked. An invalid option is a defect when the
 * layer is built; a handlers module that cannot be used is a `HandlersError`.
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { isMainThread, type ResourceLimits } from "node:worker_threads"
import type * as TaskGroup from "../../../TaskGroup.ts"
import { boundOption, countOption, millisOption } from "../../options.ts"

/**
 * The options of the layer.
 *
 * @category models
 */
export interface WorkerPoolOptions {
  /**
   * `file:` URL of the handlers module, whose default export is the Layer of the
   * handlers. The Layer is built once per thread and released with the thread. If
   * the URL ends in `.ts` (`.mts`) and no such file exists, its `.js` (`.mjs`)
   * sibling is loaded, so that the same URL works after a build.
   */
  readonly handlers: URL | string
  /**
   * The number of threads, or the least and the most of them and how long a thread
   * above `min` stays idle before it ends (default 30 seconds). Default: the CPUs
   * available; 1 inside a thread of a pool.
   */
  readonly size?: number | {
    readonly min: number
    readonly max: number
    readonly idleTimeToLive?: Duration.Input | undefined
  } | undefined
  /** Tasks that a thread runs concurrently, for handlers that wait. Default 1. */
  readonly concurrency?: number | undefined
  /** Tasks accepted and not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** How many losses of threads may be attributed to a task before it fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
  /** How long a task may take to stop before its thread is terminated. Default 1 second. */
  readonly gracePeriod?: Duration.Input | undefined
  /** Tasks after which a thread is replaced. Default: never. */
  readonly maxTasksPerWorker?: number | undefined
  /** Bounds on the JavaScript heap of a thread; a thread that exceeds them is lost. Default: those of Node, and 12 MB for young objects. */
  readonly resourceLimits?: ResourceLimits | undefined
}

/** The handlers module cannot be used: it cannot be loaded, its Layer fails, or it lacks a handler. */
export class HandlersError extends Schema.TaggedError<HandlersError>("papyros/HandlersError")("HandlersError", {
  url: Schema.String,
  cause: Schema.Defect({ includeStack: true })
}) {
  override get message(): string {
    const reason = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `The handlers module ${this.url} cannot be used: ${reason}`
  }
}

/** The checked options of a pool. Times in milliseconds. */
export interface PoolOptions {
  readonly handlers: string
  readonly group: TaskGroup.Any
  readonly min: number
  readonly max: number
  readonly idleTimeToLive: number
  readonly concurrency: number
  readonly gracePeriod: number
  readonly maxTasksPerWorker: number
  readonly resourceLimits: ResourceLimits | undefined
}

/** Checks the options; an invalid one is thrown. */
export const checkPool = (group: TaskGroup.Any, options: WorkerPoolOptions): PoolOptions => {
  const cpus = availableParallelism()
  const size = typeof options.size === "object"
    ? options.size
    : { min: options.size ?? defaultSize(cpus), max: options.size ?? defaultSize(cpus) }
  const min = countOption("size.min", size.min, 1)!
  const max = countOption("size.max", size.max, min)!
  return {
    handlers: resolve(options.handlers),
    group,
    min,
    max,
    idleTimeToLive: millisOption("size.idleTimeToLive", "idleTimeToLive" in size ? size.idleTimeToLive : undefined) ??
      30_000,
    concurrency: countOption("concurrency", options.concurrency, 1) ?? 1,
    gracePeriod: millisOption("gracePeriod", options.gracePeriod) ?? 1000,
    maxTasksPerWorker: boundOption("maxTasksPerWorker", options.maxTasksPerWorker, 1),
    resourceLimits: options.resourceLimits
  }
}

/** The URL of the module, or of its compiled sibling if only that exists. */
const resolve = (handlers: URL | string): string => {
  const url = new URL(handlers)
  if (url.protocol !== "file:" || !/\.m?ts$/.test(url.pathname) || existsSync(fileURLToPath(url))) return url.href
  const compiled = new URL(url)
  compiled.pathname = url.pathname.replace(/ts$/, "js")
  return existsSync(fileURLToPath(compiled)) ? compiled.href : url.href
}

/** A pool inside a thread of another pool has one thread: the outer pool uses all CPUs already. */
const defaultSize = (cpus: number): number => isMainThread ? cpus : 1
