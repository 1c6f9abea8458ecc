/**
 * Starts the worker thread itself, with bounds on its young generation: V8's default lets it grow to 48 MB or more
 * in every thread, however little is alive.
 */
import { existsSync } from "node:fs"
import { type ResourceLimits, Worker } from "node:worker_threads"
import type { ThreadData } from "../protocol/messages.ts"
import { SharedState } from "../protocol/sharedState.ts"
import type { PoolModule } from "./options.ts"

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

/** In milliseconds: the longest time until a thread module calls `Thread.run`. A module that never does is found. */
const RUN_TIMEOUT = 30_000

/**
 * The program of a thread: loads its entry. Node's compile cache must be enabled before the modules that it is for are
 * loaded; `NODE_DISABLE_COMPILE_CACHE=1` disables it, and where it cannot be written, threads start without it. An error
 * is sent as data, because Node's own report of an error loses its message if that is a getter, or if it cannot be
 * cloned. Messages and stacks may name this module, whose URL is its whole text.
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
 * The program needs no file beside a bundle. It is a module, because Node does not load the modules of `--import` in a
 * thread whose program is evaluated as a script.
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

/** Handlers do not get the secret of the deployment, which a program may have left in its environment. */
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

/** The modules of a thread. */
export const entryOf = ({ isEntry, url }: PoolModule): Pick<ThreadData, "entry" | "module"> => ({
  entry: isEntry ? url : ownEntry(),
  module: url
})

/** The URL of the entry that loads a handlers module. */
const ownEntry = (): string => {
  // Bundlers find the file by this expression, if it has no variable.
  const entry = new URL("../thread/entry.js", import.meta.url)
  // The sources run as they are.
  if (import.meta.url.endsWith(".ts")) entry.pathname = entry.pathname.replace(/js$/, "ts")
  if (entry.protocol === "file:" && !existsSync(entry)) {
    throw new Error(
      `The entry of worker threads, ${entry.href}, does not exist. If papyros is in a bundle, add a module that calls ` +
        "Thread.run of papyros/Thread to the build, and give its URL as the option thread in place of handlers"
    )
  }
  return entry.href
}
