/** Bytes and texts that are sent and returned: the cost of a large payload and of a large result. */
import * as Effect from "effect/Effect"
import { RATE_AND_COSTS, rateAndCosts } from "../../harness/costs.ts"
import type { Baseline, Case, Suite } from "../../harness/model.ts"
import { openAll, type RemoteImplementation, type Targets } from "../competitors/implementation.ts"
import { makeBytes, makeText, payloadsWorkload } from "../workload/payloads.ts"

const kinds = [
  { name: "64 KB of bytes, there and back", make: makeBytes },
  { name: "20 KB of text, there and back", make: makeText }
]

/** A case for each kind of payload. */
export const payloads = (
  implementations: ReadonlyArray<RemoteImplementation>,
  baselines: ReadonlyArray<Baseline>,
  targets: Targets
): Suite["cases"] =>
  kinds.map(({ make, name }) => ({
    name,
    make: Effect.map(
      openAll(implementations, targets, ({ payloads: count }, client, servers) => {
        const all = Array.from({ length: count }, (_, i) => make(i + 1))
        return { workload: payloadsWorkload(count), run: rateAndCosts(client.echo(all), servers, count) }
      }),
      (competitors): Case => ({
        name,
        ...payloadsWorkload(implementations[0].payloads),
        metrics: RATE_AND_COSTS,
        chartedMetrics: 1,
        warmUp: 3,
        baselines,
        competitors
      })
    )
  }))
