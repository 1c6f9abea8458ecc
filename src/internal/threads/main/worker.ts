/**
 * Starts the worker thread itself, with bounds on its young generation: V8's default lets it grow to 48 MB or more
 * in every thread, however little is alive.
 */
import { existsSync } from "node:fs"
import { type ResourceLimits, Worker } from "node:worker_threads"
import type { ThreadData } from "../protocol/messages.ts"

/**
 * In megabytes. 14 handlers that parse, sort or print megabytes took on average the CPU time that they take with V8's
 * default, and two threads held 60 to 200 MB less. A parser of YAML took up to a third more, one of HTML no more; with
 * 12 MB the latter took a quarter more.
 */
const YOUNG: ResourceLimits = { maxYoungGenerationSizeMb: 24 }

/**
 * For a thread whose heap has a cap. At the cap V8 allows 16 MB more, for the thread to end in. A young generation of
 * the default size, promoted all at once, takes more than that, and V8 then aborts the whole process: seen in one of
 * six such threads, and in none with this bound.
 */
const YOUNG_OF_CAPPED: ResourceLimits = { maxYoungGenerationSizeMb: 4 }

export const startWorker = (data: ThreadData, name: string, resourceLimits: ResourceLimits | undefined): Worker => {
  return new Worker(entryUrl(), {
    workerData: data,
    name: `papyros ${name}`,
    resourceLimits: resourceLimits === undefined ? YOUNG : { ...YOUNG_OF_CAPPED, ...resourceLimits }
  })
}

/** The URL of the entry. */
const entryUrl = (): URL => {
  // Bundlers find the file by this expression, if it has no variable.
  const entry = new URL("../thread/start.js", import.meta.url)
  // The sources run as they are.
  if (import.meta.url.endsWith(".ts")) entry.pathname = entry.pathname.replace(/js$/, "ts")
  if (entry.protocol === "file:" && !existsSync(entry)) {
    throw new Error(
      `The entry of worker threads, ${entry.href}, does not exist: keep papyros out of the bundle, or put the file there`
    )
  }
  return entry
}
