/** From nothing to the first result of a new client, with everybody else running for long. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Broken, Case, Competitor, Measured } from "../../harness/model.ts"
import { node } from "../../harness/processes.ts"
import type { Tally } from "../../harness/tally.ts"
import { Tally as Results } from "../../harness/tally.ts"
import { load } from "../../pool/cases/increments.ts"
import { hangs } from "../../pool/competitors/implementation.ts"
import { inc } from "../../pool/workload/functions.ts"
import { oracle } from "../../pool/workload/oracle.ts"
import { bullmqs } from "../competitors/bullmq.ts"
import { fromPeers, WORKERS } from "../competitors/implementation.ts"
import { deploy, PAPYROS, papyros, papyrosTls, registered } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"

const NAME = "a new client's first result"
const TARGET = "at most 1,000 ms"

/** Closed after the clock has stopped. */
const timed = (first: Effect.Effect<Tally, Broken, Scope.Scope>): Effect.Effect<Measured, Broken> =>
  Effect.gen(function*() {
    const before = performance.now()
    const tally = yield* first
    return { tally, figures: [performance.now() - before] }
  }).pipe(Effect.scoped, hangs)

const make = Effect.gen(function*() {
  const others = yield* fromPeers([...bullmqs, rpc, papyros, papyrosTls], (peer, open) =>
    Effect.sync(() => ({
      run: timed(Effect.flatMap(open, (client) => client.increments(1, 1))),
      ...(peer === papyros ? { target: { [rpc.name]: TARGET } } : {})
    })))
  const { nameServer, worker } = yield* Effect.orDie(deploy(false))
  const workers = yield* Effect.replicateEffect(worker, WORKERS)
  yield* Effect.orDie(Effect.forEach(workers, registered))
  const alone: Competitor = {
    name: `${PAPYROS}, from the start of its process`,
    run: timed(
      Effect.gen(function*() {
        const client = yield* node("../remote/cases/client.ts", [nameServer])
        return new Results().success(Number(yield* client.wrote(/^(\d+)$/m)))
      })
    ),
    target: { [rpc.name]: TARGET }
  }
  return {
    name: NAME,
    ...oracle(load, inc)(1),
    figures: ["time, ms"],
    warmUp: 2,
    baselines: [rpc.name],
    competitors: [...others, alone]
  } satisfies Case
})

export const start = { name: NAME, make }
