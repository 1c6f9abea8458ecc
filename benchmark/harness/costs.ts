/**
 * The costs of a run beside its time: the CPU time of all processes that take part, by the kind of thread, and the bytes
 * that this process sends and receives.
 *
 * The kernel counts the CPU time of each thread in nanoseconds. Only Linux tells it, so that other systems have no costs.
 * A thread that ends during a run is not counted.
 */
import * as Effect from "effect/Effect"
import { subscribe } from "node:diagnostics_channel"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import type { Socket } from "node:net"
import type { CompetitorError, Measurement } from "./model.ts"
import type { Process } from "./processes.ts"
import type { Tally } from "./tally.ts"
import { timed } from "./timing.ts"

const available = existsSync("/proc/self/schedstat")

const BYTES = "bytes of the client, a task"

/** The names and units of the costs. The client is this process, and the servers are all others. */
export const COSTS: ReadonlyArray<string> = available
  ? [
    "CPU of all processes, µs a task",
    "CPU of the client's main thread, µs a task",
    "CPU of the servers' main threads, µs a task",
    "CPU of worker threads, µs a task",
    "CPU of helper threads, µs a task",
    BYTES
  ]
  : [BYTES]

/** In nanoseconds. Helpers are the threads of V8, libuv and servers that are not of Node. */
interface CpuTime {
  main: number
  workers: number
  helpers: number
}

const cpuTime = (pid: number): CpuTime => {
  const time = { main: 0, workers: 0, helpers: 0 }
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const directory = `/proc/${pid}/task/${thread}`
    try {
      const nanoseconds = Number(readFileSync(`${directory}/schedstat`, "utf8").split(" ", 1)[0])
      const kind = Number(thread) === pid ? "main" : kindOf(readFileSync(`${directory}/comm`, "utf8"))
      time[kind] += nanoseconds
    } catch {
      // The thread has ended.
    }
  }
  return time
}

/** Of a thread that is not the main one, by its name. */
const kindOf = (name: string): "workers" | "helpers" => /^(?:node|papyros|Worker)/.test(name) ? "workers" : "helpers"

/** The connections that this process has opened. */
const sockets = new Set<Socket>()
let closedBytes = 0

const bytesOf = ({ bytesRead, bytesWritten }: Socket): number => bytesRead + bytesWritten

subscribe("net.client.socket", (message) => {
  const { socket } = message as { readonly socket: Socket }
  sockets.add(socket)
  socket.once("close", () => {
    sockets.delete(socket)
    closedBytes += bytesOf(socket)
  })
})

const bytes = (): number => {
  let sum = closedBytes
  for (const socket of sockets) sum += bytesOf(socket)
  return sum
}

const measure = (servers: ReadonlyArray<Process>): ReadonlyArray<number> => {
  if (!available) return [bytes()]
  const client = cpuTime(process.pid)
  const sum = { main: 0, workers: client.workers, helpers: client.helpers }
  for (const { pid } of servers) {
    const { helpers, main, workers } = cpuTime(pid)
    sum.main += main
    sum.workers += workers
    sum.helpers += helpers
  }
  const parts = [client.main, sum.main, sum.workers, sum.helpers].map((nanoseconds) => nanoseconds / 1000)
  return [parts.reduce((a, b) => a + b), ...parts, bytes()]
}

/** The value of an effect that runs `tasks` tasks with the help of servers, and its `COSTS`. */
export const withCosts = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  servers: ReadonlyArray<Process>,
  tasks: number
): Effect.Effect<readonly [A, ReadonlyArray<number>], E, R> =>
  Effect.suspend(() => {
    const before = measure(servers)
    return Effect.map(effect, (value) => {
      const after = measure(servers)
      return [value, after.map((cost, i) => (cost - before[i]) / tasks)] as const
    })
  })

/** The metrics of a case whose runs are measured by `rateAndCosts`. */
export const RATE_AND_COSTS = [undefined, ...COSTS]

/** A run of `tasks` tasks as a measurement: tasks per second, and the costs. */
export const rateAndCosts = (
  run: Effect.Effect<Tally, CompetitorError>,
  servers: ReadonlyArray<Process>,
  tasks: number
): Effect.Effect<Measurement, CompetitorError> =>
  Effect.map(
    withCosts(timed(run), servers, tasks),
    ([[tally, millis], costs]) => ({ tally, values: [1000 * tasks / millis, ...costs] })
  )
