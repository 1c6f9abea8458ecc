/**
 * The SQL of a store that depends on the database, so that all else is written once. In all SQL, `?` stands for a
 * parameter.
 *
 * Must stay true: an operation has the same parameters in every dialect. Names of tables are quoted.
 */
import type { Row, State } from "./store.ts"

/** The quoted names of the tables. */
export interface Tables {
  readonly prefix: string
  readonly runs: string
  readonly tasks: string
}

const PREFIX = "papyros_"

/** Names of tables have at most 63 bytes in Postgres. */
const MAX_PREFIX = 40

/** A prefix that cannot begin a name is a defect. */
export const tablesOf = (prefix: string = PREFIX): Tables => {
  if (!/^[a-z_][a-z0-9_]*$/i.test(prefix) || prefix.length > MAX_PREFIX) {
    throw new RangeError(
      `prefix must consist of at most ${MAX_PREFIX} letters, digits and _, got ${JSON.stringify(prefix)}`
    )
  }
  return { prefix, runs: `"${prefix}run"`, tasks: `"${prefix}task"` }
}

export interface Dialect {
  readonly name: "SQLite" | "Postgres"
  /** The SQL with the placeholders of the database. */
  readonly withPlaceholders: (sql: string) => string
  /** The time by the clock of the database, in milliseconds. */
  readonly now: string
  /** Gives a row if there is a table with the name that is its parameter. */
  readonly hasTable: string
  /** The first statement of the transaction in which the tables are made. */
  readonly lockMigrations: string | undefined
  /** Makes the table of migrations, the one of `effect/sql/Migrator`, if it is missing. */
  readonly migrationsTable: (table: string) => string
  /** The statements of each version of the tables, from the first. */
  readonly versions: (tables: Tables) => ReadonlyArray<Version>
  /** A `SELECT` that locks its rows until the end of the transaction. */
  readonly locking: (select: string) => string
  /** An `UPDATE` of runs that tells those that wait for changes, and gives a row for each run that it changed. */
  readonly changing: (tables: Tables, update: string) => string
  /** The columns of the rows that have these keys. Parameters: the keys as JSON, the run. */
  readonly lookup: (tables: Tables, columns: string) => string
  /** The columns of the rows of a run after a place, in their order. Parameters: the run, the place, how many. */
  readonly list: (tables: Tables, columns: string) => string
  /** Removes some rows of a run. Parameters: the run, how many. */
  readonly removeSome: (tables: Tables) => string
  /**
   * The statements that store rows, in one transaction. The first one gives no row, and the others do not run, if the
   * owner is not the owner.
   */
  readonly append: (tables: Tables) => ReadonlyArray<Statement<Appended>>
}

interface Version {
  readonly name: string
  readonly statements: ReadonlyArray<string>
}

/** SQL, and its parameters, which are made of the arguments of the operation. */
export interface Statement<A> {
  readonly sql: string
  readonly parameters: (given: A) => ReadonlyArray<unknown>
}

export interface Appended {
  readonly run: string
  readonly owner: string
  readonly rows: ReadonlyArray<Row>
}

// ----------------------------------------------------------------------------
// States
// ----------------------------------------------------------------------------

const CODES: Readonly<Record<State, number>> = { claimed: 1, succeeded: 2, failed: 3 }
const STATES: ReadonlyMap<number, State> = new Map([[1, "claimed"], [2, "succeeded"], [3, "failed"]])

export const codeOf = (state: State): number => CODES[state]
export const stateOf = (code: number): State => STATES.get(code)!
