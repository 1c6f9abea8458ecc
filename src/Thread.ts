/**
 * The entry of a worker thread of a bundled program. The program adds a module of its own to the entries of its build,
 * and that module calls `Thread.run`. Import `papyros/Thread` in that module only, because it makes Effect compile all
 * schemas of the thread. Import it before all other modules, because it must be loaded before a schema is used.
 *
 * @since 0.1.0
 */
import { platform } from "#platform"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { runThread } from "./internal/threads/thread/run.ts"

/**
 * Runs tasks in this worker thread with the handlers of a Layer, until the dispatcher ends the thread. The Layer is
 * built once.
 *
 * **When to use**
 *
 * Call it once, at the top level of the module that the option `thread` of `WorkerPoolDispatcher.layer` or
 * `RemoteWorker.layer` names. A thread that loads one bundle of that module, the handlers and `effect` starts with about a
 * quarter of the CPU time of a thread that loads a handlers module and every file of `effect`. See
 * docs/guides/bundlers.md.
 *
 * **Details**
 *
 * Throws a `TypeError` outside of a thread that papyros has started with the option `thread`, and on a second call in the
 * same thread.
 *
 * **Example** (Running the handlers of a bundle)
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
 * // In a real program, the task is in a module of its own, which the program imports too.
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
  const start = platform.threadStart()
  if (start === undefined) throw new TypeError("Thread.run was called outside of a thread of WorkerPoolDispatcher")
  if (!start.callsRun) {
    throw new TypeError("Thread.run was called in a thread of a pool that was given handlers; give thread instead")
  }
  if (start.phase !== "starting") throw new TypeError("Thread.run was called before in this thread")
  runThread(() => Effect.succeed(handlers))
}
