/** A file that several threads append lines to, in the order in which things happen. */
import * as Effect from "effect/Effect"
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Line {
  readonly what: string
  readonly id: number
  readonly thread: number
}

export const append = <L extends Line>(journal: string, line: L): void =>
  appendFileSync(journal, `${JSON.stringify(line)}\n`)

export const read = <L extends Line>(journal: string): ReadonlyArray<L> =>
  existsSync(journal)
    ? readFileSync(journal, "utf8").split("\n").filter((line) => line !== "").map((line): L => JSON.parse(line))
    : []

/** The path of a file that is not there yet, in a folder that goes with the scope. */
export const make = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-pool-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ),
  (folder) => join(folder, "journal")
)

/** The URL of a handlers module that appends to a journal. */
export const urlOf = (module: string, journal: string): URL => {
  const url = new URL(module, import.meta.url)
  url.searchParams.set("journal", journal)
  return url
}
