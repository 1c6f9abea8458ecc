/** The stores of durable runs, for tests that hold on each. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Durable from "papyros/Durable"
import * as DurablePostgres from "papyros/DurablePostgres"
import type { StoreSubject } from "papyros/testing"
import * as MemoryStore from "../../../src/internal/durable/memoryStore.ts"
import * as PostgresStore from "../../../src/internal/durable/postgresStore.ts"
import * as SqliteClient from "../../../src/internal/durable/sqliteClient.ts"
import * as SqlStore from "../../../src/internal/durable/sqlStore.ts"
import { effort } from "../effort.ts"
import { isAvailable } from "../postgres/binaries.ts"
import * as Postgres from "../postgres/shared.ts"

/** The path of a file in a directory of its own, which is removed with the scope. */
export const temporaryFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-durable-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  ),
  (path) => join(path, "runs.db")
)

const openSqlite = (filename: string) =>
  Effect.flatMap(SqliteClient.make({ filename, synchronous: "NORMAL" }), (sql) => SqlStore.make(sql, {}))

const openPostgres = (prefix: string) =>
  Effect.gen(function*() {
    const url = Redacted.make(yield* Postgres.url)
    const sql = yield* Effect.provide(PgClient.make({ url, maxConnections: 4 }), Reactivity.layer)
    return { sql, store: yield* PostgresStore.make(sql, { prefix }) }
  })

/** Executes one statement on a database. */
export const onPostgres = (url: string, statement: string) =>
  Effect.provide(PgClient.make({ url: Redacted.make(url) }), Reactivity.layer).pipe(
    Effect.flatMap((sql) => sql.unsafe(statement)),
    Effect.scoped,
    Effect.orDie
  )

/** The URL of a database of its own, which is removed with the scope. */
export const emptyDatabase = Effect.gen(function*() {
  const url = new URL(yield* Postgres.url)
  const shared = url.href
  url.pathname = `/${Postgres.freshPrefix()}db`
  const name = url.pathname.slice(1)
  yield* Effect.acquireRelease(
    onPostgres(shared, `CREATE DATABASE ${name}`),
    () => onPostgres(shared, `DROP DATABASE ${name} WITH (FORCE)`)
  )
  return url.href
})

/** A prefix for tables, which are removed with the scope. */
export const freshTables = Effect.acquireRelease(
  Effect.sync(Postgres.freshPrefix),
  (prefix) =>
    Effect.flatMap(
      Postgres.url,
      (url) => onPostgres(url, `DROP TABLE IF EXISTS ${prefix}run, ${prefix}task, ${prefix}migrations`)
    )
)

/** Stores that are opened twice, for two clients. */
export const stores: Readonly<Record<string, StoreSubject>> = {
  memory: { open: Effect.map(Effect.sync(MemoryStore.make), (store) => [store, store]), effort: effort(1) },
  sqlite: {
    open: Effect.flatMap(temporaryFile, (file) => Effect.all([openSqlite(file), openSqlite(file)])),
    effort: effort(0.5)
  },
  ...(isAvailable
    ? {
      postgres: {
        open: Effect.flatMap(freshTables, (prefix) =>
          Effect.map(
            Effect.all([openPostgres(prefix), openPostgres(prefix)]),
            (opened) => [opened[0].store, opened[1].store] as const
          )),
        effort: effort(0.1, 2)
      }
    }
    : {})
}

const postgresLayer = Layer.unwrap(Effect.gen(function*() {
  const prefix = yield* freshTables
  return DurablePostgres.layer({ url: Redacted.make(yield* Postgres.url), prefix, maxConnections: 4 })
}))

export const layers: Readonly<Record<string, Layer.Layer<Durable.Durable, Durable.DurableError, Scope.Scope>>> = {
  memory: Durable.layerMemory,
  sqlite: Layer.unwrap(Effect.map(temporaryFile, (filename) => Durable.layerSqlite({ filename }))),
  ...(isAvailable ? { Postgres: postgresLayer } : {})
}
