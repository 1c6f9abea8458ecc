/**
 * Runs of papyros on any dispatcher, from typed tasks to a Stream whose consumer reads every result.
 *
 * A task that fails is a defect: unlike the failure of another library, which costs that library its row, it ends
 * the benchmark.
 */
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type * as Task from "papyros/Task"
import type { Measurement } from "./model.ts"
import { Tally } from "./tally.ts"
import { withTimeout } from "./timeout.ts"
import { Durations } from "./timing.ts"

/** The name of the row of papyros, and the start of the names of its variants. */
export const PAPYROS = "papyros"

/** Executes tasks and tallies their results. */
export const execute = <T extends Task.Any>(
  tasks: Iterable<T> | Stream.Stream<T>,
  toNumber: (result: Task.Success<T>) => number,
  options?: Dispatcher.ExecuteOptions<T>
) =>
  pipe(
    Dispatcher.execute(tasks, options),
    Stream.runFold(() => new Tally(), (tally, result) => tally.success(toNumber(result))),
    Effect.orDie,
    withTimeout
  )

/** Runs one task. */
export const runOne = <T extends Task.Any>(task: T, toNumber: (result: Task.Success<T>) => number) =>
  Dispatcher.run(task).pipe(
    Effect.map((result) => new Tally().success(toNumber(result))),
    Effect.orDie
  )

/** Runs tasks one after the other, `pause` milliseconds apart, and measures the duration of each. */
export const runSequentially = <T extends Task.Any>(
  tasks: Iterable<T>,
  toNumber: (result: Task.Success<T>) => number,
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
      tally.success(toNumber(result))
    }
    return { tally, values: durations.percentiles() } satisfies Measurement
  }).pipe(Effect.orDie, withTimeout)
