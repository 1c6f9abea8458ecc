/**
 * Web Workers. They have no synchronous receipt, no exit code, and no event at their end: a thread that ends by itself
 * says so, and each holds a lock, which the program gets once the thread is gone.
 */
import type { Platform, ThreadEvents, ThreadPlatform, ThreadStart, WorkerLike } from "./platform.ts"

// ----------------------------------------------------------------------------
// The parts of the DOM that are used
// ----------------------------------------------------------------------------

interface MessageEvent {
  readonly data: unknown
}

interface ErrorEvent {
  readonly error?: unknown
  readonly message?: string
  readonly preventDefault?: () => void
}

/** Both ends of a Web Worker. */
interface WorkerEnd {
  readonly postMessage: (message: unknown, transferred?: ReadonlyArray<ArrayBuffer>) => void
  onmessage: ((event: MessageEvent) => void) | null
  onmessageerror: ((event: MessageEvent) => void) | null
}

interface WebWorker extends WorkerEnd {
  readonly terminate: () => void
  onerror: ((event: ErrorEvent) => void) | null
}

interface WorkerScope extends WorkerEnd {
  readonly close: () => void
  readonly addEventListener: (
    type: string,
    listener: (event: ErrorEvent & { readonly reason?: unknown }) => void
  ) => void
}

interface Dom {
  readonly Worker: new(url: string, options: { readonly type: "module"; readonly name: string }) => WebWorker
  readonly crossOriginIsolated?: boolean
  readonly WorkerGlobalScope?: unknown
  readonly location?: { readonly href: string }
  readonly navigator: {
    readonly locks?: { readonly request: (name: string, f: () => unknown) => Promise<unknown> }
  }
}

const dom = (): Dom => globalThis as unknown as Dom

const workerScope = (): WorkerScope => globalThis as unknown as WorkerScope

// ----------------------------------------------------------------------------
// The program
// ----------------------------------------------------------------------------

/** Messages of this file; those of papyros are arrays. */
type Signal = { readonly lock: string } | { readonly ended: true }

const isWorker = (worker: WorkerLike): worker is WebWorker => "onmessage" in worker && "onerror" in worker

const makeWorker = (source: string | (() => WorkerLike), name: string): WebWorker => {
  if (typeof source === "string") return new (dom().Worker)(source, { type: "module", name: `papyros ${name}` })
  const worker: WorkerLike = source()
  if (isWorker(worker)) return worker
  throw new TypeError("the function of the option thread did not return a Worker")
}

const start: Platform["start"] = <M>(
  source: string | (() => WorkerLike),
  { name }: { readonly name: string },
  events: ThreadEvents<M>
) => {
  const worker = makeWorker(source, name)
  let connected = false
  let over = false

  const exit = (exitCode: number | undefined): void => {
    if (over) return
    over = true
    worker.terminate()
    events.exit(exitCode)
  }
  const terminate = (): void => {
    worker.terminate()
    setTimeout(exit, 0, undefined)
  }

  const onSignal = (signal: Signal): void => {
    if ("ended" in signal) return exit(0)
    void dom().navigator.locks!.request(signal.lock, () => exit(undefined))
  }
  worker.onmessage = ({ data }) => {
    if (over) return
    if (!Array.isArray(data)) return onSignal(data as Signal)
    connected = true
    events.message(data)
  }
  worker.onmessageerror = () => events.unreadable(new Error("a message could not be cloned"))
  worker.onerror = (event) => {
    event.preventDefault?.()
    // A connected thread reports its errors itself.
    if (connected) return
    events.error(event.error ?? new Error(event.message ?? "its module could not be loaded"))
    terminate()
  }
  return { post: (messages, transferred) => worker.postMessage(messages, transferred), terminate, keepAlive: () => {} }
}

/** The key of `ThreadStart` in the global object of a thread. No data can be given to a thread before its module runs. */
const START = Symbol.for("papyros/ThreadStart")

const globals = (): { [START]?: ThreadStart } => globalThis as { [START]?: ThreadStart }

const inThread = (): boolean => dom().WorkerGlobalScope !== undefined

export const platform: Platform = {
  start,
  handlersEntry: () => {
    throw new Error(
      "A browser cannot load a handlers module by itself. Write a module that calls Thread.run of papyros/Thread, and " +
        "give the option thread in place of handlers"
    )
  },
  resolve: (module) => module.href,
  missingFiles: () => [],
  inThread,
  threadStart: () => inThread() ? globals()[START] ?? { loading: [], callsRun: true, phase: "starting" } : undefined,
  setThreadStart: (start) => {
    globals()[START] = start
  },
  sharesMemory: () => dom().crossOriginIsolated === true,
  isTransferable: () => true,
  unref: () => {},
  // The console of a thread is that of the page.
  print: (_to, _text, written) => written(),
  asyncContext: () => (f, a) => f(a)
}

// ----------------------------------------------------------------------------
// The side of a thread
// ----------------------------------------------------------------------------

/** A message to itself. A timer within a timer would wait for 4 ms. */
const makeSoon = (): ThreadPlatform["soon"] => {
  const waiting: Array<() => void> = []
  let port: { readonly postMessage: (message: unknown) => void } | undefined
  const open = (): NonNullable<typeof port> => {
    const { port1, port2 } = new MessageChannel()
    ;(port1 as unknown as WorkerEnd).onmessage = () => waiting.shift()!()
    return port2
  }
  return (f) => {
    waiting.push(f)
    port ??= open()
    port.postMessage(0)
  }
}

export const thread: ThreadPlatform = {
  attributesFaults: false,
  hasImmediate: false,
  connect: (events, opened) => {
    const scope = workerScope()
    scope.onmessage = ({ data }) => events.message(data as ReadonlyArray<never>)
    scope.onmessageerror = () => events.unreadable(new Error("a message could not be cloned"))
    const open = (): void =>
      opened({
        post: (messages, transferred) => scope.postMessage(messages, transferred),
        poll: () => undefined,
        keepAlive: () => {}
      })
    const { locks } = dom().navigator
    // Only pages that were loaded by https have locks.
    if (locks === undefined) return open()
    const lock = `papyros ${crypto.randomUUID()}`
    void locks.request(lock, () => {
      scope.postMessage({ lock } satisfies Signal)
      open()
      return new Promise(() => {})
    })
  },
  // Nothing tells which task asynchronous work belongs to.
  marks: () => ({ enterWith: () => {}, getStore: () => undefined }),
  soon: makeSoon(),
  exit: () => {
    const scope = workerScope()
    scope.postMessage({ ended: true } satisfies Signal)
    scope.close()
  },
  onFault: (f) => {
    const scope = workerScope()
    scope.addEventListener("error", (event) => {
      event.preventDefault?.()
      f(event.error)
    })
    scope.addEventListener("unhandledrejection", (event) => {
      event.preventDefault?.()
      f(event.reason)
    })
  },
  onExit: () => {},
  captureOutput: () => {}
}
