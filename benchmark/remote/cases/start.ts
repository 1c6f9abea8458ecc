/** The time from opening a client to its first result, while servers and workers have been running for long. */
import * as Effect from "effect/Effect"
import type { Case, Competitor } from "../../harness/model.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { PAPYROS } from "../../harness/papyros.ts"
import { startModule } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { timeToResult } from "../../harness/timing.ts"
import { bullmqs } from "../competitors/bullmq.ts"
import { deployAll, WORKERS } from "../competitors/implementation.ts"
import { awaitRegistration, deploy, papyros, papyrosTls } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { incrementsWorkload } from "../workload/increments.ts"

const NAME = "a new client's first result"
const TARGET = "at most 1,000 ms"

const make = Effect.gen(function*() {
  const competitors = yield* deployAll(
    [...bullmqs, rpc, papyros, papyrosTls],
    (implementation, { open }) =>
      Effect.sync(() => ({
        run: timeToResult(Effect.flatMap(open, (client) => client.increments(1, 1))),
        ...(implementation === papyros ? { target: { [rpc.name]: TARGET } } : {})
      }))
  )
  const { nameServer, startWorker } = yield* Effect.orDie(deploy(false))
  const workers = yield* Effect.replicateEffect(startWorker, WORKERS)
  yield* Effect.orDie(Effect.forEach(workers, awaitRegistration))
  const process: Competitor = {
    name: `${PAPYROS}, with the start of its process`,
    run: timeToResult(
      Effect.gen(function*() {
        const client = yield* startModule(moduleUrl("./client.ts", import.meta.url), [nameServer])
        return new Tally().success(Number(yield* client.waitForOutput(/^(\d+)$/m)))
      })
    ),
    target: { [rpc.name]: TARGET }
  }
  return {
    name: NAME,
    ...incrementsWorkload(1),
    metrics: ["time, ms"],
    warmUp: 2,
    baselines: [rpc.name],
    competitors: [...competitors, process]
  } satisfies Case
})

export const start = { name: NAME, make }
