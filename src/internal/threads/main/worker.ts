/**
 * Starts a worker thread and waits for its first message. A thread says `hello` when its module calls `Thread.run`, and
 * the program answers with the data that the thread runs with. A thread whose module never calls it, or has another
 * version of the protocol, is ended with an error that says so.
 */
import { platform } from "#platform"
import type { ThreadConnection, ThreadEvents, ThreadSource } from "../../platform/platform.ts"
import { loadingModules } from "../protocol/loading.ts"
import { type FromThread, PROTOCOL, type ThreadData } from "../protocol/messages.ts"
import { idOf, type PoolOptions } from "./options.ts"

/** The longest time until a thread module calls `Thread.run`, in milliseconds. Without a limit, opening could hang. */
const RUN_TIMEOUT = 30_000

/** @param data the answer to `hello`, without the handlers module */
export const startThread = (
  name: string,
  { module, resourceLimits }: Pick<PoolOptions, "module" | "resourceLimits">,
  data: Omit<ThreadData, "handlers">,
  events: ThreadEvents<FromThread>,
  runTimeout = RUN_TIMEOUT
): ThreadConnection => {
  const { source, url } = module
  const callsRun = source !== undefined
  let connected = false
  let failed = false

  const fail = (error: unknown): void => {
    failed = true
    events.error(error)
  }

  const awaitHello = (messages: ReadonlyArray<FromThread>): void => {
    const [hello] = messages
    // Before it, an error of the module may come.
    if (hello[0] !== "hello") return events.message(messages)
    connected = true
    clearTimeout(timer)
    receive = events.message
    if (hello[1] !== PROTOCOL) {
      fail(new Error(`its papyros has protocol ${hello[1]} and the program has ${PROTOCOL}; build both together`))
      return connection.terminate()
    }
    connection.post([["init", { ...data, handlers: callsRun ? undefined : url }]], [])
  }

  const exit = (exitCode: number | undefined): void => {
    clearTimeout(timer)
    // With an error, too, the code is 0 if the thread ran out of memory before it began.
    if (!connected && !failed && (exitCode ?? 0) === 0) {
      events.error(new Error("it did not call Thread.run of papyros/Thread"))
    }
    events.exit(exitCode)
  }

  const start = (source: ThreadSource): ThreadConnection => {
    try {
      return platform.start<FromThread>(
        source,
        { name, resourceLimits, start: { loading: [...loadingModules(), idOf(module)], callsRun, phase: "starting" } },
        { message: (messages) => receive(messages), unreadable: events.unreadable, error: fail, exit }
      )
    } catch (error) {
      // Of the function of the user, or out of threads.
      fail(error)
      setTimeout(exit, 0, undefined)
      return { post: () => {}, terminate: () => {}, keepAlive: () => {} }
    }
  }

  let receive = awaitHello
  const connection = start(source ?? platform.handlersEntry())
  // The entry of papyros runs the thread for sure, though many threads at once may take long to load.
  const timer = callsRun ? setTimeout(timedOut, runTimeout) : undefined
  if (timer !== undefined) platform.unref(timer)

  function timedOut(): void {
    fail(new Error(`it did not call Thread.run of papyros/Thread within ${runTimeout / 1000} seconds`))
    connection.terminate()
  }

  return connection
}
