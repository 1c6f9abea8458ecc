/**
 * The SQL of SQLite.
 *
 * Must stay true: placeholders have no numbers, which the SQLite of Node 22 does not bind.
 */
import { codeOf, type Dialect } from "./dialect.ts"
import type { Row } from "./store.ts"

const now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)"

export const sqliteDialect: Dialect = {
  name: "SQLite",
  withPlaceholders: (sql) => sql,
  now,
  hasTable: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE",
  // A transaction has the whole file.
  lockMigrations: undefined,
  migrationsTable: (table) =>
    `CREATE TABLE IF NOT EXISTS "${table}" (
  migration_id integer PRIMARY KEY NOT NULL,
  created_at datetime NOT NULL DEFAULT current_timestamp,
  name VARCHAR(255) NOT NULL
)`,
  versions: ({ runs, tasks }) => [{
    name: "create",
    statements: [
      `CREATE TABLE ${runs} (
  run text NOT NULL PRIMARY KEY,
  owner text,
  owner_seen bigint NOT NULL,
  opened_at bigint NOT NULL,
  ended_at bigint,
  expires_at bigint
)`,
      // An id is never used twice, so that a reader can go on from the last one that it has seen.
      `CREATE TABLE ${tasks} (
  id integer PRIMARY KEY AUTOINCREMENT,
  run text NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  state smallint NOT NULL,
  payload text,
  outcome text,
  reason text,
  done_at bigint NOT NULL,
  UNIQUE (run, key)
)`
    ]
  }],
  // A transaction begins with the lock of the database.
  locking: (select) => select,
  changing: (_tables, update) => `${update} RETURNING run`,
  lookup: ({ tasks }, columns) =>
    `SELECT ${columns} FROM ${tasks} WHERE key IN (SELECT value FROM json_each(?)) AND run = ?`,
  // With the plus, it reads in order, and does not sort all rows of the run.
  list: ({ tasks }, columns) => `SELECT ${columns} FROM ${tasks} WHERE +run = ? AND id > ? ORDER BY id LIMIT ?`,
  removeSome: ({ tasks }) => `DELETE FROM ${tasks} WHERE id IN (SELECT id FROM ${tasks} WHERE run = ? LIMIT ?)`,
  append: ({ runs, tasks }) => [
    {
      sql: `UPDATE ${runs} SET owner_seen = ${now} WHERE run = ? AND owner = ? RETURNING 1`,
      parameters: ({ owner, run }) => [run, owner]
    },
    {
      // With the plus, it finds rows by their keys.
      sql: `DELETE FROM ${tasks} WHERE run = ? AND key IN (SELECT value FROM json_each(?)) AND +state <> 2`,
      parameters: ({ rows, run }) => [run, JSON.stringify(rows.map(({ key }) => key))]
    },
    {
      sql: `INSERT INTO ${tasks} (run, key, name, state, payload, outcome, reason, done_at)
        SELECT ?, value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, ${now} FROM json_each(?)
        WHERE true ON CONFLICT (run, key) DO NOTHING`,
      parameters: ({ rows, run }) => [run, JSON.stringify(rows.map(toList))]
    }
  ]
}

const toList = ({ key, name, outcome, payload, reason, state }: Row): ReadonlyArray<unknown> => [
  key,
  name,
  codeOf(state),
  payload,
  outcome,
  reason
]
