/**
 * The cost of a task in a pool that is open and warm. Each competitor has a process of its own, whose pool is open for
 * the whole case, so that CPU time and memory are those of one library.
 */
import * as Effect from "effect/Effect"
import type { Case, Competitor } from "../../harness/model.ts"
import { BUNDLED, libraries, PAPYROS, PISCINA } from "../competitors/libraries.ts"
import { run, startCompetitor } from "../competitors/processes.ts"
import type { Input } from "../workload/inputs.ts"
import { workloadsOf } from "../workload/oracle.ts"

const METRICS = ["wall time, µs per task", "CPU time, µs per task", "peak resident memory, MB"]

export const steady = (input: Input) => {
  const name = `${input.name}, steady`
  const tasks = input.tasks.steady
  const make = Effect.gen(function*() {
    const workload = yield* Effect.promise(() => workloadsOf(input))
    const competitors = yield* Effect.forEach(
      Object.keys(libraries),
      (library) =>
        Effect.map(startCompetitor(library, input), (process): Competitor => ({
          name: library,
          run: Effect.map(run(process, tasks), ({ cpu, memory, tally, wall }) => ({
            tally,
            values: [1000 * wall / tasks, 1000 * cpu / tasks, memory / 1e6]
          })),
          ...(library === PAPYROS || library === BUNDLED ? { target: { [PISCINA]: [input.target] } } : {})
        }))
    )
    return {
      name,
      ...workload(tasks),
      metrics: METRICS,
      chartedMetrics: 1,
      warmUp: input.warmUp,
      baselines: [PISCINA],
      competitors
    } satisfies Case
  })
  return { name, make }
}
