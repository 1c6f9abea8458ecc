/**
 * The flags of durable runs, and the database that they name.
 *
 * Must stay true: a URL of a database may contain a password, and no message repeats it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Durable from "../Durable.ts"
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
export const database = Flags.value("database", {
  about: `The file of durable runs; else ${DEFAULT}`,
  metavar: "file",
  expected: "the path of a file",
  parse: Option.liftPredicate((text) => text !== "")
})

const fileOf = (flag: Option.Option<string>): Effect.Effect<string, Unusable> => {
  const file = Option.getOrElse(flag, () => DEFAULT)
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(file) && !file.startsWith("file:")
    ? Effect.fail(
      new Unusable({
        message:
          "--database or PAPYROS_DATABASE is a URL. Postgres and other servers are not supported yet: give the " +
          "path of a file, which will be a SQLite database."
      })
    )
    : Effect.succeed(file)
}

const explain = (error: Durable.DurableError): Unusable => new Unusable({ message: error.message })

const build = (filename: string) => Effect.mapError(Layer.build(Durable.layerSqlite({ filename })), explain)

/** Opens the database, which is made if it is not there. */
export const open = (flag: Option.Option<string>) => Effect.flatMap(fileOf(flag), build)

/** Opens a database that must be there. */
export const openExisting = Effect.fnUntraced(function*(flag: Option.Option<string>) {
  const file = yield* fileOf(flag)
  const fs = yield* FileSystem.FileSystem
  const exists = yield* Effect.orElseSucceed(fs.exists(file), () => false)
  if (exists || file.startsWith("file:")) return yield* build(file)
  return yield* new Unusable({ message: `There is no file ${file} of durable runs: name it with --database.` })
})
