/** n + 1 in chunks: the cost of a chunk, and of a task, over the network. */
import * as Effect from "effect/Effect"
import { RATE_AND_COSTS, rateAndCosts } from "../../harness/costs.ts"
import type { Baseline, Case, Suite } from "../../harness/model.ts"
import { type ChunkSize, openAll, type RemoteImplementation, type Targets } from "../competitors/implementation.ts"
import { incrementsWorkload } from "../workload/increments.ts"

const sizes: ReadonlyArray<{ readonly name: string; readonly size: ChunkSize }> = [
  { name: "n + 1, chunks of 1", size: 1 },
  { name: "n + 1, chunks of 16", size: 16 },
  { name: "n + 1, chunks of 256", size: 256 },
  { name: "n + 1, automatic chunk size", size: "auto" }
]

export interface IncrementsOptions {
  readonly implementations: ReadonlyArray<RemoteImplementation>
  readonly baselines: ReadonlyArray<Baseline>
  readonly targets: (size: ChunkSize) => Targets
}

const caseOf = (name: string, size: ChunkSize, { baselines, implementations, targets }: IncrementsOptions) =>
  Effect.map(
    openAll(implementations, targets(size), ({ tasks }, client, servers) => {
      const workload = incrementsWorkload(tasks[size])
      return { workload, run: rateAndCosts(client.increments(workload.tasks, size), servers, workload.tasks) }
    }),
    (competitors): Case => ({
      name,
      ...incrementsWorkload(implementations[0].tasks[size]),
      metrics: RATE_AND_COSTS,
      chartedMetrics: 1,
      warmUp: 3,
      baselines,
      competitors
    })
  )

/** A case for each chunk size. */
export const increments = (options: IncrementsOptions): Suite["cases"] =>
  sizes.map(({ name, size }) => ({ name, make: caseOf(name, size, options) }))
