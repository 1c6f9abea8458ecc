/**
 * Keeps the failures of a run in a file, with their payloads, so that `papyros replay` can run the failed tasks again.
 *
 * The outcomes themselves pass unchanged. A failure is in the file before the stream delivers it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Dispatcher from "./Dispatcher.ts"
import * as FailureFile from "./internal/failures/failureFile.ts"
import type * as Task from "./Task.ts"

/**
 * Writes the failures in a stream of outcomes to a file, one line of JSON for each.
 *
 * **When to use**
 *
 * Use after `Dispatcher.results`, `Durable.results` or the outcomes of a queue, to find out later why tasks have failed.
 *
 * **Details**
 *
 * The file is created when the stream starts, readable by its owner only. A line has the `index`, the name of the `task`,
 * the `payload` as JSON by the schema of the task, the `reason`, `message` (at most 1,024 characters), `attempt`, `worker`
 * and `trace` (at most 8,192 characters) of the failure, the `error` of a task that failed with its typed error, and `at`,
 * the time when the line was written. If a payload or an error has no JSON form, the line has all the rest, and
 * `payloadError` says why. A value of `Redacted` is written as `<redacted>`. Lines are complete at any time, also after the
 * end of the process, except that a SIGKILL or a power failure during a write can leave the last line without its end.
 *
 * **Gotchas**
 *
 * A file that exists is refused, so each run needs a file of its own. If the file cannot be written, the stream delivers
 * the outcomes that it has taken, and then fails. Payloads, errors, messages and traces may be confidential.
 *
 * **Example** (Keeping the failures of a run)
 *
 * ```ts
 * import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
 * import * as Effect from "effect/Effect"
 * import * as FileSystem from "effect/FileSystem"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 * import * as Dispatcher from "papyros/Dispatcher"
 * import * as Failures from "papyros/Failures"
 * import * as FiberDispatcher from "papyros/FiberDispatcher"
 * import * as Task from "papyros/Task"
 * import * as TaskGroup from "papyros/TaskGroup"
 *
 * class Invert extends Task.Class<Invert>()("Invert", {
 *   payload: { n: Schema.Int },
 *   success: Schema.Number,
 *   error: Schema.String
 * }) {}
 *
 * const Tasks = TaskGroup.make(Invert)
 *
 * const handlers = Tasks.toLayer({ Invert: ({ n }) => n === 0 ? Effect.fail("division by zero") : Effect.succeed(1 / n) })
 *
 * const program = Effect.gen(function*() {
 *   yield* Stream.range(-2, 2).pipe(
 *     Stream.map((n) => new Invert({ n })),
 *     Dispatcher.results(),
 *     Failures.keep("failures.ndjson"),
 *     Stream.runDrain
 *   )
 *   const fs = yield* FileSystem.FileSystem
 *   const { index, message, payload } = JSON.parse(yield* fs.readFileString("failures.ndjson"))
 *   console.log(index, payload.n, message) // => 2 0 Task Invert on local failed: division by zero
 * })
 *
 * await program.pipe(
 *   Effect.provide([FiberDispatcher.layer(Tasks).pipe(Layer.provide(handlers)), NodeFileSystem.layer]),
 *   Effect.runPromise
 * )
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const keep = (
  file: string
): <A extends Dispatcher.TaskResult<Task.Any>, E, R>(
  self: Stream.Stream<A, E, R>
) => Stream.Stream<A, E | FailureFile.FailureFileError, R | FileSystem.FileSystem> =>
<A extends Dispatcher.TaskResult<Task.Any>, E, R>(self: Stream.Stream<A, E, R>) =>
  Stream.transformPull(self, (upstream, scope) =>
    Effect.map(Scope.provide(FailureFile.create(file), scope), (kept) => {
      let error: FailureFile.FailureFileError | undefined
      return Effect.suspend(() =>
        error !== undefined ? Effect.fail(error) : Pull.matchEffect(upstream, {
          onSuccess: (results) => {
            const failures = failuresOf(results)
            return failures.length === 0 ? Effect.succeed(results) : Effect.match(kept.add(failures), {
              // The outcomes must not be lost because the file cannot be written.
              onFailure: (failed) => {
                error = failed
                return results
              },
              onSuccess: () => results
            })
          },
          onFailure: Effect.failCause,
          onDone: (done) => Effect.andThen(kept.sync, Cause.done(done))
        })
      )
    }))

const failuresOf = (results: ReadonlyArray<Dispatcher.TaskResult<Task.Any>>): Array<FailureFile.Failed> => {
  const failures: Array<FailureFile.Failed> = []
  for (const { index, result } of results) {
    if (Result.isFailure(result)) failures.push({ index, failure: result.failure })
  }
  return failures
}

// ----------------------------------------------------------------------------
// Errors
// ----------------------------------------------------------------------------

export {
  /**
   * The failure file could not be created or written.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  CannotWrite,
  /**
   * Failures cannot be kept. The tagged `reason` says why, for `Effect.catchReason`.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  FailureFileError,
  /**
   * A file of that name exists, and is never replaced.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  FileExists
} from "./internal/failures/failureFile.ts"
