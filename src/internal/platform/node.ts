/** Worker threads of Node, and the parts of them that Bun and Deno have as well. */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks"
import { existsSync } from "node:fs"
import { basename } from "node:path"
import { StringDecoder } from "node:string_decoder"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import {
  getEnvironmentData,
  isMainThread,
  isMarkedAsUntransferable,
  parentPort,
  receiveMessageOnPort,
  setEnvironmentData,
  Worker
} from "node:worker_threads"
import { startWorker, withoutSecret } from "./nodeStart.ts"
import type { Platform, StartOptions, ThreadPlatform, ThreadSource, ThreadStart } from "./platform.ts"

// ----------------------------------------------------------------------------
// Starting
// ----------------------------------------------------------------------------

/** The key of `ThreadStart` in the environment data, which a thread gets from the thread that starts it. */
const START = "papyros"

const threadStart = (): ThreadStart | undefined =>
  isMainThread ? undefined : getEnvironmentData(START) as unknown as ThreadStart | undefined

const setThreadStart = (start: ThreadStart): void => setEnvironmentData(START, { ...start })

/** Makes the thread while the environment data, of which it gets a copy, are those of its start. */
const makeWorker = (
  source: ThreadSource,
  options: StartOptions,
  byUrl: (entry: string, options: StartOptions) => Worker
): Worker => {
  const before = getEnvironmentData(START)
  setThreadStart(options.start)
  try {
    if (typeof source === "string") return byUrl(source, options)
    const worker: unknown = source()
    if (worker instanceof Worker) return worker
    throw new TypeError("the function of the option thread did not return a Worker of node:worker_threads")
  } finally {
    setEnvironmentData(START, before)
  }
}

/** Bun and Deno have the member, and cannot tell. */
const eventLoopOf = (worker: Worker) =>
  "bun" in process.versions || "deno" in process.versions
    ? undefined
    : () => worker.performance.eventLoopUtilization()

/** Asks the thread on each call, and returns its latest answer. A thread answers within 1 ms, even during a task. */
const heapOf = (worker: Worker) => {
  // Node before 22.16 and other runtimes lack it.
  if ((worker as Partial<Worker>).getHeapStatistics === undefined) return undefined
  let latest: number | undefined
  let asks = false
  const answered = (bytes: number | undefined) => {
    latest = bytes
    asks = false
  }
  return () => {
    if (!asks) {
      asks = true
      worker.getHeapStatistics().then((heap) => answered(heap.used_heap_size), () => answered(undefined))
    }
    return latest
  }
}

export const startWith =
  (byUrl: (entry: string, options: StartOptions) => Worker): Platform["start"] => (source, options, events) => {
    const worker = makeWorker(source, options, byUrl)
    worker.on("message", events.message)
    worker.on("messageerror", events.unreadable)
    worker.on("error", (error) => events.error(readable(error)))
    worker.on("exit", events.exit)
    return {
      post: (messages, transferred) => worker.postMessage(messages, transferred),
      terminate: () => void worker.terminate(),
      keepAlive: (keeps) => keeps ? worker.ref() : worker.unref(),
      eventLoop: eventLoopOf(worker),
      heapBytes: heapOf(worker)
    }
  }

/** An error that cannot be cloned arrives as an object that can only be printed. */
const readable = (error: unknown): unknown => {
  const printed = typeof error === "object" && error !== null && inspect.custom in error && !(error instanceof Error)
  return printed ? new Error(inspect(error)) : error
}

/** Starts a thread with its module, for runtimes other than Node. */
export const startByUrl = (entry: string, { name }: StartOptions): Worker =>
  new Worker(new URL(entry), { name: `papyros ${name}`, env: withoutSecret(process.env) })

// ----------------------------------------------------------------------------
// Modules
// ----------------------------------------------------------------------------

const handlersEntry = (): string => {
  // Some bundlers find the file by this expression, which must contain no variable for them.
  const entry = new URL("../threads/thread/entry.js", import.meta.url)
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

/** The files that a build may have made of a TypeScript file, the one with its own kind of extension first. */
const compiledSiblings = (module: URL): ReadonlyArray<URL> => {
  const extension = module.protocol === "file:" ? /\.([mc]?)ts$/.exec(module.pathname) : null
  if (extension === null) return []
  return Array.from(new Set([extension[1], "", "m", "c"]), (kind) => {
    const compiled = new URL(module)
    compiled.pathname = module.pathname.replace(/[mc]?ts$/, `${kind}js`)
    return compiled
  })
}

const exists = (file: URL): boolean => existsSync(file)

const resolve = (module: URL): string => {
  const compiled = compiledSiblings(module)
  return (compiled.length === 0 || existsSync(module) ? module : compiled.find(exists) ?? module).href
}

const missingFiles = (module: string): ReadonlyArray<string> => {
  const url = new URL(module)
  if (url.protocol !== "file:" || existsSync(url)) return []
  return [pathOf(url), ...compiledSiblings(url).map((sibling) => basename(pathOf(sibling)))]
}

/** The path of a file, or its URL if it is not that of a path, for example because of a single `%`. */
const pathOf = (url: URL): string => {
  try {
    return fileURLToPath(url)
  } catch {
    return url.href
  }
}

export const platform: Platform = {
  start: startWith(startWorker),
  handlersEntry,
  resolve,
  missingFiles,
  inThread: () => !isMainThread,
  threadStart,
  setThreadStart,
  sharesMemory: () => true,
  isTransferable: (buffer) => !isMarkedAsUntransferable(buffer),
  unref: (timer) => timer.unref(),
  print: (to, text, written) => process[to].write(text, written),
  asyncContext: () => {
    // A call of `AsyncLocalStorage.snapshot()` takes ten times as long.
    const resource = new AsyncResource("papyros")
    return (f, a) => resource.runInAsyncScope(f, undefined, a)
  }
}

// ----------------------------------------------------------------------------
// The side of a thread
// ----------------------------------------------------------------------------

export const thread: ThreadPlatform = {
  attributesFaults: true,
  hasImmediate: true,
  connect: (events, opened) => {
    const port = parentPort!
    port.on("message", events.message)
    port.on("messageerror", events.unreadable)
    opened({
      post: (messages, transferred) => port.postMessage(messages, transferred),
      poll: () => receiveMessageOnPort(port)?.message,
      keepAlive: (keeps) => keeps ? port.ref() : port.unref()
    })
  },
  marks: () => new AsyncLocalStorage(),
  soon: (f) => void setImmediate(f),
  exit: () => process.exit(0),
  onFault: (f) => {
    process.on("uncaughtException", f)
    process.on("unhandledRejection", f)
  },
  onExit: (f) => void process.on("exit", f),
  captureOutput: (f) => {
    for (const to of ["stdout", "stderr"] as const) {
      const decoder = new StringDecoder("utf8")
      const write = (chunk: string | Uint8Array, ...rest: ReadonlyArray<unknown>): boolean => {
        const [encoding, done] = typeof rest[0] === "string" ? [rest[0], rest[1]] : ["utf8", rest[0]]
        const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding as BufferEncoding) : chunk
        f(to, decoder.write(bytes))
        if (typeof done === "function") queueMicrotask(() => done())
        return true
      }
      process[to].write = write
    }
  }
}
