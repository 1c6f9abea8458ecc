/**
 * The first tasks of a new process: the time from before the library is loaded to the last of their results. The
 * payloads exist before.
 */
import * as Effect from "effect/Effect"
import type { Case, Competitor } from "../../harness/model.ts"
import { BUNDLED, libraries, PAPYROS, PISCINA } from "../competitors/libraries.ts"
import { run, startCompetitor } from "../competitors/processes.ts"
import type { Input } from "../workload/inputs.ts"
import { workloadsOf } from "../workload/oracle.ts"

const METRICS = ["wall time, ms", "CPU time, ms", "peak resident memory, MB", "loading in the main thread, ms"]

/** A run takes more than a second. */
const ROUNDS = 9

export const cold = (input: Input) => {
  const name = `${input.name}, cold`
  const tasks = input.tasks.cold
  const make = Effect.gen(function*() {
    const workload = yield* Effect.promise(() => workloadsOf(input))
    return {
      name,
      ...workload(tasks),
      metrics: METRICS,
      chartedMetrics: 1,
      rounds: ROUNDS,
      // The first processes read the files from the disk.
      warmUp: 1,
      baselines: [PISCINA],
      competitors: Object.keys(libraries).map((library): Competitor => ({
        name: library,
        run: startCompetitor(library, input).pipe(
          Effect.flatMap((process) => run(process, tasks)),
          Effect.map(({ cpu, loading, memory, tally, wall }) => ({
            tally,
            values: [wall, cpu, memory / 1e6, loading]
          })),
          Effect.scoped
        ),
        ...(library === PAPYROS || library === BUNDLED ? { target: { [PISCINA]: ["at most 1.15"] } } : {})
      }))
    } satisfies Case
  })
  return { name, make }
}
