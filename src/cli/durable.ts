/** `papyros durable`: the tables of durable runs. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { tablesOf } from "../internal/durable/dialect.ts"
import { postgresDialect } from "../internal/durable/postgresDialect.ts"
import { sqliteDialect } from "../internal/durable/sqliteDialect.ts"
import * as SqlTables from "../internal/durable/sqlTables.ts"
import * as Database from "./database.ts"
import { Exited, UNUSABLE } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Stderr from "./stderr.ts"
import * as Stdout from "./stdout.ts"

const config = {
  database: Database.database,
  print: Flags.toggle("print", "Print the SQL that makes the tables, and change nothing")
}

const migrate = Command.make("migrate", config, ({ database, print }) =>
  Effect.gen(function*() {
    if (!print) {
      yield* Database.open(database)
      return yield* Stderr.say("The tables of durable runs are those of this version of papyros.")
    }
    const { kind } = yield* Database.named(database)
    const script = SqlTables.script(kind === "file" ? sqliteDialect : postgresDialect, tablesOf())
    const stdio = yield* Stdio.Stdio
    yield* Effect.catch(Stdout.write(stdio, Stream.make(script)), Stdout.exitOf)
  }).pipe(
    Effect.scoped,
    Effect.catchTag("Unusable", ({ message }) => Effect.andThen(Stderr.say(message), new Exited({ code: UNUSABLE })))
  )).pipe(
    Command.withShortDescription("Make the tables of durable runs, or bring them to the version of this papyros"),
    Command.withDescription(
      "Programs make the tables themselves, unless their Layer has `migrate: false`. This command is for deployments whose " +
        "programs must not make tables: run it with an account that may, or give the SQL of --print to someone who may."
    ),
    Command.withExamples([
      { command: "papyros durable migrate", description: "In the database of PAPYROS_DATABASE, or in papyros.db" },
      {
        command: "papyros durable migrate --print --database postgres://db/x | psql",
        description: "Print the SQL for Postgres, without connecting to it"
      }
    ])
  )

/** The command `papyros durable`. */
export const durable = Command.make("durable").pipe(
  Command.withShortDescription("Manage the tables of durable runs"),
  Command.withSubcommands([migrate])
)
