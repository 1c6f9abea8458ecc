/**
 * The differences between runtimes, below worker threads: Node, Bun, Deno and browsers. The side of the program starts
 * threads and talks to them; the side of a thread talks to the program that started it.
 *
 * Must stay true for every runtime:
 * - `post` throws at once if a message cannot be cloned. Messages arrive in order, and none arrives after `exit`.
 * - `exit` is called once, and never within `start` or `terminate`.
 * - `terminate` ends a thread that does not yield.
 * - No file does anything when it is loaded but define.
 */
import type { ResourceLimits } from "node:worker_threads"

/**
 * A worker thread: a `Worker` of `node:worker_threads`, or in a browser a Web Worker.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface WorkerLike {
  postMessage(message: unknown, transfer?: unknown): void
  terminate(): unknown
}

/** The module that a thread starts with, or a function that makes a thread which starts with it. */
export type ThreadSource = string | (() => WorkerLike)

/** The data of a thread that its module can read before it is connected. */
export interface ThreadStart {
  /** The modules of pools that are being loaded in this thread and in those around it, its own last. */
  readonly loading: ReadonlyArray<string>
  /** Its module calls `Thread.run`; else it is the entry of papyros, which loads a handlers module. */
  readonly callsRun: boolean
  readonly phase: "starting" | "running" | "loaded"
}

export interface StartOptions {
  readonly name: string
  readonly resourceLimits: ResourceLimits | undefined
  readonly start: ThreadStart
}

/** The events of a thread, for the program. `M`: its messages. */
export interface ThreadEvents<M> {
  readonly message: (messages: ReadonlyArray<M>) => void
  /** A message of the thread could not be read. */
  readonly unreadable: (error: unknown) => void
  /** The error that the thread ends with. */
  readonly error: (error: unknown) => void
  /** The exit code is absent if the runtime has none. */
  readonly exit: (exitCode: number | undefined) => void
}

/** A running thread, for the program. */
export interface ThreadConnection {
  readonly post: (messages: ReadonlyArray<unknown>, transferred: ReadonlyArray<ArrayBuffer>) => void
  readonly terminate: () => void
  /** Whether the thread keeps the process alive. */
  readonly keepAlive: (keeps: boolean) => void
  /** The time, in milliseconds, in which its event loop worked and was idle, if the runtime can tell. */
  readonly eventLoop?: (() => { readonly active: number; readonly idle: number }) | undefined
  /** The bytes that were in use on its heap at the previous call, if the runtime reports them. */
  readonly heapBytes?: (() => number | undefined) | undefined
}

/** The side of the program, and all that does not depend on the side. */
export interface Platform {
  readonly start: <M>(source: ThreadSource, options: StartOptions, events: ThreadEvents<M>) => ThreadConnection
  /** The URL of the entry of papyros, which loads a handlers module. Throws if it is not there. */
  readonly handlersEntry: () => string
  /** The URL of a module, or of the file that a build made of it if only that exists. */
  readonly resolve: (module: URL) => string
  /** The files of which one must exist for the module to be loaded, if none exists. */
  readonly missingFiles: (module: string) => ReadonlyArray<string>
  /** This code runs in a thread, of papyros or not. */
  readonly inThread: () => boolean
  /** The start of this thread, if papyros may have started it. */
  readonly threadStart: () => ThreadStart | undefined
  readonly setThreadStart: (start: ThreadStart) => void
  /** Memory can be shared with threads. */
  readonly sharesMemory: () => boolean
  readonly isTransferable: (buffer: ArrayBuffer) => boolean
  /** The timer does not keep the process alive. */
  readonly unref: (timer: ReturnType<typeof setTimeout>) => void
  /** Writes text to a stream of the process; calls `written` when the stream has accepted it. */
  readonly print: (to: "stdout" | "stderr", text: string, written: () => void) => void
  /** Calls functions in the async context of now. */
  readonly asyncContext: () => <A>(f: (a: A) => void, a: A) => void
}

/** The connection of a thread to the program. `M`: the messages of the program. */
export interface ProgramConnection<M> {
  readonly post: (messages: ReadonlyArray<unknown>, transferred: ReadonlyArray<ArrayBuffer>) => void
  /**
   * Messages that wait, without a turn of the event loop; `undefined` if none waits, or if the runtime cannot tell.
   * Throws if they cannot be read.
   */
  readonly poll: () => ReadonlyArray<M> | undefined
  /** Whether the connection keeps the thread alive. */
  readonly keepAlive: (keeps: boolean) => void
}

/** Marks asynchronous work, so that the task to which it belongs is known. */
interface Marks<A> {
  readonly enterWith: (mark: A) => void
  readonly getStore: () => A | undefined
}

/** The side of a thread. */
export interface ThreadPlatform {
  /** Every error outside of a handler has the mark of the task that it belongs to. */
  readonly attributesFaults: boolean
  /** It has `setImmediate`, by which the scheduler of Effect yields; else that must yield by `soon`. */
  readonly hasImmediate: boolean
  /** `opened` is called once; `message` and `unreadable` are called for all that the program sends from then on. */
  readonly connect: <M>(
    events: Pick<ThreadEvents<M>, "message" | "unreadable">,
    opened: (connection: ProgramConnection<M>) => void
  ) => void
  readonly marks: <A>() => Marks<A>
  /** Calls a function after all that waits in the event loop. */
  readonly soon: (f: () => void) => void
  /** Ends the thread in good order. */
  readonly exit: () => void
  /** Errors outside of every handler. */
  readonly onFault: (f: (error: unknown) => void) => void
  readonly onExit: (f: () => void) => void
  /** Calls a function with the text that code in this thread prints, in place of printing it. */
  readonly captureOutput: (f: (to: "stdout" | "stderr", text: string) => void) => void
}
