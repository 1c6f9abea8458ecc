/**
 * Runs tasks in this process, in threads or on other hosts: the Layer that is
 * provided decides. The functions and their guarantees are the same on every dispatcher.
 *
 * Start with `execute`: it takes tasks and gives a Stream of typed results. Results
 * come in the order in which they complete, unless `ordered` is set.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { DispatcherClosed, DispatchTimeout } from "./internal/errors.ts"
import type { ExecutionOptions } from "./internal/producers/executionOptions.ts"
import * as ExecutionStream from "./internal/producers/executionStream.ts"
import type { RetryPolicy } from "./internal/producers/retries.ts"
import { runSingle } from "./internal/producers/single.ts"
import { type TaskResult, toResult } from "./internal/producers/taskResult.ts"
import type { Status } from "./internal/scheduler/contract.ts"
import type { Observable } from "./internal/scheduler/observer.ts"
import type { SchedulerHandle } from "./internal/scheduler/producer.ts"
import type * as Task from "./internal/task.ts"
import * as Queue from "./Queue.ts"
import type { TaskFailure } from "./TaskFailure.ts"

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

export type {
  /**
   * The outcome of one task: its index in the source, the task itself, and its
   * result or failure.
   *
   * @stability stable
   * @category models
   * @since 0.1.0
   */
  TaskResult
} from "./internal/producers/taskResult.ts"
export type { Status } from "./internal/scheduler/contract.ts"

export type {
  /**
   * The options of `Effect.retry`, over the failures of a task.
   *
   * @stability stable
   * @category models
   * @since 0.1.0
   */
  RetryOptions,
  /**
   * When a failed task is tried again: options, or a `Schedule` over its failures.
   *
   * @stability stable
   * @category models
   * @since 0.1.0
   */
  RetryPolicy
} from "./internal/producers/retries.ts"

/**
 * The options of `execute` and `results`. An invalid value (negative, NaN, not whole) is a defect whose message names
 * the option.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface ExecuteOptions<T extends Task.Any> {
  /**
   * Delivers results in the order of the tasks. A slow task does not stop later ones from starting, as long as the
   * buffer has room. Default `false`.
   */
  readonly ordered?: boolean | undefined
  /**
   * The longest time in which no task completes; after that the stream fails with `DispatchTimeout`. The time before the
   * first task completes counts as well. Time counts only while the consumer waits and at least one task of the stream
   * runs: not while its tasks wait for slots that other tasks have, for a worker, or for a retry. Default: none.
   */
  readonly idleTimeout?: Duration.Input | undefined
  /**
   * The longest time of one attempt, counted from its start on a worker; after that the task alone fails with
   * `TimedOut`. Default: the `taskTimeout` of the task class, else none.
   */
  readonly taskTimeout?: Duration.Input | undefined
  /**
   * When to retry a failed task. A task that waits for a retry occupies no slot. A task that could not start, because
   * it is unknown or its payload is not valid, is not retried. A defect in the policy ends the stream. Default: never.
   */
  readonly retry?: RetryPolicy<T> | undefined
  /**
   * The number of tasks that are sent to a worker together. `"auto"` adapts the number to the time that the tasks
   * take. It never changes results. Default `"auto"`.
   */
  readonly chunkSize?: number | "auto" | undefined
  /**
   * The largest number of completed results that wait for the consumer. It bounds memory, and how far the source is
   * pulled ahead. Default: 1024, or twice the number of tasks that keep all workers busy, if that is more.
   */
  readonly bufferSize?: number | undefined
  /**
   * The largest size of the completed results that wait for the consumer, in bytes. It is estimated from samples.
   * Default 256 MiB.
   */
  readonly bufferBytes?: number | undefined
}

/**
 * The key under which a dispatcher keeps its scheduler. Internal to papyros.
 *
 * @internal
 */
export const SchedulerHandleKey: unique symbol = Symbol.for("papyros/Dispatcher/SchedulerHandle")

/**
 * The key under which a dispatcher keeps its schedulers for recordings. Internal to papyros.
 *
 * @internal
 */
export const ObservablesKey: unique symbol = Symbol.for("papyros/Dispatcher/Observables")

/**
 * Runs tasks on the executor that its Layer is made with.
 *
 * **When to use**
 *
 * Use the verbs `run`, `execute`, `results` and `makeQueue` of this module. Only a
 * Layer that provides a dispatcher needs the service itself.
 *
 * @stability stable
 * @category services
 * @since 0.1.0
 */
export class Dispatcher extends Context.Service<Dispatcher, {
  /** @internal */
  readonly [SchedulerHandleKey]: SchedulerHandle
  /** @internal */
  readonly [ObservablesKey]: ReadonlyArray<Observable>
  readonly status: Effect.Effect<Status>
}>()("papyros/Dispatcher") {}

export { SpansPerSecond } from "./internal/scheduler/spanLimit.ts"

export {
  /**
   * The dispatcher's scope has ended.
   *
   * @stability stable
   * @category errors
   * @since 0.1.0
   */
  DispatcherClosed,
  /**
   * A time limit has passed: no task completed, a queue stayed full for a push, or
   * empty for a pop.
   *
   * @stability stable
   * @category errors
   * @since 0.1.0
   */
  DispatchTimeout
} from "./internal/errors.ts"

// ----------------------------------------------------------------------------
// Verbs
// ----------------------------------------------------------------------------

const scheduler: Effect.Effect<SchedulerHandle, never, Dispatcher> = Effect.map(
  Dispatcher,
  (dispatcher) => dispatcher[SchedulerHandleKey]
)

const isSource = (u: unknown): boolean => {
  if (typeof u !== "object" || u === null) return false
  // Else it would be taken for options.
  if ("then" in u || Symbol.asyncIterator in u) {
    throw new TypeError(
      "Tasks come from an Iterable or a Stream, not from a promise or an async iterable: use Stream.fromEffect or Stream.fromAsyncIterable"
    )
  }
  return Stream.isStream(u) || Symbol.iterator in u
}

/**
 * Runs one task. The same as `yield*` on the task itself.
 *
 * Interruption interrupts the task, and waits until its work has stopped. So does the end of the dispatcher: `run` then
 * fails with `DispatcherClosed`.
 *
 * @stability stable
 * @category verbs
 * @since 0.1.0
 */
export const run = <T extends Task.Any>(
  task: T
): Effect.Effect<Task.Success<T>, TaskFailure<T> | DispatcherClosed, Dispatcher> =>
  Effect.flatMap(scheduler, (scheduler) => runSingle(scheduler, task)) as Effect.Effect<
    Task.Success<T>,
    TaskFailure<T> | DispatcherClosed,
    Dispatcher
  >

/**
 * Executes tasks and streams their results.
 *
 * **When to use**
 *
 * Use when a failed task should end the stream: the first failure fails it and
 * interrupts all other tasks. Use `results` to continue after failures.
 *
 * **Details**
 *
 * Tasks come from an Iterable, which is pulled one task at a time as credits allow,
 * or from a Stream, which is pulled at most one array ahead. Memory stays bounded
 * for a source of any length.
 *
 * Without `ordered`, the stream delivers the results that are complete and fails as
 * soon as a failure is known. With `ordered`, it delivers the results of all tasks
 * before the first failed one and then fails. An error of the source follows the
 * outcomes of all tasks that were pulled before it. If the consumer ends the stream
 * early, running tasks are interrupted, and the stream waits until they have stopped.
 * Something in the source that is not a task is a defect, which follows the outcomes
 * of the tasks before it; nothing more is pulled, and no failed task is tried again.
 *
 * **Gotchas**
 *
 * In a pipe, call the function: `tasks.pipe(execute())`. TypeScript infers nothing
 * from an overloaded function that is passed by name. In a pipe, annotate options
 * that take the failure: `while: (failure: TaskFailure<MyTask>) => …`. In
 * `execute(tasks, options)` their types are inferred.
 *
 * @stability stable
 * @category verbs
 * @since 0.1.0
 */
export const execute: {
  <U extends Task.Any>(options?: ExecuteOptions<U>): <T extends U, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>
  ) => Stream.Stream<Task.Success<T>, TaskFailure<T> | DispatchTimeout | DispatcherClosed | E, Dispatcher | R>
  <T extends Task.Any, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>,
    options?: ExecuteOptions<T>
  ): Stream.Stream<Task.Success<T>, TaskFailure<T> | DispatchTimeout | DispatcherClosed | E, Dispatcher | R>
} = dual(
  (args) => isSource(args[0]),
  (tasks: Iterable<Task.Any>, options: ExecutionOptions = {}) =>
    ExecutionStream.make(scheduler, tasks, options, true, (entry) => entry.value)
) as never

/**
 * Executes tasks and streams the outcome of each, failures included. A failed task
 * does not fail the stream.
 *
 * **Details**
 *
 * Each outcome comes with the task and its index in the source. In all other
 * respects it is the same as `execute`.
 *
 * @stability stable
 * @category verbs
 * @since 0.1.0
 */
export const results: {
  <U extends Task.Any>(options?: ExecuteOptions<U>): <T extends U, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>
  ) => Stream.Stream<TaskResult<T>, DispatchTimeout | DispatcherClosed | E, Dispatcher | R>
  <T extends Task.Any, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>,
    options?: ExecuteOptions<T>
  ): Stream.Stream<TaskResult<T>, DispatchTimeout | DispatcherClosed | E, Dispatcher | R>
} = dual(
  (args) => isSource(args[0]),
  (tasks: Iterable<Task.Any>, options: ExecutionOptions = {}) =>
    ExecutionStream.make(scheduler, tasks, options, false, toResult)
) as never

/**
 * Opens a queue of tasks. It is closed when the scope closes.
 *
 * @stability stable
 * @category verbs
 * @since 0.1.0
 */
export const makeQueue = <T extends Task.Any>(
  options?: Queue.QueueOptions<T>
): Effect.Effect<Queue.TaskQueue<T>, DispatcherClosed, Dispatcher | Scope.Scope> =>
  Effect.flatMap(scheduler, (scheduler) => Queue.make<T>(scheduler, options ?? {}))

/**
 * The current state of the dispatcher.
 *
 * @stability stable
 * @category verbs
 * @since 0.1.0
 */
export const status: Effect.Effect<Status, never, Dispatcher> = Effect.flatMap(
  Dispatcher,
  (dispatcher) => dispatcher.status
)
