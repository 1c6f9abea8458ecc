/**
 * Starts a worker thread of Node by the URL of its module, with a bound on the young generation of its heap. By default,
 * V8 lets the young generation of every thread grow to 48 MB or more, even if few objects are alive.
 */
import { type ResourceLimits, Worker } from "node:worker_threads"
import type { StartOptions } from "./platform.ts"

/**
 * In megabytes, as measured for 14 handlers that parse, sort or print megabytes. On average they took the same CPU time
 * as with V8's default, and two threads used 60 to 200 MB less memory. A YAML parser took up to a third more CPU time.
 * An HTML parser took no more, but a quarter more with a bound of 12 MB.
 */
const YOUNG: ResourceLimits = { maxYoungGenerationSizeMb: 24 }

/**
 * For a thread with a limit on its heap. When the heap reaches the limit, V8 allows 16 MB more, so that the thread can
 * end. A young generation of the default size takes more than 16 MB if all of it is promoted at once. V8 then aborts
 * the whole process. This happened in one of six such threads, and in none with this bound.
 */
const YOUNG_OF_CAPPED: ResourceLimits = { maxYoungGenerationSizeMb: 4 }

/**
 * The program of a thread, which loads the entry of the thread. It enables Node's compile cache before it loads any
 * other module. `NODE_DISABLE_COMPILE_CACHE=1` disables the cache, and threads start without it if it cannot be
 * written. An error is sent as data, because the message is lost in Node's own report if it is a getter or if the error
 * cannot be cloned. Messages and stacks may contain the URL of this module, which is its whole text, so `text` replaces
 * it.
 */
const PROGRAM = `
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads")
process.getBuiltinModule("node:module").enableCompileCache()
const { entry } = workerData
// As in a thread of Node that starts with its entry.
process.argv[1] = entry.startsWith("file:") ? process.getBuiltinModule("node:url").fileURLToPath(entry) : entry
const text = (value) => String(value).replaceAll(import.meta.url, "papyros")
const encode = (error, depth) =>
  !(error instanceof Error) ? error : {
    name: text(error.name),
    message: text(error.message),
    stack: text(error.stack),
    ...(error.cause === undefined || depth === 8 ? {} : { cause: encode(error.cause, depth + 1) })
  }
const send = (defect) => parentPort.postMessage([["unusable", { _tag: "Defect", defect, trace: "" }]])
import(entry).catch((error) => {
  try {
    send(encode(error, 0))
  } catch {
    send(process.getBuiltinModule("node:util").inspect(error))
  }
  process.exit(1)
})
`

/**
 * The program as a data URL, so that a bundle needs no further file. It is a module, because Node does not load the
 * modules of `--import` in a thread whose program is evaluated as a script.
 */
const PROGRAM_URL = new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`)

export const startWorker = (entry: string, { name, resourceLimits }: StartOptions): Worker =>
  new Worker(PROGRAM_URL, {
    workerData: { entry },
    name: `papyros ${name}`,
    env: withoutSecret(process.env),
    resourceLimits: resourceLimits === undefined ? YOUNG : { ...YOUNG_OF_CAPPED, ...resourceLimits }
  })

/** The environment without the secret, which a program may have in its environment and handlers must not get. */
export const withoutSecret = ({ PAPYROS_SECRET: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv => env
