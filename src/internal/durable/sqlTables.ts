/**
 * The tables of a store in a SQL database: makes them, brings them to the version of this papyros, or checks them.
 *
 * Must stay true: programs that open a database at the same time make its tables once, and the SQL that is printed does
 * the same as the migration.
 */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import { DurableError, Incompatible } from "../durableError.ts"
import type { Dialect, Tables } from "./dialect.ts"
import { inTransaction, toDurableError } from "./sqlError.ts"

const migrationsOf = ({ prefix }: Tables): string => `${prefix}migrations`

/** The statements that bring tables of a version to the newest one. */
const steps = (dialect: Dialect, tables: Tables, from: number): ReadonlyArray<string> => {
  const table = migrationsOf(tables)
  return dialect.versions(tables).slice(from).flatMap(({ name, statements }, index) => [
    ...statements,
    `INSERT INTO "${table}" (migration_id, name) VALUES (${from + index + 1}, '${name}')`
  ])
}

/** Makes or changes the tables where needed and allowed. Fails with `Incompatible` if they are not those of this version. */
export const open = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  dialect: Dialect,
  tables: Tables,
  migrate: boolean
): Effect.fn.Return<void, DurableError> {
  const table = migrationsOf(tables)
  const wanted = dialect.versions(tables).length
  const run = (statement: string, ...parameters: ReadonlyArray<unknown>) =>
    sql.unsafe<{ readonly found: number | null }>(dialect.withPlaceholders(statement), parameters).withoutTransform
  const latest = Effect.map(run(`SELECT max(migration_id) AS found FROM "${table}"`), ([{ found }]) => found ?? 0)
  const version = Effect.flatMap(run(dialect.hasTable, table), (rows) => rows.length === 0 ? Effect.succeed(0) : latest)
  const migration = Effect.gen(function*() {
    if (dialect.lockMigrations !== undefined) yield* run(dialect.lockMigrations)
    yield* run(dialect.migrationsTable(table))
    // Another program may have been faster.
    for (const statement of steps(dialect, tables, yield* latest)) yield* run(statement)
  })
  const found = yield* Effect.gen(function*() {
    const found = yield* version
    if (!migrate || found >= wanted) return found
    yield* inTransaction(sql, migration)
    return yield* version
  }).pipe(Effect.mapError(toDurableError("open")))
  if (found !== wanted) return yield* new DurableError({ reason: new Incompatible({ found, wanted }) })
})

/** The SQL that makes the tables, for databases where a program may not make them. */
export const script = (dialect: Dialect, tables: Tables): string =>
  ["BEGIN", dialect.migrationsTable(migrationsOf(tables)), ...steps(dialect, tables, 0), "COMMIT"]
    .map((statement) => `${statement};\n`)
    .join("")
