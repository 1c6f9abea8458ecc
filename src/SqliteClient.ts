/**
 * A `SqlClient` on a file, for the modules of Effect that keep something in a database: it is the runner storage of a
 * cluster whose runners are on one host, with no server. It uses `node:sqlite`, because `@effect/sql-sqlite-node` has no
 * release for Effect 4.1.
 *
 * Several processes of one host can use one file. The file must be on a local disk.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { make } from "./internal/durable/sqliteClient.ts"
import { millisOption } from "./internal/options.ts"

/**
 * Opens the file, which is made if it does not exist, in WAL mode.
 *
 * **Details**
 *
 * Fails with `SqlError` if the file cannot be opened. Each statement blocks the event loop while it runs; while another
 * process has the lock, the event loop is blocked for at most 50 milliseconds at a time.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  /** The path of the file. `":memory:"`: a database in memory, of this Layer alone. */
  readonly filename: string
  /**
   * Whether each transaction waits for the disk. `"NORMAL"`: the latest transactions may be lost when the host loses
   * power, and never when the process ends. Default `"FULL"`.
   */
  readonly synchronous?: "FULL" | "NORMAL" | undefined
  /**
   * The longest wait for the lock of another process; after that the statement fails with `SqlError`. Default 5 seconds.
   */
  readonly lockTimeout?: Duration.Input | undefined
}): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.effect(SqlClient.SqlClient)(Effect.suspend(() =>
    make({
      filename: options.filename,
      synchronous: options.synchronous ?? "FULL",
      lockTimeout: millisOption("lockTimeout", options.lockTimeout) ?? 5000
    })
  ))
