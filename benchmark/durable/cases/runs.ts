/** n + 1 in a durable run: executed for the first time, and again when all of its outcomes are stored. */
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import type { Baseline, Case, Competitor, CompetitorError } from "../../harness/model.ts"
import { durableBullmqs } from "../../remote/competitors/bullmq.ts"
import { deployAll } from "../../remote/competitors/implementation.ts"
import { incrementsWorkload } from "../../remote/workload/increments.ts"
import { type Execute, stores } from "../competitors/papyros.ts"
import * as PgBoss from "../competitors/pgBoss.ts"

const BEST = "the best peer"
const SQLITE = stores[0].name

const best: Baseline = { name: BEST, bestOf: [...durableBullmqs.map(({ name }) => name), PgBoss.name] }

const FIRST = 50_000
const PEER = 5000
const RESUMED = 100_000

/** Makes a competitor of what can be opened. The other fails in its own row. */
const opened = (
  { name, open }: Pick<typeof stores[number], "name" | "open">,
  toCompetitor: (execute: Execute) => Effect.Effect<Omit<Competitor, "name">, CompetitorError>
) =>
  Effect.match(Effect.flatMap(open, toCompetitor), {
    onFailure: (error): Competitor => ({ name, run: Effect.fail(error) }),
    onSuccess: (competitor): Competitor => ({ name, ...competitor })
  })

export const first = {
  name: "n + 1, first run",
  make: Effect.gen(function*() {
    const own = yield* Effect.forEach(stores, (store) =>
      opened(store, (execute) =>
        Effect.succeed({
          run: Effect.suspend(() => execute(randomUUID(), FIRST)),
          target: { [BEST]: "at least 2", [SQLITE]: "at least 25,000 tasks/s" }
        })))
    const bullmq = yield* deployAll(
      durableBullmqs,
      (_, { open }) =>
        Effect.map(open, (client) => ({ workload: incrementsWorkload(PEER), run: client.increments(PEER, 1) }))
    )
    const pgBoss = yield* opened(PgBoss, (execute) =>
      Effect.succeed({
        workload: incrementsWorkload(PEER),
        run: Effect.suspend(() => execute(randomUUID(), PEER))
      }))
    return {
      name: "n + 1, first run",
      ...incrementsWorkload(FIRST),
      baselines: [best, SQLITE],
      competitors: [...own, ...bullmq, pgBoss]
    } satisfies Case
  })
}

export const resumed = {
  name: "n + 1, all outcomes stored",
  make: Effect.gen(function*() {
    const competitors = yield* Effect.forEach(
      stores,
      (store) =>
        opened(store, (execute) =>
          Effect.as(execute("resumed", RESUMED), {
            run: execute("resumed", RESUMED),
            target: { [SQLITE]: "at least 50,000 tasks/s" }
          }))
    )
    return {
      name: "n + 1, all outcomes stored",
      ...incrementsWorkload(RESUMED),
      baselines: [SQLITE],
      competitors
    } satisfies Case
  })
}
