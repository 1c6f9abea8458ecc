/**
 * The database that the test files of one run share: that of `PAPYROS_TEST_POSTGRES`, else one on a server that the first
 * file starts that needs it. The server ends with Vitest.
 *
 * Tests must use names of their own for their tables: `freshPrefix`.
 */
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { VARIABLE } from "./binaries.ts"
import * as Server from "./server.ts"

/** Vitest, which has started this process and those of the other files. */
const owner = process.ppid

const root = join(tmpdir(), `papyros-postgres-of-${process.getuid?.()}-${owner}`)
const urlFile = join(root, "url")

/** Whether this process is the one that starts the server. */
const isFirst = (): boolean => {
  try {
    mkdirSync(root, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
}

const startServer = Server.makeIn(root, owner).pipe(
  Effect.map(({ url }) => {
    // Other processes see the whole file or none.
    writeFileSync(`${urlFile}.new`, url, { mode: 0o600 })
    renameSync(`${urlFile}.new`, urlFile)
  }),
  Effect.onError(() => Effect.sync(() => rmSync(root, { recursive: true, force: true })))
)

/** In real time: tests replace the clock of Effect. */
const pause = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))

/** Waits for the process that starts the server. If it fails, it removes the directory. */
const started = Effect.repeat(pause, { until: () => existsSync(urlFile) || !existsSync(root) })

/** The URL of the database, with its password. */
export const url: Effect.Effect<string> = Effect.suspend(() => {
  const given = process.env[VARIABLE]
  if (given !== undefined) return Effect.succeed(given)
  return Effect.andThen(isFirst() ? startServer : started, Effect.sync(() => readFileSync(urlFile, "utf8")))
})

/** Begins the names of the tables of one test. */
export const freshPrefix = (): string => `t${randomBytes(6).toString("hex")}_`
