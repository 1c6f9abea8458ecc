/**
 * Generated tasks and options for the laws, and the oracle of their outcomes.
 *
 * The oracle runs the handlers directly: it must never use a dispatcher.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../Dispatcher.ts"
import * as Task from "../Task.ts"
import { make as makeHandlers } from "./handlers.ts"
import { Probe } from "./probe.ts"
import { expect, expectEqual } from "./property.ts"
import { Die, GiveUp, Refuse, Square, Stumble, type Tasks, Transform } from "./tasks.ts"

/** Tasks whose handlers the oracle can run directly. */
export const Sample = Schema.Union([Square, Transform, Refuse, Stumble, Die, GiveUp])
export type Sample = typeof Sample.Type

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The generated options of an execution. */
export const Options = Schema.Struct({
  ordered: Schema.Boolean,
  chunkSize: Schema.Literals(["auto", 1, 2, 3, 7, 100]),
  bufferSize: Schema.Literals(["default", 1, 2, 5, 50]),
  retries: count(0, 3),
  source: Schema.Literals(["iterable", "arrays", "trickle"])
})
export type Options = typeof Options.Type

/** Generates up to `max` tasks of a schema, with the options of their execution. */
export const work = <S extends Schema.Constraint>(task: S, max = 24) =>
  Arbitrary.schema(Schema.Struct({ tasks: Schema.Array(task).check(Schema.isMaxLength(max)), options: Options }))

/** The options in the form that `execute` and `results` accept. */
export const toOptions = ({ bufferSize, chunkSize, ordered, retries }: Options) => ({
  ordered,
  chunkSize,
  ...(bufferSize === "default" ? {} : { bufferSize }),
  ...(retries === 0 ? {} : { retry: { times: retries } })
})

/** The tasks as an Iterable, or as a Stream of arrays or of single tasks. */
export const toSource = <T>(tasks: Iterable<T>, { source }: Pick<Options, "source">) => {
  switch (source) {
    case "iterable":
      return tasks
    case "arrays":
      return Stream.rechunk(Stream.fromIterable(tasks), 4)
    case "trickle":
      return Stream.mapEffect(Stream.fromIterable(tasks), (task) => Effect.as(Effect.yieldNow, task))
  }
}

/** Executes work and collects the outcome of each task. */
export const collect = <T extends Task.Any>(tasks: Iterable<T>, options: Options) =>
  Stream.runCollect(Dispatcher.results(toSource(tasks, options) as ReadonlyArray<T>, toOptions(options)))

// ----------------------------------------------------------------------------
// The oracle
// ----------------------------------------------------------------------------

/** An outcome without the fields that only a dispatcher can know. */
export type Outcome =
  | { readonly _tag: "Success"; readonly value: unknown }
  | { readonly _tag: "Failed"; readonly attempt: number; readonly error: unknown }
  | { readonly _tag: "Defect"; readonly attempt: number; readonly defect: unknown }
  | { readonly _tag: string; readonly attempt: number }

const defectOf = (defect: unknown): unknown => defect instanceof Error ? [defect.name, defect.message] : defect

const outcomeOf = (exit: Exit.Exit<unknown, unknown>, attempt: number): Outcome => {
  if (exit._tag === "Success") return { _tag: "Success", value: exit.value }
  const die = exit.cause.reasons.find(Cause.isDieReason)
  if (die !== undefined) return { _tag: "Defect", attempt, defect: defectOf(die.defect) }
  const fail = exit.cause.reasons.find(Cause.isFailReason)
  return fail === undefined ? { _tag: "Interrupted", attempt } : { _tag: "Failed", attempt, error: fail.error }
}

const handlers = makeHandlers(Probe.defaultValue())

/** The expected outcome of a task, computed by running its handler. */
export const direct = (task: Sample, retries: number): Effect.Effect<Outcome> => {
  const handle = handlers[task._tag] as (task: Tasks) => Effect.Effect<unknown, unknown>
  const attempt = (n: number): Effect.Effect<Outcome> =>
    Effect.suspend(() => handle(task)).pipe(
      Effect.provideService(Task.CurrentAttempt, n),
      Effect.forkChild,
      Effect.flatMap(Fiber.await),
      Effect.flatMap((exit) =>
        exit._tag === "Failure" && n <= retries ? attempt(n + 1) : Effect.succeed(outcomeOf(exit, n))
      )
    )
  return attempt(1)
}

/** The expected outcomes of tasks, in the order of the tasks. */
export const directAll = (tasks: ReadonlyArray<Sample>, retries: number): Effect.Effect<Array<Outcome>> =>
  Effect.forEach(tasks, (task) => direct(task, retries))

/** The outcome of a task as the dispatcher reports it. */
export const seen = <T extends Task.Any>({ result }: Dispatcher.TaskResult<T>): Outcome => {
  if (Result.isSuccess(result)) return { _tag: "Success", value: result.success }
  const { attempt, reason } = result.failure
  switch (reason._tag) {
    case "Failed":
      return { _tag: "Failed", attempt, error: reason.error }
    case "Defect":
      return { _tag: "Defect", attempt, defect: defectOf(reason.defect) }
    default:
      return { _tag: reason._tag, attempt }
  }
}

/** Fails unless each task has one outcome, the expected one, with the caller's own task in it. */
export const expectOutcomes = <T extends Task.Any>(
  results: ReadonlyArray<Dispatcher.TaskResult<T>>,
  tasks: ReadonlyArray<T>,
  outcomes: ReadonlyArray<Outcome>
) =>
  Effect.gen(function*() {
    yield* expectOnce(results, tasks.length)
    for (const result of results) {
      const task = tasks[result.index]
      yield* expectEqual(seen(result), outcomes[result.index], `outcome of task ${result.index}, a ${task._tag}`)
      yield* expect(result.task === task, () => `task ${result.index} came back as another value`)
      if (Result.isSuccess(result.result)) continue
      const failure = result.result.failure
      yield* expect(
        failure.task === task,
        () => `the failure of task ${result.index} carries another value as its task`
      )
      yield* expect(failure.worker !== "", () => `the failure of task ${result.index} names no worker`)
    }
  })

/** Fails unless there is one result for each index. */
export const expectOnce = (results: ReadonlyArray<{ readonly index: number }>, tasks: number) =>
  expectEqual(
    results.map(({ index }) => index).sort((a, b) => a - b),
    Array.from({ length: tasks }, (_, index) => index),
    "indices of the results"
  )
