/**
 * Durable runs: executions whose outcomes are kept in a store, so that a program that ends in the middle goes on where
 * it was when it is run again.
 *
 * Use `Durable.execute` in place of `Dispatcher.execute`, on any dispatcher, and name the run. A result is delivered
 * only after it is stored. Tasks whose outcome was not stored when the program ended run again.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Dispatcher from "./Dispatcher.ts"
import { RunJournal } from "./internal/durable/journal.ts"
import * as MemoryStore from "./internal/durable/memoryStore.ts"
import * as Ownership from "./internal/durable/ownership.ts"
import { persistBriefly } from "./internal/durable/persist.ts"
import { runSingle } from "./internal/durable/single.ts"
import { Singles } from "./internal/durable/singles.ts"
import { toDurableError } from "./internal/durable/sqlError.ts"
import * as SqliteClient from "./internal/durable/sqliteClient.ts"
import * as SqlStore from "./internal/durable/sqlStore.ts"
import type { RunSummary, Store } from "./internal/durable/store.ts"
import * as Stored from "./internal/durable/stored.ts"
import { TaskKeys } from "./internal/durable/taskKeys.ts"
import type { DurableError } from "./internal/durableError.ts"
import * as ExecutionStream from "./internal/producers/executionStream.ts"
import { toResult } from "./internal/producers/taskResult.ts"
import type { TaskEntry } from "./internal/scheduler/producer.ts"
import type * as Task from "./Task.ts"
import type { TaskFailure } from "./TaskFailure.ts"
import type * as TaskGroup from "./TaskGroup.ts"

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

export type {
  /**
   * How a program fares that wants a run.
   *
   * @stability experimental
   * @category stores
   * @since 0.1.0
   */
  Acquired,
  /**
   * A stored row with its place in the order of a run.
   *
   * @stability experimental
   * @category stores
   * @since 0.1.0
   */
  PlacedRow,
  /**
   * The outcome of one task, or the claim of a task that must not start twice.
   *
   * @stability experimental
   * @category stores
   * @since 0.1.0
   */
  Row,
  /**
   * A run and its rows, counted.
   *
   * @stability experimental
   * @category stores
   * @since 0.1.0
   */
  RunSummary,
  /**
   * The operations that a store of durable runs has to implement.
   *
   * @stability experimental
   * @category stores
   * @since 0.1.0
   */
  Store
} from "./internal/durable/store.ts"

export type {
  /**
   * The options of `layerSql`.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  SqlStoreOptions as SqlOptions
} from "./internal/durable/sqlStore.ts"

export type {
  /**
   * One stored outcome of a run.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  StoredOutcome
} from "./internal/durable/stored.ts"

/**
 * The options of `execute` and `results`, beside those of `Dispatcher.execute`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DurableOptions<T extends Task.Any> extends Dispatcher.ExecuteOptions<T> {
  /** The name of the run: 1 to 200 characters, without U+0000. The same name finds the same outcomes. */
  readonly run: string
  /**
   * Whether a task whose failure is stored runs again. `"none"`: its failure is delivered as it is. A task that declares
   * `idempotent: false` runs again only if its handler failed with its typed error, or if it had not started. Default
   * `"failed"`.
   */
  readonly rerun?: "failed" | "none" | undefined
  /**
   * The key of a task within the run, which no other task of the source may have. The schemas of the task belong to the
   * key all the same. Default: the payload, and how many tasks with the same payload came before, which takes 16 to 32
   * bytes of memory for each task.
   */
  readonly key?: ((task: T) => string) | undefined
  /**
   * How long the outcomes are kept after the stream has ended with every task executed. After that the run begins anew,
   * and programs that open a run of this store remove them. Default: until `forget` or `papyros runs clean`.
   */
  readonly keep?: Duration.Input | undefined
}

/**
 * A run in a store.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RunStatus {
  readonly run: string
  /** Tasks whose result is stored. */
  readonly succeeded: number
  /** Tasks whose failure is stored. */
  readonly failed: number
  /** Tasks with `idempotent: false` that were started and whose outcome is not stored. */
  readonly claimed: number
  readonly openedAt: DateTime.Utc
  /** When every task of its source had an outcome, `undefined` before that. */
  readonly endedAt: DateTime.Utc | undefined
  /** When its outcomes are removed, `undefined` if they are kept. */
  readonly expiresAt: DateTime.Utc | undefined
  /** The program that has it now. */
  readonly activeBy: string | undefined
  /** When a program had it last. */
  readonly seenAt: DateTime.Utc
}

/**
 * Keeps the outcomes of durable runs.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class Durable extends Context.Service<Durable, {
  readonly store: Store
  /** @internal */
  readonly owners: Ownership.Owners
  /** The runs that `run` has at the moment. @internal */
  readonly singles: Singles
}>()("papyros/Durable") {}

export {
  /**
   * A durable run cannot be opened or cannot go on. Its `reason` is `StoreFailed`, `Incompatible`, `RunBusy` or
   * `Unencodable`.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  DurableError,
  /**
   * The tables have another version than this version of papyros needs.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  Incompatible,
  /**
   * Another program, or another execution of this program, has the run.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  RunBusy,
  /**
   * The store could not be opened, read or written.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  StoreFailed,
  /**
   * A task has no JSON form, which its key and its stored outcome need.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  Unencodable
} from "./internal/durableError.ts"

// ----------------------------------------------------------------------------
// Verbs
// ----------------------------------------------------------------------------

const MAX_NAME = 200

/** A name that no run can have, or that a database does not give back as it is, is a defect. */
const checkName = (run: string): void => {
  const isName = typeof run === "string" && run.length >= 1 && run.length <= MAX_NAME
  if (!isName || run.includes("\0") || !run.isWellFormed()) {
    throw new RangeError(
      `run must be a name of 1 to ${MAX_NAME} characters, without U+0000 and lone surrogates, got ${
        JSON.stringify(run)
      }`
    )
  }
}

/** A hundred years, in milliseconds: a longer `keep` means for ever. */
const MAX_KEEP = 3e12

/** A duration as whole milliseconds, `undefined` if it has no end. */
const millisOf = (input: Duration.Input | undefined): number | undefined => {
  const millis = input === undefined ? Infinity : Duration.toMillis(input)
  return millis <= MAX_KEEP ? Math.ceil(millis) : undefined
}

const scheduler = Effect.map(Dispatcher.Dispatcher, (dispatcher) => dispatcher[Dispatcher.SchedulerHandleKey])

const stream = <A>(
  tasks: Iterable<unknown> | Stream.Stream<unknown>,
  options: DurableOptions<never>,
  failFast: boolean,
  emit: (entry: TaskEntry) => A
) =>
  Stream.unwrap(Effect.gen(function*() {
    const { key, rerun = "failed", run } = options
    checkName(run)
    const keep = millisOf(options.keep)
    const { owners, singles, store } = yield* Durable
    yield* singles.release(run)
    const ownership = yield* owners.acquire(run)
    yield* owners.cleanInBackground
    const fork = yield* FiberSet.makeRuntime<never, void, never>()
    // A key of the user's own may come twice. All other keys of a new run are new.
    const looksUp = !ownership.empty || key !== undefined
    const { owner } = ownership
    const journal = new RunJournal({ store, run, owner, keys: new TaskKeys(key, true), rerun, looksUp }, fork)
    ownership.onLost = (error) => journal.fail(error)
    yield* journal.start
    return ExecutionStream.make(scheduler, tasks, options, failFast, emit, (execution) => journal.attach(execution))
      .pipe(
        Stream.onEnd(Effect.sync(() => ownership.end = { keep }))
      )
  }))

/**
 * Executes tasks and streams their results, as `Dispatcher.execute` does, and keeps the outcomes in the store.
 *
 * **Details**
 *
 * A task whose result the run has is not run: its stored result is delivered. An outcome is delivered after it is
 * stored. When the stream ends, fails or is interrupted, the outcomes of the tasks that have completed are stored, and
 * the run is free for the next program.
 *
 * While the store is locked or away, nothing fails: the stream waits, as far as its buffer goes. A store that refuses
 * to write, because its disk is full or its file is read-only, ends the stream with `DurableError`.
 *
 * **Gotchas**
 *
 * A program that is killed loses the outcomes of the last milliseconds, whose tasks run again. A task with
 * `idempotent: false` is claimed in the store before it starts, and never runs again if its outcome is unknown: the next
 * program gets `WorkerLost`.
 *
 * On a run that has outcomes, up to 256 tasks are pulled and looked up together.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const execute: {
  <U extends Task.Any>(options: DurableOptions<U>): <T extends U, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>
  ) => Stream.Stream<
    Task.Success<T>,
    TaskFailure<T> | DurableError | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed | E,
    Dispatcher.Dispatcher | Durable | R
  >
  <T extends Task.Any, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>,
    options: DurableOptions<T>
  ): Stream.Stream<
    Task.Success<T>,
    TaskFailure<T> | DurableError | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed | E,
    Dispatcher.Dispatcher | Durable | R
  >
} = dual(
  2,
  (tasks: Iterable<Task.Any>, options: DurableOptions<never>) => stream(tasks, options, true, (entry) => entry.value)
) as never

/**
 * Executes tasks and streams the outcome of each, failures included, as `Dispatcher.results` does, and keeps the
 * outcomes in the store. In all other respects it is the same as `execute`.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const results: {
  <U extends Task.Any>(options: DurableOptions<U>): <T extends U, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>
  ) => Stream.Stream<
    Dispatcher.TaskResult<T>,
    DurableError | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed | E,
    Dispatcher.Dispatcher | Durable | R
  >
  <T extends Task.Any, E = never, R = never>(
    tasks: Iterable<T> | Stream.Stream<T, E, R>,
    options: DurableOptions<T>
  ): Stream.Stream<
    Dispatcher.TaskResult<T>,
    DurableError | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed | E,
    Dispatcher.Dispatcher | Durable | R
  >
} = dual(
  2,
  (tasks: Iterable<Task.Any>, options: DurableOptions<never>) => stream(tasks, options, false, toResult)
) as never

/**
 * Runs one task, or gives its stored outcome. Calls of one program share the run; an `execute` on the same run at the
 * same time fails with `RunBusy`.
 *
 * **Gotchas**
 *
 * Equal tasks have the same key here: the second one waits for the first, and gets its outcome. To run a task again, give
 * it a `key` of its own.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const run = <T extends Task.Any>(
  task: T,
  options: Pick<DurableOptions<T>, "run" | "rerun"> & {
    /** The key of the task within the run. Default: its payload. */
    readonly key?: string | undefined
  }
): Effect.Effect<
  Task.Success<T>,
  TaskFailure<T> | DurableError | Dispatcher.DispatcherClosed,
  Dispatcher.Dispatcher | Durable
> =>
  Effect.gen(function*() {
    const { key, rerun = "failed", run } = options
    checkName(run)
    const { singles, store } = yield* Durable
    return yield* singles.use(
      run,
      (single) => runSingle(task, Dispatcher.run(task), { store, run, single, key, rerun })
    )
  }) as never

/**
 * All runs of the store, by name.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const runs: Effect.Effect<ReadonlyArray<RunStatus>, DurableError, Durable> = Effect.gen(function*() {
  const { store } = yield* Durable
  return Array.from(yield* persistBriefly(store.runs)).filter((run) => !hasExpired(run)).map(toStatus)
})

/** By the clock of the store. */
const hasExpired = ({ expiresAt, seenAt, silentFor }: RunSummary): boolean =>
  expiresAt !== null && expiresAt <= seenAt + silentFor

const timeOf = (millis: number | null) => millis === null ? undefined : DateTime.makeUnsafe(millis)

const toStatus = (summary: RunSummary): RunStatus => {
  const { claimed, endedAt, expiresAt, failed, openedAt, owner, run, seenAt, silentFor, succeeded } = summary
  return {
    run,
    succeeded,
    failed,
    claimed,
    openedAt: DateTime.makeUnsafe(openedAt),
    endedAt: timeOf(endedAt),
    expiresAt: timeOf(expiresAt),
    activeBy: owner !== null && Ownership.mayLive(owner, silentFor) ? Ownership.describeOwner(owner) : undefined,
    seenAt: DateTime.makeUnsafe(seenAt)
  }
}

/**
 * The stored outcomes of a run, in the order in which they were stored, without running anything. Another program may
 * have the run.
 *
 * Outcomes of tasks that are not in the group are left out. An outcome that the schemas of the group do not accept is a
 * `DurableError` with the reason `Unencodable`.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outcomes = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  run: string,
  options: {
    /** The `cursor` of the last outcome that is known already. Default: none. */
    readonly after?: number | undefined
    /**
     * Goes on with outcomes as they are stored, and never ends. It looks twice a second; `papyros/DurablePostgres` is
     * notified. Default `false`.
     */
    readonly follow?: boolean | undefined
  } = {}
): Stream.Stream<Stored.StoredOutcome<T>, DurableError, Durable> =>
  Stream.unwrap(Effect.map(Durable, ({ store }) => Stored.stream(store, run, group.tasks, options))) as never

/** Changes a run that no program has. A run that is not there has nothing to change. */
const change = (
  run: string,
  operation: (owner: string, store: Store, owners: Ownership.Owners) => Effect.Effect<number, DurableError>
): Effect.Effect<number, DurableError, Durable> =>
  Effect.scoped(Effect.gen(function*() {
    const { owners, singles, store } = yield* Durable
    const known = yield* persistBriefly(store.runs)
    if (!known.some((other) => other.run === run && !hasExpired(other))) return 0
    yield* singles.release(run)
    const { owner } = yield* owners.acquire(run)
    return yield* operation(owner, store, owners)
  }))

/**
 * Removes the failures of a run, and the claims of tasks with `idempotent: false` whose outcome is unknown, so that their
 * tasks run again with the next execution. Returns how many. Fails with `RunBusy` while a program has the run.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const retry = (run: string, options: {
  /** The name of the tasks. Default: all. */
  readonly name?: string | undefined
} = {}): Effect.Effect<number, DurableError, Durable> =>
  change(
    run,
    (owner, store) => Ownership.orLost(run, persistBriefly(store.removeFailures(run, owner, options.name)))
  )

/**
 * Removes a run with all its outcomes. Returns how many there were. Fails with `RunBusy` while a program has the run.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const forget = (run: string): Effect.Effect<number, DurableError, Durable> =>
  change(run, (owner, _, owners) => owners.removeRows(run, owner))

/**
 * Removes the runs whose `keep` is over, with their outcomes, as each execution does that opens a run of this store.
 * Returns how many there were.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const clean: Effect.Effect<number, DurableError, Durable> = Effect.flatMap(Durable, ({ owners }) => owners.clean)

// ----------------------------------------------------------------------------
// Layers
// ----------------------------------------------------------------------------

/**
 * The service, on a store of your own.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerStore = <E, R>(store: Effect.Effect<Store, E, R>): Layer.Layer<Durable, E, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    Durable,
    Effect.gen(function*() {
      const opened = yield* store
      const owners = new Ownership.Owners(opened, yield* Effect.scope)
      return { store: opened, owners, singles: yield* Singles.make(owners) }
    })
  )

/**
 * Keeps outcomes in the memory of the program, for tests. They are gone with the Layer. `TestClock` moves its time.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<Durable> = layerStore(Effect.sync(MemoryStore.make))

/**
 * Keeps outcomes in the database of a `SqlClient`, SQLite or Postgres, in two tables. A client of another database fails
 * with a `DurableError`.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerSql = (
  options: SqlStore.SqlStoreOptions = {}
): Layer.Layer<Durable, DurableError, SqlClient.SqlClient> =>
  layerStore(Effect.flatMap(SqlClient.SqlClient, (sql) => persistBriefly(SqlStore.make(sql, options))))

/**
 * Keeps outcomes in a file, by the SQLite of Node.
 *
 * **Gotchas**
 *
 * The file must be on a disk of this machine: a network file system loses its locks. On Node 22, loading SQLite prints an
 * `ExperimentalWarning`; Node 24 prints none.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (options: {
  /** The path of the file, which is made if it is not there. Default `papyros.db` in the working directory. */
  readonly filename?: string | undefined
  /**
   * `"FULL"`: stored outcomes survive a loss of power. `"NORMAL"`, which is faster: they survive the end of the program,
   * and a loss of power may cost those that were stored last. Default `"NORMAL"`.
   */
  readonly synchronous?: "FULL" | "NORMAL" | undefined
} & SqlStore.SqlStoreOptions = {}): Layer.Layer<Durable, DurableError> =>
  layerStore(Effect.gen(function*() {
    const { filename = "papyros.db", synchronous = "NORMAL" } = options
    const open = Effect.mapError(SqliteClient.make({ filename, synchronous }), toDurableError("open"))
    return yield* persistBriefly(SqlStore.make(yield* persistBriefly(open), options))
  }))
