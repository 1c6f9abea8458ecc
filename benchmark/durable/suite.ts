/**
 * The suite of durable runs: outcomes that are kept in a file or in Postgres, against queues that keep theirs. Tasks cost
 * nothing, so that the figures are those of keeping their outcomes.
 */
import type { Suite } from "../harness/model.ts"
import { packageVersion } from "../harness/versions.ts"
import { durableBullmqs, TUNING } from "../remote/competitors/bullmq.ts"
import * as Redis from "../remote/competitors/redis.ts"
import { first, resumed } from "./cases/runs.ts"
import { stores } from "./competitors/papyros.ts"
import * as PgBoss from "./competitors/pgBoss.ts"
import * as Postgres from "./competitors/postgres.ts"

const packages = ["effect", "@effect/sql-pg", "bullmq", "ioredis", "pg-boss"]

const servers = [
  `redis ${Redis.version() ?? "not found"}`,
  `Postgres ${Postgres.version() ?? "not found"}`
]

export const suite: Suite = {
  name: "durable",
  clock: "wall",
  settings: {
    versions: [...packages.map(packageVersion), ...Object.entries(servers).map((parts) => parts.join(" "))].join(
      ", "
    ),
    postgres: `default settings and ${Postgres.SETTINGS.join(", ")}: each commit waits for the disk`,
    bullmq: TUNING,
    ...Object.fromEntries([...stores, ...durableBullmqs, PgBoss].map(({ name, settings }) => [name, settings]))
  },
  cases: [first, resumed]
}
