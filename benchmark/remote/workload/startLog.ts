/** A file to which every start of a task is written before anything else: it outlives who has started it. */
import * as Effect from "effect/Effect"
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Of the environment of workers: the path. */
export const VARIABLE = "PAPYROS_BENCHMARK_JOURNAL"

export interface Start {
  readonly id: number
  readonly pid: number
}

export const started = (path: string, id: number): void => appendFileSync(path, `${id} ${process.pid}\n`)

/** All starts, in their order. */
export const read = (path: string): ReadonlyArray<Start> =>
  readFileSync(path, "utf8").split("\n").slice(0, -1).map((line) => {
    const [id, pid] = line.split(" ").map(Number)
    return { id, pid }
  })

export const clear = (path: string): void => writeFileSync(path, "")

/** An empty one, in a folder that goes with the scope. */
export const make = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-remote-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ),
  (folder) => {
    const path = join(folder, "journal")
    clear(path)
    return path
  }
)
