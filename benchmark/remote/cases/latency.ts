/** How long one call takes for the caller that waits for it, with nothing else to do. */
import * as Effect from "effect/Effect"
import type { Case } from "../../harness/model.ts"
import { load } from "../../pool/cases/increments.ts"
import { inc } from "../../pool/workload/functions.ts"
import { oracle } from "../../pool/workload/oracle.ts"
import { bullmqs } from "../competitors/bullmq.ts"
import { fromPeers } from "../competitors/implementation.ts"
import { PAPYROS, papyros, papyrosTls } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"

const NAME = "latency of single calls"
const CALLS = 1000

const make = Effect.gen(function*() {
  const competitors = yield* fromPeers([...bullmqs, rpc, papyros, papyrosTls], (peer, open) =>
    Effect.gen(function*() {
      const client = yield* open
      yield* client.ready
      const run = client.oneByOne(CALLS)
      if (peer !== papyros) return { run }
      return { run, target: { [rpc.name]: "a median of at most 1,000 µs" } }
    }))
  return {
    name: NAME,
    ...oracle(load, inc)(CALLS),
    figures: ["median, µs", "99th percentile, µs"],
    warmUp: 2,
    baselines: [rpc.name, PAPYROS],
    competitors
  } satisfies Case
})

export const latency = { name: NAME, make }
