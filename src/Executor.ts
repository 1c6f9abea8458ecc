/**
 * Runs tasks somewhere: the interface below every dispatcher. An executor joins
 * workers (this process, a thread, a worker process); workers take chunks of tasks
 * and report their outcomes. The scheduler above keeps all promises about order,
 * credits, capacity, fairness, retries, losses and late outcomes.
 *
 * Implement it to run tasks on something new, and run the suite of `papyros/testing`
 * on it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Dispatcher, ObservablesKey, SchedulerHandleKey } from "./Dispatcher.ts"
import { register } from "./internal/metrics/dispatcherMetrics.ts"
import type { DispatcherOptions, ExecutorSettings, Scheduler } from "./internal/scheduler/contract.ts"
import { makeScheduler, openExecutor } from "./internal/scheduler/opening.ts"
import type { Scheduler as InternalScheduler, SchedulerOptions } from "./internal/scheduler/scheduler.ts"
import type * as TaskGroup from "./TaskGroup.ts"

export type {
  AttemptInfo,
  Cancel,
  Chunk,
  ConnectionBytes,
  DispatcherOptions,
  EncodedTasks,
  ExecutorSettings,
  Item,
  Scheduler,
  TaskToken,
  Trace,
  WireFailure,
  WorkerExit,
  WorkerHandle,
  WorkerLoss
} from "./internal/scheduler/contract.ts"

/**
 * Runs tasks somewhere. Opened once, in the dispatcher's scope.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Executor<out E = never, out R = never> extends ExecutorSettings {
  /**
   * Joins the first workers. Its finalizer ends every worker; by then nothing runs on
   * them, unless it could not be stopped. It runs the tasks of `dispatcher`, which it
   * provides to its handlers.
   */
  readonly open: (scheduler: Scheduler, dispatcher: Dispatcher["Service"]) => Effect.Effect<void, E, R | Scope.Scope>
}

/**
 * The dispatcher of an executor, in a scope.
 *
 * @internal
 */
export const makeDispatcher = <E, R>(
  group: TaskGroup.Any,
  executor: Executor<E, R>,
  options: SchedulerOptions,
  /** Called before the executor is opened. Its finalizers run after the executor has closed. */
  onScheduler?: (scheduler: InternalScheduler) => Effect.Effect<void, never, Scope.Scope>
): Effect.Effect<Dispatcher["Service"], E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const scheduler = yield* makeScheduler(group.tasks, executor, options)
    if (onScheduler !== undefined) yield* onScheduler(scheduler)
    const dispatcher = Dispatcher.of({
      [SchedulerHandleKey]: scheduler,
      [ObservablesKey]: [scheduler],
      status: Effect.sync(() => scheduler.status)
    })
    yield* openExecutor(scheduler, (scheduler) => executor.open(scheduler, dispatcher))
    return dispatcher
  })

/**
 * The Layer of a dispatcher whose tasks run on an executor.
 *
 * **Details**
 *
 * With the Layer's scope everything that runs is interrupted, its consumers fail
 * with `DispatcherClosed`, and then the executor is closed.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  group: TaskGroup.Any,
  executor: Executor<E, R>,
  options?: DispatcherOptions
): Layer.Layer<Dispatcher, E, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    Dispatcher,
    makeDispatcher(group, executor, options ?? {}, (scheduler) => register(scheduler, options?.name ?? executor.name))
  )
