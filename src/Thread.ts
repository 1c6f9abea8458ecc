/**
 * The start of a worker thread, for programs that are bundled: a module of your own, which is one more entry of the
 * build, runs the threads of `WorkerPoolDispatcher`. Import it in that module only, and first, because it has all
 * schemas of its thread compiled.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { SharedState } from "./internal/threads/protocol/sharedState.ts"
import { threadData } from "./internal/threads/protocol/threadData.ts"
import { runThread } from "./internal/threads/thread/run.ts"

/**
 * Runs this thread with the handlers of a Layer, until its pool ends it. The Layer is built once.
 *
 * **When to use**
 *
 * Call it once, at the top level of the module that is the option `thread` of
 * `WorkerPoolDispatcher.layer`. A thread that loads one bundle of that module, the
 * handlers and `effect` starts with about a quarter of the CPU time of one that loads
 * a handlers module and every file of `effect`. See docs/guides/bundlers.md.
 *
 * **Details**
 *
 * Throws a `TypeError` where it is not called in a thread of a pool that was given
 * `thread`, and if it was called before in the same thread.
 *
 * **Example**
 *
 * ```ts
 * import * as Thread from "papyros/Thread"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Task from "papyros/Task"
 * import * as TaskGroup from "papyros/TaskGroup"
 *
 * class Double extends Task.Class<Double>()("Double", {
 *   payload: { n: Schema.Finite },
 *   success: Schema.Finite
 * }) {}
 *
 * // A program imports the task from a module of its own.
 * const handlers = TaskGroup.make(Double).toLayer({ Double: ({ n }) => Effect.succeed(2 * n) })
 *
 * Thread.run(handlers)
 * ```
 *
 * @stability unstable
 * @category running
 * @since 0.1.0
 */
export const run = <E>(handlers: Layer.Layer<never, E>): void => {
  const data = threadData()
  if (data === undefined) throw new TypeError("Thread.run was called outside of a thread of WorkerPoolDispatcher")
  if (data.entry !== data.module) {
    throw new TypeError("Thread.run was called in a thread of a pool that was given handlers; give thread instead")
  }
  if (new SharedState(data.shared).running) throw new TypeError("Thread.run was called before in this thread")
  // The rest of the module runs first: if it throws, the thread never becomes ready.
  runThread(data, Effect.as(Effect.yieldNow, handlers))
}
