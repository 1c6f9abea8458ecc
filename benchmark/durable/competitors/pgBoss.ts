/**
 * pg-boss: jobs in a Postgres table, with a worker in the process of the program, which is the fastest place for it. The
 * results of a run are read back by one query, which pg-boss leaves to its users.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { PgBoss } from "pg-boss"
import type { CompetitorError } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import { fromPromise } from "../../harness/timeout.ts"
import { inc } from "../../remote/workload/increments.ts"
import type { Execute } from "./papyros.ts"
import { postgres } from "./postgres.ts"

/** Jobs that are inserted together, and that a worker takes and completes together. */
const BATCH = 1000
const CONCURRENCY = 2

export const name = "pg-boss"

export const settings = `one process, ${CONCURRENCY} workers of batches of ${BATCH} with burstWhenBatchFull and ` +
  `perJobResults, insert of ${BATCH}, the same Postgres`

const POLL = "5 millis"

export const open: Effect.Effect<Execute, CompetitorError, Scope.Scope> = Effect.gen(function*() {
  const url = yield* postgres
  const sql = yield* PgClient.make({ url: Redacted.make(url) }).pipe(Effect.provide(Reactivity.layer), Effect.orDie)
  const boss = yield* Effect.acquireRelease(
    fromPromise(async () => {
      const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false })
      boss.on("error", () => {})
      await boss.start()
      return boss
    }),
    (boss) => Effect.promise(() => boss.stop({ graceful: false }))
  )
  return (run, tasks) =>
    Effect.gen(function*() {
      let done = 0
      yield* fromPromise(async () => {
        await boss.createQueue(run)
        await boss.work<{ readonly n: number }, unknown, {
          readonly batchSize: number
          readonly localConcurrency: number
          readonly burstWhenBatchFull: boolean
          readonly pollingIntervalSeconds: number
          readonly perJobResults: true
        }>(run, {
          batchSize: BATCH,
          localConcurrency: CONCURRENCY,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: 0.5,
          perJobResults: true
        }, (jobs) => {
          done += jobs.length
          return Promise.resolve(
            jobs.map(({ data, id }) => ({ id, status: "completed" as const, output: { n: inc(data.n) } }))
          )
        })
        for (let n = 1; n <= tasks; n += BATCH) {
          const length = Math.min(BATCH, tasks - n + 1)
          await boss.insert(run, Array.from({ length }, (_, i) => ({ data: { n: n + i } })))
        }
      })
      yield* Effect.repeat(Effect.sleep(POLL), { until: () => done >= tasks })
      const results = sql.unsafe<{ readonly n: number }>(
        "SELECT (output->>'n')::int AS n FROM pgboss.job WHERE name = $1 AND state = 'completed'",
        [run]
      )
      const rows = yield* Effect.orDie(Effect.repeat(results, { until: (rows) => rows.length >= tasks }))
      yield* fromPromise(() => boss.offWork(run))
      const tally = new Tally()
      for (const { n } of rows) tally.success(n)
      return tally
    })
})
