/**
 * A store in a SQL database: two tables, times by the clock of the database, and the rows of an operation as one JSON
 * parameter. `dialect.ts` has the SQL that depends on the database.
 *
 * Must stay true: an operation is one statement or one transaction. Outcomes travel as JSON text within JSON, so that the
 * database changes nothing in them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { DurableError } from "../durableError.ts"
import { type Appended, type Dialect, type Statement, stateOf, tablesOf } from "./dialect.ts"
import { postgresDialect } from "./postgresDialect.ts"
import { inTransaction, toDurableError, unusable } from "./sqlError.ts"
import { sqliteDialect } from "./sqliteDialect.ts"
import * as Tables from "./sqlTables.ts"
import { type Acquired, type PlacedRow, type RunSummary, SILENCE, type Store } from "./store.ts"

/** The dialect of a client. */
const dialectOf = (sql: SqlClient.SqlClient): Effect.Effect<Dialect, DurableError> => {
  const dialect: Dialect | undefined = sql.onDialectOrElse({
    sqlite: () => sqliteDialect,
    pg: () => postgresDialect,
    orElse: () => undefined
  })
  return dialect === undefined
    ? Effect.fail(unusable("open", new Error(`the client ${sql.driver} is for neither SQLite nor Postgres`)))
    : Effect.succeed(dialect)
}

const withinTransaction = () =>
  new Error(
    "A durable run cannot be used within a transaction of the client that keeps it: what is stored would be undone with " +
      "the transaction. Use the run outside of it, or give the run a client of its own."
  )

interface SqlRow extends Omit<PlacedRow, "state"> {
  readonly state: number
}

const toRow = (row: SqlRow): PlacedRow => ({ ...row, state: stateOf(row.state) })

/** Integers as numbers: clients give those of 64 bits as text or bigints. */
const number = (sql: string) => `CAST(${sql} AS double precision)`

const COLUMNS = `${number("id")} AS id, key, name, state, payload, outcome, reason`

export interface SqlStoreOptions {
  /** Begins the names of the tables: at most 40 letters, digits and `_`, not a digit first. Default `papyros_`. */
  readonly prefix?: string | undefined
  /**
   * Makes the tables, or brings them to the version of this papyros. `false`: a difference is a `DurableError` with the
   * reason `Incompatible`. Default `true`.
   */
  readonly migrate?: boolean | undefined
}

/** The store of a client, whose tables it checks or makes. */
export const make = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  { migrate = true, prefix }: SqlStoreOptions
): Effect.fn.Return<Store, DurableError> {
  const tables = tablesOf(prefix)
  const dialect = yield* dialectOf(sql)
  yield* Tables.open(sql, dialect, tables, migrate)

  const { runs, tasks } = tables
  const { now } = dialect
  const reading = Effect.mapError(toDurableError("read"))
  const writing = Effect.mapError(toDurableError("write"))
  const transaction = <A>(statements: Effect.Effect<A, SqlError>) => inTransaction(sql, statements)

  /** Refuses a transaction of the program: a rollback would undo outcomes after they were delivered. */
  const outside = <A>(operation: Effect.Effect<A, DurableError>) =>
    Effect.contextWith((context: Context.Context<never>) =>
      Context.getOrUndefined(context, sql.transactionService) === undefined
        ? operation
        : Effect.die(withinTransaction())
    )

  /** A query whose columns keep their names, also where the client transforms names. */
  const query = <A extends object>(text: string) => {
    const withPlaceholders = dialect.withPlaceholders(text)
    return (...parameters: ReadonlyArray<unknown>) => sql.unsafe<A>(withPlaceholders, parameters).withoutTransform
  }

  const take = query<{ readonly expired: number }>(
    `INSERT INTO ${runs} (run, owner, owner_seen, opened_at) VALUES (?, ?, ${now}, ${now})
     ON CONFLICT (run) DO UPDATE SET owner = excluded.owner, owner_seen = excluded.owner_seen, ended_at = NULL,
       expires_at = CASE WHEN ${runs}.expires_at <= ${now} THEN ${runs}.expires_at END
     WHERE ${runs}.owner IS NULL OR ${runs}.owner = excluded.owner OR ${runs}.owner = ?
       OR ${runs}.owner_seen <= excluded.owner_seen - ${SILENCE}
     RETURNING CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END AS expired`
  )
  const someTask = query(`SELECT 1 FROM ${tasks} WHERE run = ? LIMIT 1`)
  const ownerOf = query<{ readonly owner: string; readonly seen: number }>(
    `SELECT owner, ${number("owner_seen")} AS seen FROM ${runs} WHERE run = ?`
  )
  const renew = query(dialect.changing(tables, `UPDATE ${runs} SET owner_seen = ${now} WHERE run = ? AND owner = ?`))
  const release = (expiresAt: string) =>
    query(dialect.changing(
      tables,
      `UPDATE ${runs} SET owner = NULL, owner_seen = ${now}, ${expiresAt} WHERE run = ? AND owner = ?`
    ))
  const releases = {
    open: release("ended_at = NULL"),
    ended: release(`ended_at = ${now}`),
    expiring: release(`ended_at = ${now}, expires_at = ${now} + CAST(? AS bigint)`)
  }
  const lookup = query<SqlRow>(dialect.lookup(tables, COLUMNS))
  const [own, ...writes] = dialect.append(tables).map(({ parameters, sql }: Statement<Appended>) => {
    const run = query(sql)
    return (given: Appended) => run(...parameters(given))
  })
  const list = query<SqlRow>(dialect.list(tables, COLUMNS))
  const countOf = (state: number) => number(`count(CASE WHEN t.state = ${state} THEN 1 END)`)
  const summaries = query<RunSummary>(
    `SELECT r.run, ${countOf(1)} AS claimed, ${countOf(2)} AS succeeded, ${countOf(3)} AS failed,
       ${number("r.opened_at")} AS "openedAt", ${number("r.ended_at")} AS "endedAt", r.owner,
       ${number("r.expires_at")} AS "expiresAt", ${number("r.owner_seen")} AS "seenAt",
       ${number(`${now} - r.owner_seen`)} AS "silentFor"
     FROM ${runs} r LEFT JOIN ${tasks} t ON t.run = r.run GROUP BY r.run ORDER BY r.run`
  )
  const expired = query<{ readonly run: string }>(
    `SELECT run FROM ${runs} WHERE expires_at <= ${now} ORDER BY expires_at`
  )

  const countFailures = query<{ readonly count: number }>(
    `SELECT ${number("count(*)")} AS count FROM ${tasks} WHERE run = ? AND state <> 2 AND name = coalesce(?, name)`
  )
  const removeFailures = query(
    `DELETE FROM ${tasks} WHERE run = ? AND state <> 2 AND name = coalesce(?, name)`
  )
  const removeSome = query(`${dialect.removeSome(tables)} RETURNING 1`)
  const removeRun = query(`DELETE FROM ${runs} WHERE run = ?`)

  const lock = query<{ readonly owner: string | null }>(dialect.locking(`SELECT owner FROM ${runs} WHERE run = ?`))
  /** Removes rows for the owner. The row of the run is locked first, as by `append`. */
  const removing = (run: string, owner: string, remove: Effect.Effect<number, SqlError>) =>
    Effect.gen(function*() {
      const [locked] = yield* lock(run)
      if (locked === undefined) return 0
      if (locked.owner !== owner) return undefined
      yield* renew(run, owner)
      return yield* remove
    }).pipe(transaction, writing)

  return {
    acquire: (run, owner, instead) =>
      Effect.gen(function*() {
        const [taken] = yield* take(run, owner, instead ?? null)
        if (taken !== undefined) {
          const empty = (yield* someTask(run)).length === 0
          return { acquired: true, empty, expired: taken.expired === 1 } satisfies Acquired
        }
        const [other] = yield* ownerOf(run)
        return { acquired: false, ...other } satisfies Acquired
      }).pipe(transaction, writing, outside),
    renew: (run, owner) => Effect.map(renew(run, owner), (rows) => rows.length > 0).pipe(writing),
    release: (run, owner, end) =>
      Effect.asVoid(
        end === undefined
          ? releases.open(run, owner)
          : end.keep === undefined
          ? releases.ended(run, owner)
          : releases.expiring(end.keep, run, owner)
      ).pipe(writing),
    lookup: (run, keys) => Effect.map(lookup(JSON.stringify(keys), run), (rows) => rows.map(toRow)).pipe(reading),
    append: (run, owner, rows) => {
      const given = { run, owner, rows }
      const owned = Effect.map(own(given), (rows) => rows.length > 0)
      if (writes.length === 0) return outside(writing(owned))
      const all = Effect.tap(
        owned,
        (owned) => owned ? Effect.forEach(writes, (write) => write(given), { discard: true }) : Effect.void
      )
      return outside(writing(transaction(all)))
    },
    list: (run, after, limit) => Effect.map(list(run, after, limit), (rows) => rows.map(toRow)).pipe(reading),
    runs: reading(Effect.suspend(() => summaries())),
    expired: reading(Effect.map(Effect.suspend(() => expired()), (rows) => rows.map(({ run }) => run))),
    removeFailures: (run, owner, name) => {
      const remove = Effect.gen(function*() {
        const [{ count }] = yield* countFailures(run, name ?? null)
        yield* removeFailures(run, name ?? null)
        return count
      })
      return removing(run, owner, remove)
    },
    removeRun: (run, owner, limit) => {
      const remove = Effect.gen(function*() {
        const removed = yield* removeSome(run, limit)
        if (removed.length < limit) yield* removeRun(run)
        return removed.length
      })
      return removing(run, owner, remove)
    }
  }
})
