/**
 * Starts a worker thread, with a bound on the young generation of its heap. By default, V8 lets the young generation of
 * every thread grow to 48 MB or more, even if few objects are alive.
 */
import { existsSync } from "node:fs"
import { type ResourceLimits, Worker } from "node:worker_threads"
import type { ThreadData } from "../protocol/messages.ts"
import { SharedState } from "../protocol/sharedState.ts"
import type { PoolModule } from "./options.ts"

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

/** The longest time until a thread module calls `Thread.run`, in milliseconds. Without a limit, opening could hang. */
const RUN_TIMEOUT = 30_000

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

export const startWorker = (
  data: ThreadData,
  name: string,
  resourceLimits: ResourceLimits | undefined,
  onError: (error: unknown) => void,
  runTimeout = RUN_TIMEOUT
): Worker => {
  const worker = new Worker(PROGRAM_URL, {
    workerData: data,
    name: `papyros ${name}`,
    env: withoutSecret(process.env),
    resourceLimits: resourceLimits === undefined ? YOUNG : { ...YOUNG_OF_CAPPED, ...resourceLimits }
  })
  worker.on("error", onError)
  if (data.entry === data.module) awaitRun(worker, data, onError, runTimeout)
  return worker
}

/** The environment without the secret, which a program may have in its environment and handlers must not get. */
const withoutSecret = ({ PAPYROS_SECRET: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv => env

/** Ends a thread whose module does not call `Thread.run`. */
const awaitRun = (
  worker: Worker,
  { shared }: ThreadData,
  onError: (error: unknown) => void,
  timeout: number
): void => {
  const state = new SharedState(shared)
  const timer = setTimeout(() => {
    if (state.running) return
    onError(new Error(`it did not call Thread.run of papyros/Thread within ${timeout / 1000} seconds`))
    worker.off("exit", onExit)
    void worker.terminate()
  }, timeout)
  timer.unref()
  let failed = false
  worker.once("error", () => {
    failed = true
  })
  const onExit = (exitCode: number): void => {
    clearTimeout(timer)
    // With an error, too, the code is 0 if the thread ran out of memory before it began.
    if (!state.running && exitCode === 0 && !failed) onError(new Error("it did not call Thread.run of papyros/Thread"))
  }
  worker.once("exit", onExit)
}

/** The module that a thread starts with, and the module that has the handlers. */
export const entryOf = ({ isEntry, url }: PoolModule): Pick<ThreadData, "entry" | "module"> => ({
  entry: isEntry ? url : ownEntry(),
  module: url
})

/** The URL of the entry that loads a handlers module. */
const ownEntry = (): string => {
  // Some bundlers find the file by this expression, which must contain no variable for them.
  const entry = new URL("../thread/entry.js", import.meta.url)
  // Without a build, the entry is the TypeScript source.
  if (import.meta.url.endsWith(".ts")) entry.pathname = entry.pathname.replace(/js$/, "ts")
  if (entry.protocol === "file:" && !existsSync(entry)) {
    throw new Error(
      `The entry of worker threads, ${entry.href}, does not exist. If papyros is in a bundle, add a module that calls ` +
        "Thread.run of papyros/Thread to the build, and give its URL as the option thread in place of handlers"
    )
  }
  return entry.href
}
