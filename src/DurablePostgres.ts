/**
 * Durable runs in a Postgres database, for programs on several hosts: Layers of `papyros/Durable` on `@effect/sql-pg`,
 * which must be installed beside papyros.
 *
 * While Postgres restarts or cannot be reached, nothing fails: an execution waits, and stores its outcomes when the
 * database is back.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import * as Durable from "./Durable.ts"
import * as DatabaseUrl from "./internal/durable/databaseUrl.ts"
import * as PostgresStore from "./internal/durable/postgresStore.ts"
import { toDurableError, unusable } from "./internal/durable/sqlError.ts"
import type { SqlStoreOptions } from "./internal/durable/sqlStore.ts"

// ----------------------------------------------------------------------------
// Layers
// ----------------------------------------------------------------------------

/**
 * The options of `layer`: those of the tables, and all of the pool of `@effect/sql-pg`, such as `ssl`, `maxConnections`
 * and `prepare`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends SqlStoreOptions, Omit<PgClient.PgPoolConfig, "url"> {
  /**
   * `postgres://user:password@host:port/database`, percent-encoded. Its parameter `sslmode` may be `disable`, `prefer`,
   * `require`, `verify-ca` or `verify-full`; the last three all check the certificate.
   */
  readonly url: Redacted.Redacted
}

/** The largest row: the text of a JavaScript string. */
const MAX_MESSAGE = 2 ** 29

const failed = (message: string) => Effect.fail(unusable("open", new Error(message)))

const connect = (options: Options) => {
  // An error of the client would repeat the URL.
  if (DatabaseUrl.parse(options.url).kind !== "postgres") {
    return failed("the URL of the database is not of the form postgres://user:password@host:port/database")
  }
  const config: PgClient.PgPoolConfig = {
    applicationName: "papyros",
    keepAlive: Duration.seconds(10),
    maxMessageSize: MAX_MESSAGE,
    ...options
  }
  return Effect.provide(Effect.mapError(PgClient.make(config), toDurableError("open")), Reactivity.layer)
}

/**
 * Keeps outcomes in a Postgres database, in two tables, which it makes.
 *
 * **Details**
 *
 * Fails with `DurableError` if the database cannot be reached for 30 seconds, or refuses the user. Later it waits for a
 * database that is away, without an error. `Durable.outcomes` with `follow`, and a program that waits for a run, are
 * notified by the database (`LISTEN`), which takes a connection, and look twice a second all the same.
 *
 * **Gotchas**
 *
 * Behind a pooler of transactions, such as PgBouncer, there are no notifications. If it does not keep prepared statements,
 * set `prepare: false`.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Durable.Durable, Durable.DurableError> =>
  Durable.layerStore(Effect.flatMap(connect(options), (sql) => PostgresStore.make(sql, options)))

/**
 * Keeps outcomes in the database of your own `PgClient`, which must have a pool of at least two connections.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options: SqlStoreOptions = {}
): Layer.Layer<Durable.Durable, Durable.DurableError, PgClient.PgClient> =>
  Durable.layerStore(Effect.flatMap(PgClient.PgClient, (sql) => PostgresStore.make(sql, options)))

/**
 * Keeps outcomes in the database that the variable `PAPYROS_DATABASE` names: the URL of a Postgres database, or the path
 * of a SQLite file.
 *
 * **Details**
 *
 * The call reads the variable and removes it from the environment, so that no thread and no child process inherits it,
 * those of other Layers included. The Layer may be built several times. A second call does not find the variable.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (options: SqlStoreOptions = {}): Layer.Layer<Durable.Durable, Durable.DurableError> => {
  const text = DatabaseUrl.fromEnvironment()
  return Option.isNone(text)
    ? Layer.unwrap(failed(`the variable ${DatabaseUrl.VARIABLE} is not set`))
    : layerOf(DatabaseUrl.parse(text.value), options)
}

const layerOf = (
  name: DatabaseUrl.DatabaseName,
  options: SqlStoreOptions
): Layer.Layer<Durable.Durable, Durable.DurableError> => {
  switch (name.kind) {
    case "postgres":
      return layer({ ...options, url: name.url })
    case "file":
      return Durable.layerSqlite({ ...options, filename: name.filename })
    case "unknown":
      return Layer.unwrap(
        failed(`the variable ${DatabaseUrl.VARIABLE} is neither a URL postgres://… nor the path of a file`)
      )
  }
}
