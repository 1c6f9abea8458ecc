/**
 * `papyros runs`: shows the durable runs of a database, shows or retries the failures of one, and removes old ones.
 *
 * Must stay true: names of runs, which programs choose, are printed without control characters, and a run that a program
 * has is not changed.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Durable from "../Durable.ts"
import { Portion } from "../internal/durable/portion.ts"
import { sanitizeForLog, sanitizeJson } from "../internal/sanitize.ts"
import * as Database from "./database.ts"
import { Exited, UNUSABLE, Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Stderr from "./stderr.ts"
import * as Stdout from "./stdout.ts"
import { nearest } from "./suggest.ts"

// ----------------------------------------------------------------------------
// Parts of all commands
// ----------------------------------------------------------------------------

/** Runs a command on the database, and reports the errors that it expects. */
const onDatabase = <R>(
  flag: Option.Option<string>,
  command: Effect.Effect<void, Durable.DurableError | Unusable | Exited, R>
) =>
  Effect.flatMap(Database.openExisting(flag), (context) => Effect.provideContext(command, context)).pipe(
    Effect.scoped,
    Effect.catchTag(
      ["DurableError", "Unusable"],
      ({ message }) => Effect.andThen(Stderr.say(message), new Exited({ code: UNUSABLE }))
    )
  )

const print = (text: Stream.Stream<string>) =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Effect.catch(Stdout.write(stdio, text), Stdout.exitOf))

/** Fails unless there is a run of that name. */
const known = Effect.fnUntraced(function*(name: string) {
  const names = (yield* Durable.runs).map(({ run }) => run)
  if (names.includes(name)) return
  const near = nearest(name, names)
  const hint = near === undefined ? "" : ` Did you mean ${near}?`
  return yield* new Unusable({ message: `There is no run ${name}.${hint} \`papyros runs\` lists them.` })
})

const NAME = Argument.String("NAME").pipe(Argument.withDescription("The name of a run"))

// ----------------------------------------------------------------------------
// papyros runs
// ----------------------------------------------------------------------------

const stateOf = ({ activeBy, endedAt }: Durable.RunStatus): string =>
  activeBy !== undefined ? `run by ${activeBy}` : endedAt === undefined ? "interrupted" : "complete"

/** Seconds are enough, and UTC is the same for all readers. */
const time = (at: DateTime.Utc): string => DateTime.formatIso(at).replace(/\.\d+Z$/, "Z")

const table = (runs: ReadonlyArray<Durable.RunStatus>): string => {
  const cells = [
    ["run", "succeeded", "failed", "unknown", "last used", "state"],
    ...runs.map((status) => [
      sanitizeForLog(status.run),
      ...[status.succeeded, status.failed, status.claimed].map((count) => count.toLocaleString("en-US")),
      time(status.seenAt),
      sanitizeForLog(stateOf(status))
    ])
  ]
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const isCount = (column: number) => column >= 1 && column <= 3
  const pad = (cell: string, column: number) =>
    isCount(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])
  return cells.map((row) => row.map(pad).join("  ").trimEnd()).join("\n")
}

const list = Effect.flatMap(
  Durable.runs,
  (runs) => print(Stream.make(`${runs.length === 0 ? "There is no run." : table(runs)}\n`))
)

// ----------------------------------------------------------------------------
// papyros runs failures
// ----------------------------------------------------------------------------

/** Rows that are read together, unless they are large. */
const PAGE = 512

/** The failures as they are stored, since there is no handlers module to decode them. */
const failures = (name: string) =>
  Effect.gen(function*() {
    yield* known(name)
    const { store } = yield* Durable.Durable
    let error: Durable.DurableError | undefined
    const portion = new Portion(PAGE)
    const pages = Stream.paginate(0, (after) =>
      Effect.map(store.list(name, after, portion.size), (rows) => {
        portion.adapt(rows)
        return [rows, Option.map(Option.fromUndefinedOr(rows.at(-1)), ({ id }) => id)] as const
      }))
    const lines = pages.pipe(
      Stream.filter(({ state }) => state !== "succeeded"),
      Stream.map(toLine),
      Stream.catch((failed) => {
        error = failed
        return Stream.empty
      })
    )
    yield* print(lines)
    if (error !== undefined) return yield* error
  })

/** Stored JSON stays as it is, but for characters that a terminal obeys. */
const toLine = ({ name, outcome, payload, reason, state }: Durable.Row): string => {
  const fields = [
    `"task":${JSON.stringify(name)}`,
    `"reason":${JSON.stringify(state === "claimed" ? "WorkerLost" : reason)}`
  ]
  if (payload !== null) fields.push(`"payload":${payload}`)
  if (outcome !== null) fields.push(`"failure":${outcome}`)
  return sanitizeJson(`{${fields.join(",")}}\n`)
}

// ----------------------------------------------------------------------------
// papyros runs retry, papyros runs clean
// ----------------------------------------------------------------------------

const retry = (name: string, task: string | undefined) =>
  Effect.gen(function*() {
    yield* known(name)
    const count = yield* Durable.retry(name, { name: task })
    const failed = count === 1 ? "1 task failed, and is" : `${count.toLocaleString("en-US")} tasks failed, and are`
    yield* Stderr.say(count === 0 ? `${name} has no failures.` : `${name}: ${failed} executed again with the next run.`)
  })

/** Also removes runs without `keep`. Runs that a program has, or begins to use now, stay. */
const clean = (olderThan: Duration.Duration) =>
  Effect.gen(function*() {
    const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(olderThan)
    const old = (yield* Durable.runs).filter(({ activeBy, seenAt }) =>
      activeBy === undefined && DateTime.toEpochMillis(seenAt) <= before
    )
    let removed = yield* Durable.clean
    for (const { run } of old) {
      const count = yield* Effect.catchReason(
        Effect.asSome(Durable.forget(run)),
        "DurableError",
        "RunBusy",
        () => Effect.succeedNone
      )
      if (Option.isSome(count)) removed++
    }
    yield* Stderr.say(`${removed === 1 ? "1 run was" : `${removed} runs were`} removed.`)
  })

// ----------------------------------------------------------------------------
// The commands
// ----------------------------------------------------------------------------

const failuresCommand = Command.make(
  "failures",
  { name: NAME, database: Database.database },
  ({ database, name }) => onDatabase(database, failures(name))
).pipe(
  Command.withShortDescription("Show the failures of a run"),
  Command.withDescription(
    "Writes NDJSON to stdout, one line for each task that has failed: {\"task\":…,\"reason\":…,\"payload\":…," +
      "\"failure\":…}. A task that must not start twice and whose outcome is unknown has the reason WorkerLost."
  )
)

const retryCommand = Command.make("retry", {
  name: NAME,
  task: Flags.text("task", "Only tasks of this name", "name", "the name of a task"),
  database: Database.database
}, ({ database, name, task }) => onDatabase(database, retry(name, Option.getOrUndefined(task)))).pipe(
  Command.withShortDescription("Remove the failures of a run, so that their tasks are executed again"),
  Command.withDescription(
    "Removes the failures of a run, and what is noted of tasks that must not start twice and whose outcome is unknown. " +
      "The next execution of the run executes these tasks again."
  )
)

const cleanCommand = Command.make("clean", {
  olderThan: Flags.value("older-than", {
    about: "Remove runs that no program has used for so long",
    metavar: "duration",
    expected: "a duration such as 12h or 30d",
    parse: Flags.duration
  }),
  database: Database.database
}, ({ database, olderThan }) =>
  onDatabase(
    database,
    Option.match(olderThan, {
      onNone: () => Effect.fail(new Unusable({ message: "Say how old: --older-than 30d" })),
      onSome: clean
    })
  )).pipe(
    Command.withShortDescription("Remove runs that were not used for a time"),
    Command.withDescription("Removes runs with all their outcomes. Runs that a program has stay."),
    Command.withExamples([{ command: "papyros runs clean --older-than 30d", description: "Keep a month" }])
  )

/** The command `papyros runs`. */
export const runs = Command.make(
  "runs",
  { database: Database.database },
  ({ database }) => onDatabase(database, list)
).pipe(
  Command.withShortDescription("Show durable runs, retry their failures, remove them"),
  Command.withDescription(
    "Shows the runs of `papyros run --durable NAME` and of programs with papyros/Durable: tasks that have succeeded and " +
      "failed, and tasks that must not start twice and whose outcome is unknown. Exit code 2 if there is no such " +
      "database or run."
  ),
  Command.withExamples([
    { command: "papyros runs", description: "All runs in papyros.db" },
    { command: "papyros runs failures nightly", description: "Which tasks of a run have failed, and why" }
  ]),
  Command.withSubcommands([failuresCommand, retryCommand, cleanCommand])
)
