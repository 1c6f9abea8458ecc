/**
 * The operations of a store of durable runs, and nothing else: keys, encodings, resuming and ownership by time are
 * above it. Each takes and gives many rows.
 *
 * Must stay true of every store: an operation that fails has done nothing or all, and may be repeated; an outcome that
 * is a success never changes; only the owner of a run writes or removes its rows. All text is well-formed Unicode without U+0000.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { DurableError } from "../durableError.ts"

/** The owner of a run is gone if it was silent for so long, in milliseconds. */
export const SILENCE = 8000

/** `claimed`: a task that must not start twice was handed to the dispatcher. */
export type State = "claimed" | "succeeded" | "failed"

/** The row of one task in a run. */
export interface Row {
  readonly key: string
  /** The name of the task. */
  readonly name: string
  readonly state: State
  /** The JSON of its payload. Only with failures. */
  readonly payload: string | null
  /** The JSON of its result or failure. */
  readonly outcome: string | null
  /** The tag of the reason of its failure, for people. */
  readonly reason: string | null
}

/** A row with its place in the order in which the rows of a run were stored. */
export interface PlacedRow extends Row {
  readonly id: number
}

/** How `acquire` ended. */
export type Acquired =
  /** `empty`: the run has no row. `expired`: it was kept as long as it was to be, and its rows no longer count. */
  | { readonly acquired: true; readonly empty: boolean; readonly expired: boolean }
  /** Another owner has it. `seen` grows with each sign of life of that owner. */
  | { readonly acquired: false; readonly owner: string; readonly seen: number }

/** A run and its rows, counted. Times in milliseconds since 1970, by the clock of the store. */
export interface RunSummary {
  readonly run: string
  readonly claimed: number
  readonly succeeded: number
  readonly failed: number
  readonly openedAt: number
  readonly endedAt: number | null
  /** When its rows no longer count, if it is not kept without a limit. */
  readonly expiresAt: number | null
  /** The owner that was seen last, if it has not released the run. */
  readonly owner: string | null
  /** When a program had it last. */
  readonly seenAt: number
  /** How long ago that was, in milliseconds. */
  readonly silentFor: number
}

export interface Store {
  /**
   * Makes `owner` the owner of a run, if the run has none, or `instead`, or one that was silent for `SILENCE`. A run
   * that is not there is made. A run that has not expired does not expire while it has an owner.
   */
  readonly acquire: (run: string, owner: string, instead: string | undefined) => Effect.Effect<Acquired, DurableError>
  /** A sign of life. Whether the owner still is the owner. */
  readonly renew: (run: string, owner: string) => Effect.Effect<boolean, DurableError>
  /**
   * Gives the run up, if the owner has it. `end`: every task of its source has its outcome, and the run expires after so
   * many milliseconds, or never.
   */
  readonly release: (
    run: string,
    owner: string,
    end: { readonly keep: number | undefined } | undefined
  ) => Effect.Effect<void, DurableError>
  /** The rows of a run that have these keys. */
  readonly lookup: (run: string, keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Row>, DurableError>
  /**
   * Stores rows with different keys, which replace claims and failures of the same keys, but no success. `false`, and
   * nothing is stored, if `owner` is not the owner. It is a sign of life.
   */
  readonly append: (run: string, owner: string, rows: ReadonlyArray<Row>) => Effect.Effect<boolean, DurableError>
  /** The rows of a run after a place, in the order in which they were stored: at most `limit`. */
  readonly list: (run: string, after: number, limit: number) => Effect.Effect<ReadonlyArray<PlacedRow>, DurableError>
  /** All runs, by name. */
  readonly runs: Effect.Effect<ReadonlyArray<RunSummary>, DurableError>
  /**
   * Removes failures and claims of a run, of one task or of all. Returns how many. `undefined`, and nothing is removed, if
   * the run is there and `owner` is not its owner. It is a sign of life.
   */
  readonly removeFailures: (
    run: string,
    owner: string,
    name: string | undefined
  ) => Effect.Effect<number | undefined, DurableError>
  /** The names of the runs that have expired. */
  readonly expired: Effect.Effect<ReadonlyArray<string>, DurableError>
  /**
   * Removes at most `limit` rows of a run, and the run if these were all. Returns how many rows, `limit` if more may
   * follow. `undefined`, and nothing is removed, if the run is there and `owner` is not its owner. It is a sign of life.
   */
  readonly removeRun: (run: string, owner: string, limit: number) => Effect.Effect<number | undefined, DurableError>
  /**
   * A wait that ends when a row of the run was stored or its owner has changed, at once if that was since the wait
   * before. It may end without a reason, or never: the caller looks twice a second all the same. Without it, it only
   * looks.
   */
  readonly watch?: ((run: string) => Effect.Effect<Effect.Effect<void>, never, Scope.Scope>) | undefined
}
