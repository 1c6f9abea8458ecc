/** The time of one call for a client that waits for it, on workers that are otherwise idle. */
import * as Effect from "effect/Effect"
import { COSTS, withCosts } from "../../harness/costs.ts"
import type { Baseline, Case, Suite } from "../../harness/model.ts"
import { LATENCIES } from "../../harness/timing.ts"
import { openAll, type RemoteImplementation, type Targets } from "../competitors/implementation.ts"
import { incrementsWorkload } from "../workload/increments.ts"

const NAME = "latency of single calls"
const CALLS = 1000

export const latency = (
  implementations: ReadonlyArray<RemoteImplementation>,
  baselines: ReadonlyArray<Baseline>,
  targets: Targets
): Suite["cases"][number] => ({
  name: NAME,
  make: Effect.map(
    openAll(implementations, targets, (_, client, servers) => ({
      run: Effect.map(
        withCosts(client.incrementsSequentially(CALLS), servers, CALLS),
        ([{ tally, values }, costs]) => ({ tally, values: [...values, ...costs] })
      )
    })),
    (competitors): Case => ({
      name: NAME,
      ...incrementsWorkload(CALLS),
      metrics: [...LATENCIES, ...COSTS],
      chartedMetrics: LATENCIES.length,
      warmUp: 2,
      baselines,
      competitors
    })
  )
})
