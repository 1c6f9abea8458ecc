/**
 * The executor of worker threads: a pool that lives as long as the scope in which the executor is opened.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Executor from "../../../Executor.ts"
import { SharedState } from "../protocol/sharedState.ts"
import type { HandlersError, PoolOptions } from "./options.ts"
import { Pool } from "./pool.ts"

export interface PoolExecutor extends Executor.ExecutorSettings {
  readonly open: (scheduler: Executor.Scheduler) => Effect.Effect<void, HandlersError, Scope.Scope>
}

/** Starts its threads when it is opened; fails if the handlers module cannot be used. */
export const make = (options: PoolOptions): PoolExecutor => ({
  name: "pool",
  boundary: "codec",
  copiesPayloads: true,
  maxChunk: SharedState.chunkItems,
  open: (scheduler) =>
    Effect.gen(function*() {
      const pool = new Pool(options, scheduler, yield* Effect.context<never>())
      yield* Effect.acquireRelease(Effect.void, () => pool.close)
      yield* pool.open
    })
})
