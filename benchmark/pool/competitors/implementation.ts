/**
 * The interface of every implementation that the pool suite compares with papyros, and of its pool while it is open.
 *
 * Threads run before the first measurement and until the scope of the case ends.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { forEachInFlight } from "../../harness/concurrency.ts"
import type { Competitor, CompetitorError, Measurement } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import { fromPromise } from "../../harness/timeout.ts"
import { Durations } from "../../harness/timing.ts"
import type { FunctionName, Payloads } from "../workload/functions.ts"
import type { TaskInput } from "../workload/taskInput.ts"

export interface PoolImplementation {
  readonly name: string
  /** Its options, for the readers of the report. */
  readonly settings: string
  /** Whether its threads can transfer a result instead of copying it. */
  readonly transfersResults: boolean
  readonly open: Effect.Effect<OpenPool, CompetitorError, Scope.Scope>
}

export interface OpenPool {
  /** Runs the first `tasks` tasks of an input, with `IN_FLIGHT` of them in flight. */
  readonly run: <F extends FunctionName>(input: TaskInput<F>, tasks: number) => Effect.Effect<Tally, CompetitorError>
  /** Runs them one after the other, `pause` milliseconds apart, and measures the duration of each. */
  readonly runSequentially: <F extends FunctionName>(
    input: TaskInput<F>,
    tasks: number,
    pause: number
  ) => Effect.Effect<Measurement, CompetitorError>
}

/** Opens the pools, and makes a competitor of each. One that cannot be opened fails in its own row. */
export const openAll = (
  implementations: ReadonlyArray<PoolImplementation>,
  toCompetitor: (implementation: PoolImplementation, pool: OpenPool) => Omit<Competitor, "name">
): Effect.Effect<ReadonlyArray<Competitor>, never, Scope.Scope> =>
  Effect.forEach(implementations, (implementation) =>
    Effect.match(implementation.open, {
      onFailure: (error): Competitor => ({ name: implementation.name, run: Effect.fail(error) }),
      onSuccess: (pool) => ({ name: implementation.name, ...toCompetitor(implementation, pool) })
    }))

type Call = <F extends FunctionName>(input: TaskInput<F>) => (payload: Payloads[F]) => Promise<unknown>

/** An open pool whose library returns a promise per task. */
export const fromCall = (call: Call): OpenPool => ({
  run: (input, tasks) =>
    fromPromise(async () => {
      const tally = new Tally()
      const runOne = call(input)
      await forEachInFlight(tasks, async (i) => {
        tally.success(input.toNumber(await runOne(input.payload(i))))
      })
      return tally
    }),
  runSequentially: (input, tasks, pause) =>
    fromPromise(async () => {
      const tally = new Tally()
      const runOne = call(input)
      const durations = new Durations()
      for (let i = 0; i < tasks; i++) {
        const payload = input.payload(i)
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
        const before = performance.now()
        const result = await runOne(payload)
        durations.add(performance.now() - before)
        tally.success(input.toNumber(result))
      }
      return { tally, values: durations.percentiles() }
    })
})
