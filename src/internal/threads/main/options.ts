/** The options of a pool of worker threads: as users give them, and checked. */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { isMainThread, type ResourceLimits } from "node:worker_threads"
import type * as TaskGroup from "../../../TaskGroup.ts"
import { boundOption, countOption, millisOption } from "../../options.ts"

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
    readonly idleTimeToLive?: Duration.Input | undefined
  } | undefined
  /** Tasks at once in a thread, for handlers that wait. Default 1. */
  readonly concurrency?: number | undefined
  /** Tasks accepted and not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** How often a task may be alone on a thread that is lost, before it fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
  /** How long a task that is to stop may take, before its thread is ended. Default 1 second. */
  readonly gracePeriod?: Duration.Input | undefined
  /** Tasks after which a thread is replaced. Default: never. */
  readonly maxTasksPerWorker?: number | undefined
  /** Caps of a thread's JavaScript heap; a thread that exceeds them is lost. Default: Node's, but for 12 MB of young objects. */
  readonly resourceLimits?: ResourceLimits | undefined
}

/** The handlers module cannot be used: it cannot be loaded, its Layer fails, or it lacks a handler. */
export class HandlersError extends Schema.TaggedError<HandlersError>("papyros/HandlersError")("HandlersError", {
  url: Schema.String,
  cause: Schema.Defect({ includeStack: true })
}) {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `The handlers module ${this.url} cannot be used: ${why}`
  }
}

/** Options of a pool, checked. Times in milliseconds. */
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

/** Unusable options are defects. */
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

/** The URL of the module, or of its compiled sibling where only that exists. */
const resolve = (handlers: URL | string): string => {
  const url = new URL(handlers)
  if (url.protocol !== "file:" || !/\.m?ts$/.test(url.pathname) || existsSync(fileURLToPath(url))) return url.href
  const compiled = new URL(url)
  compiled.pathname = url.pathname.replace(/ts$/, "js")
  return existsSync(fileURLToPath(compiled)) ? compiled.href : url.href
}

/** In a thread of a pool, one more pool has one thread: the machine is shared already. */
const defaultSize = (cpus: number): number => isMainThread ? cpus : 1
