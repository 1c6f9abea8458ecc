/**
 * A `SqlClient` over `node:sqlite`, since `@effect/sql-sqlite-node` has no release for Effect 4.1.
 *
 * Must stay true: a statement blocks the event loop while it runs, so it waits at most `LOCK_WAIT` for a lock. It is then
 * tried again in a later turn, for at most `lockTimeout`, and fails with an error that may be retried. A statement that
 * did not get its lock has changed nothing.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"

/** In milliseconds. */
const LOCK_WAIT = 50
/** Prepared statements that are kept. The store uses about ten. */
const MAX_PREPARED = 100

export interface SqliteOptions {
  readonly filename: string
  readonly synchronous: "FULL" | "NORMAL"
  /** How long a statement is tried again while the file is locked, in milliseconds. Default 0. */
  readonly lockTimeout?: number | undefined
}

/** Opens the file, which is made if it is not there. */
export const make = ({ filename, lockTimeout = 0, synchronous }: SqliteOptions): Effect.Effect<
  SqlClient.SqlClient,
  SqlError,
  Scope.Scope
> =>
  Effect.gen(function*() {
    // Loaded only here: Node 22 prints a warning when it is loaded.
    const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
    const database = yield* Effect.acquireRelease(
      attempt("open", () => new DatabaseSync(filename, { timeout: LOCK_WAIT })),
      (database) => Effect.sync(() => database.close())
    )
    const whileLocked = retryWhileLocked(lockTimeout)
    yield* whileLocked(attempt("open", () => {
      database.exec("PRAGMA journal_mode = WAL")
      database.exec(`PRAGMA synchronous = ${synchronous}`)
    }))
    const semaphore = yield* Semaphore.make(1)
    return yield* SqlClient.make({
      ...SqlClient.makeSqliteAcquirers({
        connection: Effect.succeed(connect(database, whileLocked)),
        semaphore,
        isTransaction: () => database.isTransaction
      }),
      compiler: Statement.makeCompilerSqlite(),
      driver: "papyros-sqlite",
      beginTransaction: "BEGIN IMMEDIATE",
      prepareTransactionControls: true,
      releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
      spanAttributes: [["db.system.name", "sqlite"]]
    })
  }).pipe(Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make))

type WhileLocked = <A>(statement: Effect.Effect<A, SqlError>) => Effect.Effect<A, SqlError>

/** The pause before a statement is tried again, in milliseconds. */
const LOCK_PAUSE = 10

const retryWhileLocked = (timeout: number): WhileLocked =>
  timeout === 0 ? (statement) => statement : Effect.retry({
    while: ({ reason }) => reason._tag === "LockTimeoutError",
    schedule: Schedule.upTo(Schedule.jittered(Schedule.spaced(LOCK_PAUSE)), { duration: timeout })
  })

const connect = (database: DatabaseSync, whileLocked: WhileLocked): Connection => {
  const prepared = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    let statement = prepared.get(sql)
    if (statement === undefined) {
      if (prepared.size === MAX_PREPARED) prepared.clear()
      prepared.set(sql, statement = database.prepare(sql))
    }
    return statement
  }
  const run = (
    makeStatement: (sql: string) => StatementSync,
    sql: string,
    params: ReadonlyArray<unknown>,
    form: { readonly arrays?: boolean; readonly raw?: boolean }
  ) =>
    Effect.contextWith((context: Context.Context<never>) =>
      whileLocked(attempt("execute", (): any => {
        const statement = makeStatement(sql)
        statement.setReadBigInts(Context.get(context, SqlClient.SafeIntegers))
        statement.setReturnArrays(form.arrays === true)
        const values = params.map(toInput)
        if (statement.columns().length > 0) return statement.all(...values)
        const changes = statement.run(...values)
        return form.raw === true ? changes : []
      }))
    )
  const once = (sql: string) => database.prepare(sql)
  return {
    execute: (sql, params, transform) => transformed(run(prepare, sql, params, {}), transform),
    executeRaw: (sql, params) => run(prepare, sql, params, { raw: true }),
    executeValues: (sql, params) => run(prepare, sql, params, { arrays: true }),
    executeValuesUnprepared: (sql, params) => run(once, sql, params, { arrays: true }),
    executeUnprepared: (sql, params, transform) => transformed(run(once, sql, params, {}), transform),
    executeStream: (sql, params, transform) =>
      Stream.fromIterableEffect(transformed(run(prepare, sql, params, {}), transform))
  }
}

type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const transformed = (rows: Effect.Effect<ReadonlyArray<any>, SqlError>, transform: Transform) =>
  transform === undefined ? rows : Effect.map(rows, transform)

const toInput = (value: unknown): SQLInputValue =>
  typeof value === "boolean" ? Number(value) : value instanceof Date ? value.toISOString() : value as SQLInputValue

/** Errors of `node:sqlite` have their number in `errcode`, which Effect looks for in `errno`. */
const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, SqlError> =>
  Effect.try({
    try: run,
    catch: (cause) => {
      const error = cause instanceof Error && "errcode" in cause
        ? Object.assign(cause, { errno: cause.errcode })
        : cause
      const message = cause instanceof Error ? cause.message : String(cause)
      const reason = classifySqliteError(error, { message, operation })
      // A file that cannot be opened is not out of reach for a while: its folder is missing, or it is none.
      return new SqlError({
        reason: reason._tag === "ConnectionError" ? new UnknownError({ cause: error, message, operation }) : reason
      })
    }
  })
