/**
 * The stream of one `execute` or `results`: it makes the execution, with its span, its source and its journal, when the
 * consumer opens the stream.
 *
 * Must stay true: the scope of the stream ends the execution, and completes when its work has stopped.
 */
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { TaskFailure } from "../../TaskFailure.ts"
import { callerSpan, type SchedulerHandle, type TaskEntry } from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import { Execution, type ExecutionError, type MakeJournal } from "./execution.ts"
import type { ExecutionOptions } from "./executionOptions.ts"
import * as ExecutionTrace from "./executionTrace.ts"
import * as Source from "./source.ts"

/** Executes tasks on a scheduler, as a stream of their outcomes in the form of `emit`. */
export const make = <A, E, R>(
  scheduler: Effect.Effect<SchedulerHandle, never, R>,
  tasks: Iterable<unknown> | Stream.Stream<unknown, E, R>,
  options: ExecutionOptions,
  failFast: boolean,
  emit: (entry: TaskEntry) => A,
  makeJournal?: MakeJournal
): Stream.Stream<A, TaskFailure<Task.Any> | ExecutionError | E, R> =>
  Stream.fromChannel(
    Channel.fromTransform((_: Pull.Pull<unknown, unknown, unknown>, scope) =>
      Effect.flatMap(scheduler, (scheduler) =>
        Effect.contextWith((context: Context.Context<R>) =>
          Effect.flatMap(ExecutionTrace.begin(callerSpan(context), scope), (trace) => {
            const execution = new Execution<A, E>(
              scheduler,
              options,
              context as Context.Context<never>,
              failFast,
              emit,
              makeJournal,
              trace
            )
            return Source.make(tasks, scope, execution.offer).pipe(
              Effect.flatMap((source) => {
                execution.source = execution.journal?.through(source, execution.offer) ?? source
                return Scope.addFinalizer(scope, execution.close)
              }),
              Effect.as(execution.take)
            )
          })
        ))
    )
  )
