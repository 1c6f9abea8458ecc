/**
 * A log of events and a set of gates in shared memory, for handlers in this thread and in worker threads alike.
 *
 * Threads find the memory in their environment data, where the first module that loads this one puts it. An event is
 * in the log before the call that logs it returns: an outcome that has arrived has all its events in the log.
 */
import * as Effect from "effect/Effect"
import { getEnvironmentData, setEnvironmentData, threadId } from "node:worker_threads"

/** Of a task: `start`, `interrupt` and `stop`. Of its payload: `decode`. Of the Layer of the handlers: `build` and `release`. */
export type What = "start" | "interrupt" | "stop" | "decode" | "build" | "release"

interface Event {
  readonly what: What
  readonly id: number
  readonly thread: number
}

const KEY = "papyros/test/conformance"
const NAMES: ReadonlyArray<What> = ["start", "interrupt", "stop", "decode", "build", "release"]
/** Events that the log holds, and ids of tasks. */
const EVENTS = 1 << 15
const IDS = 1 << 12

class Events {
  /** The number of events, then for each its kind (from 1), id and thread. */
  private readonly log: Int32Array<SharedArrayBuffer>
  /** 1 where the gate of an id is open. */
  private readonly gates: Int32Array<SharedArrayBuffer>

  constructor(memory: SharedArrayBuffer) {
    this.log = new Int32Array(memory, 0, 1 + 3 * EVENTS)
    this.gates = new Int32Array(memory, 4 * (1 + 3 * EVENTS), IDS)
  }

  // --- for handlers ----------------------------------------------------------

  add(what: What, id: number): void {
    const at = 1 + 3 * Atomics.add(this.log, 0, 1)
    this.log[at + 1] = id
    this.log[at + 2] = threadId
    Atomics.store(this.log, at, 1 + NAMES.indexOf(what))
  }

  /** Waits until the gate of an id is open. */
  readonly pass = (id: number): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const wait = Atomics.waitAsync(this.gates, id, 0)
      if (wait.async) void wait.value.then(() => resume(Effect.void))
      else resume(Effect.void)
    })

  /** The same, without leaving the thread to others. */
  readonly passBlocking = (id: number): void => {
    Atomics.wait(this.gates, id, 0)
  }

  // --- for tests -------------------------------------------------------------

  open(...ids: ReadonlyArray<number>): void {
    for (const id of ids) {
      Atomics.store(this.gates, id, 1)
      Atomics.notify(this.gates, id)
    }
  }

  openAll(): void {
    this.open(...this.gates.keys())
  }

  reset(): void {
    this.log.fill(0)
    this.gates.fill(0)
  }

  get all(): ReadonlyArray<Event> {
    const length = Math.min(Atomics.load(this.log, 0), EVENTS)
    return Array.from({ length }, (_, i) => {
      const at = 1 + 3 * i
      const what = NAMES[Atomics.load(this.log, at) - 1]
      return { what, id: this.log[at + 1], thread: this.log[at + 2] }
    }).filter(({ what }) => what !== undefined)
  }

  /** The starts, interruptions and stops of tasks, in their order. */
  get ofTasks(): ReadonlyArray<string> {
    return this.all.filter(({ what }) => what === "start" || what === "interrupt" || what === "stop").map((
      { id, what }
    ) => `${what} ${id}`)
  }

  /** The ids of all events of a kind, in their order. */
  ids(what: What): ReadonlyArray<number> {
    return this.all.filter((event) => event.what === what).map(({ id }) => id)
  }

  get starts(): ReadonlyArray<number> {
    return this.ids("start")
  }

  get interrupts(): ReadonlyArray<number> {
    return this.ids("interrupt")
  }

  get stops(): ReadonlyArray<number> {
    return this.ids("stop")
  }

  count(what: What, id: number): number {
    return this.ids(what).filter((other) => other === id).length
  }

  /** Tasks that have started and not stopped. */
  get running(): number {
    return this.starts.length - this.stops.length
  }

  /** The most tasks that ran at one moment. */
  get peak(): number {
    let running = 0
    let most = 0
    for (const { what } of this.all) {
      if (what === "start") most = Math.max(most, ++running)
      else if (what === "stop") running--
    }
    return most
  }
}

const created = (): SharedArrayBuffer => {
  const memory = new SharedArrayBuffer(4 * (1 + 3 * EVENTS + IDS))
  setEnvironmentData(KEY, memory)
  return memory
}

/** The log of this thread and of all threads that are started after this module was loaded. */
export const events = new Events((getEnvironmentData(KEY) as SharedArrayBuffer | undefined) ?? created())
