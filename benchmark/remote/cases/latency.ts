/** The time of one call for a client that waits for it, on workers that are otherwise idle. */
import * as Effect from "effect/Effect"
import type { Case } from "../../harness/model.ts"
import { PAPYROS } from "../../harness/papyros.ts"
import { LATENCIES } from "../../harness/timing.ts"
import { bullmqs } from "../competitors/bullmq.ts"
import { deployAll } from "../competitors/implementation.ts"
import { papyros, papyrosTls } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { incrementsWorkload } from "../workload/increments.ts"

const NAME = "latency of single calls"
const CALLS = 1000

const make = Effect.gen(function*() {
  const competitors = yield* deployAll(
    [...bullmqs, rpc, papyros, papyrosTls],
    (implementation, open) =>
      Effect.gen(function*() {
        const client = yield* open
        yield* client.ready
        const run = client.incrementsSequentially(CALLS)
        if (implementation !== papyros) return { run }
        return { run, target: { [rpc.name]: ["at most 1,000 µs", undefined] } }
      })
  )
  return {
    name: NAME,
    ...incrementsWorkload(CALLS),
    metrics: LATENCIES,
    warmUp: 2,
    baselines: [rpc.name, PAPYROS],
    competitors
  } satisfies Case
})

export const latency = { name: NAME, make }
