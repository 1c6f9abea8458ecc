/** The executor of worker threads from what its users say. */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import type * as Executor from "../../../Executor.ts"
import type { WorkerPoolOptions } from "../../../layers/WorkerPoolDispatcher.ts"
import type * as TaskGroup from "../../../TaskGroup.ts"
import { boundOption, countOption, millisOption } from "../../options.ts"
import { Claims } from "../protocol/messages.ts"
import { defaultSize, type HandlersError, Pool, type PoolOptions } from "./pool.ts"

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
    idleTimeout: millisOption("size.idleTimeout", "idleTimeout" in size ? size.idleTimeout : undefined) ?? 30_000,
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

/** Starts its threads when it is opened; fails if the handlers module cannot be used. */
export const executor = (options: PoolOptions): Executor.Executor<HandlersError> => ({
  name: "pool",
  boundary: "codec",
  maxChunk: Claims.maxChunk,
  open: (scheduler) =>
    Effect.gen(function*() {
      const pool = new Pool(options, scheduler, yield* Effect.context<never>())
      yield* Effect.acquireRelease(Effect.void, () => pool.close)
      yield* pool.open
    })
})
