/**
 * A store in a SQL database: two tables, times by the clock of the database, and the rows of an operation as one JSON
 * parameter.
 *
 * Must stay true: an operation is one statement or one transaction. Placeholders have no numbers, which the SQLite of Node
 * 22 does not bind. Outcomes travel as JSON text within JSON, so that
 * the database changes nothing in them.
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { DurableError, Incompatible, StoreFailed } from "../durableError.ts"
import { type Acquired, type PlacedRow, type Row, type RunSummary, SILENCE, type State, type Store } from "./store.ts"

export interface SqlStoreOptions {
  /** Begins the names of the tables. */
  readonly prefix: string
  /** Makes or changes the tables where needed. Else a difference is an error. */
  readonly migrate: boolean
}

const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)"

const CODES: Readonly<Record<State, number>> = { claimed: 1, succeeded: 2, failed: 3 }
const STATES: ReadonlyMap<number, State> = new Map([[1, "claimed"], [2, "succeeded"], [3, "failed"]])

// ----------------------------------------------------------------------------
// Errors
// ----------------------------------------------------------------------------

type Operation = StoreFailed["operation"]

/** The error of a statement, as that of a store. */
export const toDurableError = (operation: Operation) => (cause: SqlError): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: cause.isRetryable, cause }) })

/** What is not retryable, and no error of a statement. */
const unusable = (operation: Operation, cause: unknown): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: false, cause }) })

// ----------------------------------------------------------------------------
// Tables
// ----------------------------------------------------------------------------

const migrations = (prefix: string) => ({
  "1_create": Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql.unsafe(`CREATE TABLE ${prefix}run (
      run text NOT NULL PRIMARY KEY, owner text, owner_seen bigint NOT NULL, opened_at bigint NOT NULL, ended_at bigint
    )`)
    // An id is never used twice, so that a reader can go on from the last one that it has seen.
    yield* sql.unsafe(`CREATE TABLE ${prefix}task (
      id integer PRIMARY KEY AUTOINCREMENT, run text NOT NULL, key text NOT NULL, name text NOT NULL,
      state smallint NOT NULL, payload text, outcome text, reason text, done_at bigint NOT NULL, UNIQUE (run, key)
    )`)
  })
})

const checkTables = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, { migrate, prefix }: SqlStoreOptions) {
  const table = `${prefix}migrations`
  const steps = migrations(prefix)
  const wanted = Object.keys(steps).length
  const version = Effect.gen(function*() {
    const tables = yield* sql.unsafe("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [table])
    if (tables.length === 0) return 0
    const [row] = yield* sql.unsafe<{ readonly found: number | null }>(`SELECT max(migration_id) found FROM ${table}`)
    return row.found ?? 0
  })
  let found = yield* Effect.mapError(version, toDurableError("open"))
  if (migrate && found < wanted) {
    yield* Migrator.make({})({ loader: Migrator.fromRecord(steps), table }).pipe(
      Effect.provideService(SqlClient.SqlClient, sql),
      Effect.mapError((error) => error._tag === "SqlError" ? toDurableError("open")(error) : unusable("open", error))
    )
    found = yield* Effect.mapError(version, toDurableError("open"))
  }
  if (found !== wanted) return yield* new DurableError({ reason: new Incompatible({ found, wanted }) })
})

// ----------------------------------------------------------------------------
// The store
// ----------------------------------------------------------------------------

interface SqlRow extends Omit<PlacedRow, "state"> {
  readonly state: number
}

const toRow = (row: SqlRow): PlacedRow => ({ ...row, state: STATES.get(row.state)! })

/** The store of a client, whose tables it checks or makes. */
export const make = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  options: SqlStoreOptions
): Effect.fn.Return<Store, DurableError> {
  const dialect = sql.onDialectOrElse({ sqlite: () => undefined, orElse: () => sql.driver })
  if (dialect !== undefined) {
    return yield* unusable("open", new Error(`the SQL client ${dialect} is not supported yet, only sqlite is`))
  }
  yield* checkTables(sql, options)

  const runs = `${options.prefix}run`
  const tasks = `${options.prefix}task`
  const columns = "id, key, name, state, payload, outcome, reason"
  const reading = Effect.mapError(toDurableError("read"))
  const writing = Effect.mapError(toDurableError("write"))

  /** The number of rows that match, which are removed. */
  const remove = (condition: string, parameters: ReadonlyArray<unknown>) =>
    Effect.gen(function*() {
      const [{ count }] = yield* sql.unsafe<{ readonly count: number }>(
        `SELECT count(*) count FROM ${tasks} WHERE ${condition}`,
        parameters
      )
      yield* sql.unsafe(`DELETE FROM ${tasks} WHERE ${condition}`, parameters)
      return count
    })

  return {
    acquire: (run, owner, instead) =>
      Effect.gen(function*() {
        const taken = yield* sql.unsafe(
          `INSERT INTO ${runs} (run, owner, owner_seen, opened_at) VALUES (?, ?, ${NOW}, ${NOW})
           ON CONFLICT (run) DO UPDATE SET owner = excluded.owner, owner_seen = excluded.owner_seen, ended_at = NULL
           WHERE owner IS NULL OR owner = excluded.owner OR owner = ? OR owner_seen <= excluded.owner_seen - ${SILENCE}
           RETURNING owner`,
          [run, owner, instead ?? null]
        )
        if (taken.length > 0) {
          const rows = yield* sql.unsafe(`SELECT 1 FROM ${tasks} WHERE run = ? LIMIT 1`, [run])
          return { acquired: true, empty: rows.length === 0 } satisfies Acquired
        }
        const [other] = yield* sql.unsafe<{ readonly owner: string; readonly seen: number }>(
          `SELECT owner, owner_seen seen FROM ${runs} WHERE run = ?`,
          [run]
        )
        return { acquired: false, ...other } satisfies Acquired
      }).pipe(sql.withTransaction, writing),
    renew: (run, owner) =>
      sql.unsafe(`UPDATE ${runs} SET owner_seen = ${NOW} WHERE run = ? AND owner = ? RETURNING 1`, [run, owner]).pipe(
        Effect.map((rows) => rows.length > 0),
        writing
      ),
    release: (run, owner, ended) =>
      sql.unsafe(
        `UPDATE ${runs} SET owner = NULL, owner_seen = ${NOW}, ended_at = ${ended ? NOW : "NULL"}
         WHERE run = ? AND owner = ?`,
        [run, owner]
      ).pipe(Effect.asVoid, writing),
    lookup: (run, keys) =>
      sql.unsafe<SqlRow>(
        `SELECT ${columns} FROM ${tasks} WHERE run = ? AND key IN (SELECT value FROM json_each(?))`,
        [run, JSON.stringify(keys)]
      ).pipe(Effect.map((rows) => rows.map(toRow)), reading),
    append: (run, owner, rows) =>
      Effect.gen(function*() {
        const owned = yield* sql.unsafe(
          `UPDATE ${runs} SET owner_seen = ${NOW} WHERE run = ? AND owner = ? RETURNING 1`,
          [run, owner]
        )
        if (owned.length === 0) return false
        yield* sql.unsafe(
          `DELETE FROM ${tasks} WHERE run = ? AND key IN (SELECT value FROM json_each(?)) AND +state <> 2`,
          [run, JSON.stringify(rows.map(({ key }) => key))]
        )
        yield* sql.unsafe(
          `INSERT INTO ${tasks} (run, key, name, state, payload, outcome, reason, done_at)
           SELECT ?, value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, ${NOW} FROM json_each(?)
           WHERE true ON CONFLICT (run, key) DO NOTHING`,
          [run, JSON.stringify(rows.map(toParameter))]
        )
        return true
      }).pipe(sql.withTransaction, writing),
    list: (run, after, limit) =>
      sql.unsafe<SqlRow>(`SELECT ${columns} FROM ${tasks} WHERE run = ? AND id > ? ORDER BY id LIMIT ?`, [
        run,
        after,
        limit
      ]).pipe(Effect.map((rows) => rows.map(toRow)), reading),
    runs: sql.unsafe<RunSummary>(
      `SELECT r.run, coalesce(sum(t.state = 1), 0) claimed, coalesce(sum(t.state = 2), 0) succeeded,
         coalesce(sum(t.state = 3), 0) failed, r.opened_at "openedAt", r.ended_at "endedAt", r.owner,
         r.owner_seen "seenAt", ${NOW} - r.owner_seen "silentFor"
       FROM ${runs} r LEFT JOIN ${tasks} t ON t.run = r.run GROUP BY r.run ORDER BY r.run`
    ).pipe(reading),
    removeFailures: (run, name) =>
      remove("run = ? AND state <> 2 AND name = coalesce(?, name)", [run, name ?? null]).pipe(
        sql.withTransaction,
        writing
      ),
    removeRun: (run) =>
      remove("run = ?", [run]).pipe(
        Effect.tap(sql.unsafe(`DELETE FROM ${runs} WHERE run = ?`, [run])),
        sql.withTransaction,
        writing
      )
  }
})

const toParameter = ({ key, name, outcome, payload, reason, state }: Row): ReadonlyArray<unknown> => [
  key,
  name,
  CODES[state],
  payload,
  outcome,
  reason
]
