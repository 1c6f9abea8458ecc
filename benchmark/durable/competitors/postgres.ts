/** A Postgres server for one case, as it is configured by default but for its memory. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { binaries } from "../../../test/support/postgres/binaries.ts"
import * as Server from "../../../test/support/postgres/server.ts"
import { CompetitorError } from "../../harness/model.ts"

export const SETTINGS = ["shared_buffers = 256MB", "max_wal_size = 4GB"]

/** `undefined` without a server. */
export const version = (): string | undefined => {
  if (binaries === undefined) return undefined
  const { stdout } = spawnSync(join(binaries, "postgres"), ["--version"], { encoding: "utf8" })
  return /\) (\S+)/.exec(stdout)?.[1]
}

/** Starts a server, and returns the URL of a database. */
export const postgres: Effect.Effect<string, CompetitorError, Scope.Scope> = Effect.suspend(() =>
  binaries === undefined
    ? Effect.fail(new CompetitorError({ message: "no Postgres server: apt-get install postgresql" }))
    : Effect.map(Server.makeWith(SETTINGS), ({ url }) => url)
)
