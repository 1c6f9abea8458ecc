/** The resources of this process that the soak watches, and the number of live worker threads. */
import * as Effect from "effect/Effect"
import { existsSync, readdirSync } from "node:fs"
import type { Worker } from "node:worker_threads"

export interface Resources {
  /** Heap and memory outside of it that JavaScript objects own, after a garbage collection, in bytes. */
  readonly heap: number
  /** In bytes. */
  readonly rss: number
  /** Resources that keep the event loop alive. */
  readonly handles: number
  /** Worker threads that have not exited. */
  readonly threads: number
  /** Open file descriptors; `undefined` where the system does not tell. */
  readonly descriptors: number | undefined
}

const DESCRIPTORS = "/proc/self/fd"

/** Counts the worker threads that this process starts while a scope is open. */
export const countThreads = Effect.acquireRelease(
  Effect.sync(() => {
    const live = new Set<Worker>()
    const add = (worker: Worker): void => {
      live.add(worker)
      worker.once("exit", () => live.delete(worker))
    }
    process.on("worker", add)
    return { live, add }
  }),
  ({ add }) => Effect.sync(() => process.off("worker", add))
).pipe(Effect.map(({ live }) => () => live.size))

/** Turns of the event loop: memory that was given up in one may be released in the next ones. */
const turns = (left: number): Effect.Effect<void> =>
  left === 0
    ? Effect.void
    : Effect.andThen(
      Effect.callback<void>((resume) => {
        setImmediate(() => resume(Effect.void))
      }),
      Effect.suspend(() => turns(left - 1))
    )

/** Collects garbage, also that of the finalizers of the first collection, and measures. */
export const measure = (gc: NonNullable<typeof globalThis.gc>, threads: () => number): Effect.Effect<Resources> =>
  Effect.gen(function*() {
    for (let i = 0; i < 3; i++) {
      gc()
      yield* turns(10)
    }
    const { external, heapUsed, rss } = process.memoryUsage()
    return {
      heap: heapUsed + external,
      rss,
      handles: process.getActiveResourcesInfo().length,
      threads: threads(),
      descriptors: existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : undefined
    }
  })
