/**
 * papyros over the whole way: typed tasks, codecs, the dispatcher, and a Stream whose
 * consumer looks at every result. Tasks are made before the clock runs, as the
 * payloads of the others are, unless a row says otherwise.
 */
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Task from "papyros/Task"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import type { Measured } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import { THREADS } from "../workload/concurrency.ts"
import * as Tasks from "../workload/tasks.ts"
import { Durations, hangs } from "./implementation.ts"

export const PAPYROS = "papyros"

export const layer = Layer.orDie(
  WorkerPoolDispatcher.layer(Tasks.group, {
    handlers: new URL("../workload/handlers.ts", import.meta.url),
    size: THREADS
  })
)

/**
 * Executes tasks and counts what they succeed with. A task that fails is no crash
 * that a row could tell of: it ends the benchmark.
 */
export const execute = <T extends Task.Any>(
  tasks: Iterable<T> | Stream.Stream<T>,
  outcome: (result: Task.Success<T>) => number,
  options?: Dispatcher.ExecuteOptions<T>
) =>
  pipe(
    Dispatcher.execute(tasks, options),
    Stream.runFold(() => new Tally(), (tally, result) => tally.success(outcome(result))),
    Effect.orDie,
    hangs
  )

/** Runs one task. */
export const run = <T extends Task.Any>(task: T, outcome: (result: Task.Success<T>) => number) =>
  Dispatcher.run(task).pipe(
    Effect.map((result) => new Tally().success(outcome(result))),
    Effect.orDie
  )

/** Runs tasks one at a time with a pause before each, and says how long each took. */
export const oneByOne = <T extends Task.Any>(
  tasks: Iterable<T>,
  outcome: (result: Task.Success<T>) => number,
  pause: number
) =>
  Effect.gen(function*() {
    const tally = new Tally()
    const durations = new Durations()
    for (const task of tasks) {
      if (pause > 0) yield* Effect.sleep(pause)
      const before = performance.now()
      const result = yield* Dispatcher.run(task)
      durations.add(performance.now() - before)
      tally.success(outcome(result))
    }
    return { tally, figures: durations.figures() } satisfies Measured
  }).pipe(Effect.orDie, hangs)
