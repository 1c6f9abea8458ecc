/**
 * A file that records every start of a task, also on workers that are killed.
 *
 * A handler must append to it before it does anything else: a start that is not in the file did not happen.
 */
import * as Effect from "effect/Effect"
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The environment variable that passes the path to workers. */
export const VARIABLE = "PAPYROS_BENCHMARK_START_LOG"

export interface TaskStart {
  readonly id: number
  readonly pid: number
}

export const append = (path: string, id: number): void => appendFileSync(path, `${id} ${process.pid}\n`)

/** All starts in the order in which they happened. */
export const read = (path: string): ReadonlyArray<TaskStart> =>
  readFileSync(path, "utf8").split("\n").slice(0, -1).map((line) => {
    const [id, pid] = line.split(" ").map(Number)
    return { id, pid }
  })

export const clear = (path: string): void => writeFileSync(path, "")

/** Creates an empty log in a folder that is removed with the scope; returns its path. */
export const make = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-remote-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ),
  (folder) => {
    const path = join(folder, "starts")
    clear(path)
    return path
  }
)
