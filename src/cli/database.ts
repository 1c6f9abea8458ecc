/**
 * The flags of durable runs, and the database that they name.
 *
 * Must stay true: the URL of a database may contain a password. No message repeats it, no child process and no thread
 * inherits it, and a command line, which other users of the host can read, must not have it.
 */
import * as Flag from "effect/cli/Flag"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Durable from "../Durable.ts"
import { describe } from "../internal/describe.ts"
import * as DatabaseUrl from "../internal/durable/databaseUrl.ts"
import { Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"

const DEFAULT = "papyros.db"

const MAX_NAME = 200

/** Parses the name of a run. */
const runName = Option.liftPredicate((text: string) => text.length >= 1 && text.length <= MAX_NAME)

/** `--durable`. */
export const durable = Flags.value("durable", {
  about: "Keep outcomes under this name: run again, the command executes only what has none",
  metavar: "name",
  expected: `the name of a run, 1 to ${MAX_NAME} characters`,
  parse: runName
})

/** `--database`. */
export const database = Flag.String("database").pipe(
  Flag.withMetavar("file|url"),
  Flag.withDescription(
    `The file of durable runs, or postgres://user@host/database; else ${DEFAULT} [${DatabaseUrl.VARIABLE}]`
  ),
  Flag.filter((text) => text !== "", () => "the path of a file or the URL of a database"),
  Flag.optional
)

/** The database of the environment, which has lost it. `main.ts` takes it before the command starts. */
export const EnvironmentDatabase: Context.Reference<Option.Option<Redacted.Redacted>> = Context.Reference(
  "papyros/cli/EnvironmentDatabase",
  { defaultValue: DatabaseUrl.fromEnvironment }
)

type Named = Exclude<DatabaseUrl.DatabaseName, { readonly kind: "unknown" }>

/** The database that the flag names, else the environment. */
export const named = (flag: Option.Option<string>): Effect.Effect<Named, Unusable> =>
  Effect.flatMap(EnvironmentDatabase, (environment) => {
    const text = Option.getOrElse(
      Option.orElse(Option.map(flag, Redacted.make), () => environment),
      () => Redacted.make(DEFAULT)
    )
    const name = DatabaseUrl.parse(text)
    if (name.kind === "unknown") {
      return Effect.fail(
        new Unusable({
          message: `--database or ${DatabaseUrl.VARIABLE} is a URL, but not of the form ` +
            "postgres://user:password@host:port/database."
        })
      )
    }
    if (name.kind === "postgres" && name.hasPassword && Option.isSome(flag)) {
      return Effect.fail(
        new Unusable({
          message: "--database has a password, which other users of this host can read: set the variable " +
            `${DatabaseUrl.VARIABLE} to the URL instead.`
        })
      )
    }
    return Effect.succeed(name)
  })

const explain = (error: Durable.DurableError): Unusable => new Unusable({ message: error.message })

/** The package of Postgres is loaded only if the database is one of Postgres. */
const postgres = Effect.tryPromise({
  try: () => import("../DurablePostgres.ts"),
  catch: (error) =>
    new Unusable({
      message: `Postgres needs the package @effect/sql-pg, which cannot be loaded: ${describe(error)}. ` +
        "Install it beside papyros: npm install @effect/sql-pg"
    })
})

const layerOf = (name: Named, migrate: boolean) =>
  name.kind === "file"
    ? Effect.succeed(Durable.layerSqlite({ filename: name.filename, migrate }))
    : Effect.map(postgres, (DurablePostgres) => DurablePostgres.layer({ url: name.url, migrate }))

/** Opens the database, in which tables are made if they are missing. */
export const open = Effect.fnUntraced(function*(flag: Option.Option<string>) {
  const layer = yield* layerOf(yield* named(flag), true)
  return yield* Effect.mapError(Layer.build(layer), explain)
})

/** Opens a database that must be there. */
export const openExisting = Effect.fnUntraced(function*(flag: Option.Option<string>) {
  const name = yield* named(flag)
  const fs = yield* FileSystem.FileSystem
  if (name.kind === "file" && !name.filename.startsWith("file:")) {
    const exists = yield* Effect.orElseSucceed(fs.exists(name.filename), () => false)
    if (!exists) {
      return yield* new Unusable({
        message: `There is no file ${name.filename} of durable runs: name it with --database.`
      })
    }
  }
  const layer = yield* layerOf(name, false)
  return yield* Effect.mapError(
    Layer.build(layer),
    (error) =>
      error.reason._tag === "Incompatible" && error.reason.found === 0
        ? new Unusable({
          message: "There are no durable runs in this database: `papyros run --durable NAME` makes one."
        })
        : explain(error)
  )
})
