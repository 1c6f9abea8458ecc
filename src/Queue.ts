/**
 * A queue of tasks on a dispatcher: tasks are pushed, and outcomes are popped in the
 * order in which they complete. Use it if tasks come one at a time, or if different
 * code produces the tasks and consumes the outcomes. Otherwise use
 * `Dispatcher.execute`.
 *
 * Closing a queue drops the outcomes that were not popped; ending it does not. A
 * handler should wait only for queues that it made itself: at a concurrency of 1 no
 * slot is free for the tasks of a queue that was made outside, which is a deadlock.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { DispatcherClosed, DispatchTimeout, QueueClosed } from "./internal/errors.ts"
import * as Options from "./internal/options.ts"
import { parentIn } from "./internal/producers/nesting.ts"
import { QueueProducer } from "./internal/producers/queue.ts"
import type { RetryPolicy } from "./internal/producers/retries.ts"
import type { TaskResult } from "./internal/producers/taskResult.ts"
import { callerSpan, type ParentTask, type SchedulerHandle } from "./internal/scheduler/producer.ts"
import type * as Task from "./internal/task.ts"
import type { TaskFailure } from "./TaskFailure.ts"

const TypeId = "~papyros/TaskQueue"

export {
  /**
   * The queue was ended or closed.
   *
   * @stability stable
   * @category errors
   * @since 0.1.0
   */
  QueueClosed
} from "./internal/errors.ts"

/**
 * The options of `Dispatcher.makeQueue`.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface QueueOptions<T extends Task.Any = never> {
  /**
   * The largest number of outcomes that wait to be popped. `push` waits when that number of tasks, plus one for each slot
   * of the workers, have been pushed and not popped. Default `"unbounded"`.
   */
  readonly capacity?: number | "unbounded" | undefined
  /**
   * The longest time of one attempt, counted from its start on a worker. Default: the `taskTimeout` of the task class,
   * else none.
   */
  readonly taskTimeout?: Duration.Input | undefined
  /**
   * When to retry a failed task, as for `execute`. A retry comes after the tasks that were pushed before it is due. A
   * defect in the policy ends the queue: outcomes that are ready can still be popped, then every push and pop ends
   * with the defect. Default: never.
   */
  readonly retry?: RetryPolicy<T> | undefined
  /** The number of tasks that are sent to a worker together. Default `"auto"`. */
  readonly chunkSize?: number | "auto" | undefined
}

/**
 * A queue of tasks of the type `T`. Made by `Dispatcher.makeQueue`, closed with its scope.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface TaskQueue<T extends Task.Any> {
  readonly [TypeId]: typeof TypeId
  /**
   * Adds a task, whose parent span is that of the caller. Waits while the queue or its dispatcher is full, for at most
   * `timeout`; `timeout: 0` does not wait. Default: no limit.
   */
  readonly push: (
    task: T,
    options?: { readonly timeout?: Duration.Input | undefined }
  ) => Effect.Effect<void, DispatchTimeout | QueueClosed | DispatcherClosed>
  /**
   * Takes the next outcome: the result of a task, or its failure. Waits for one for
   * at most `timeout`; `timeout: 0` does not wait. Default: no limit.
   */
  readonly pop: (
    options?: { readonly timeout?: Duration.Input | undefined }
  ) => Effect.Effect<Task.Success<T>, TaskFailure<T> | DispatchTimeout | QueueClosed | DispatcherClosed>
  /**
   * Takes all outcomes that are ready, then waits for more until `timeout` has passed
   * or it has `max` outcomes. Without a `timeout` it waits only for the first one, and
   * takes those that come with it. It never fails because a task failed or time has passed: the array is then shorter.
   */
  readonly popMany: (
    options?: { readonly timeout?: Duration.Input | undefined; readonly max?: number | undefined }
  ) => Effect.Effect<Array<TaskResult<T>>, QueueClosed | DispatcherClosed>
  /** Refuses further pushes. The tasks in the queue are still delivered; then `toStream` ends and `pop` fails with `QueueClosed`. */
  readonly end: Effect.Effect<void>
  /**
   * Closes the queue immediately: unstarted tasks never start, running tasks are
   * interrupted, outcomes that were not popped are dropped. Completes when all of its
   * tasks have stopped.
   */
  readonly close: Effect.Effect<void>
  /** All outcomes, until the queue is ended and empty, or closed. */
  readonly toStream: Stream.Stream<TaskResult<T>, DispatcherClosed>
  /**
   * The numbers of tasks that wait for a slot or for a retry, of tasks that run, and of outcomes that wait to be popped.
   * `waiting` and `running` mean the same as in `Dispatcher.status`.
   */
  readonly size: Effect.Effect<{ readonly waiting: number; readonly running: number; readonly ready: number }>
}

/**
 * Whether a value is a queue of tasks.
 *
 * @stability stable
 * @category guards
 * @since 0.1.0
 */
export const isTaskQueue = (u: unknown): u is TaskQueue<Task.Any> => Predicate.hasProperty(u, TypeId)

/**
 * Opens a queue on a scheduler. It is closed with its scope.
 *
 * @internal
 */
export const make = <T extends Task.Any>(
  scheduler: SchedulerHandle,
  options: QueueOptions<T>
): Effect.Effect<TaskQueue<T>, DispatcherClosed, Scope.Scope> =>
  // A queue that was opened has its finalizer: between the two, a fiber may yield and be interrupted.
  Effect.uninterruptible(Effect.contextWith((context: Context.Context<Scope.Scope>) => {
    const producer = new QueueProducer(scheduler, options, context as Context.Context<never>)
    if (producer.closedBy !== undefined) return Effect.failCause(producer.closedBy as Cause.Cause<DispatcherClosed>)
    const here = <A, E>(
      f: (parent: ParentTask | undefined, span: Tracer.AnySpan | undefined) => Effect.Effect<A, E>
    ) => Effect.contextWith((context: Context.Context<never>) => f(parentIn(context, scheduler), callerSpan(context)))
    const queue: TaskQueue<Task.Any> = {
      [TypeId]: TypeId,
      push: (task, o) =>
        here((parent, span) => producer.push(task, span, Options.millisOption("timeout", o?.timeout), parent)),
      pop: (o) => here((parent) => producer.pop(Options.millisOption("timeout", o?.timeout), parent)) as never,
      popMany: (o) =>
        here((parent) =>
          producer.popMany(
            Options.millisOption("timeout", o?.timeout),
            Options.countOption("max", o?.max, 1) ?? Infinity,
            parent
          )
        ),
      end: Effect.sync(() => producer.end()),
      close: producer.close,
      toStream: Stream.fromPull(here((parent) => Effect.succeed(producer.takeOne(parent)))) as never,
      size: Effect.sync(() => producer.size)
    }
    return Effect.as(Effect.addFinalizer(() => producer.close), queue as unknown as TaskQueue<T>)
  }))
