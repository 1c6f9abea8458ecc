/**
 * The pool suite: `WorkerPoolDispatcher` with two threads against thread pools for Node, effect/rpc over worker threads
 * and CPython's multiprocessing.
 */
import * as Effect from "effect/Effect"
import { IN_FLIGHT, THREADS } from "../harness/concurrency.ts"
import type { Suite } from "../harness/model.ts"
import { PAPYROS } from "../harness/papyros.ts"
import { packageVersion } from "../harness/versions.ts"
import { bytes } from "./cases/bytes.ts"
import { increments } from "./cases/increments.ts"
import { latencies } from "./cases/latency.ts"
import { memory } from "./cases/memory.ts"
import { objects } from "./cases/objects.ts"
import { calibrate, spins } from "./cases/spins.ts"
import { start } from "./cases/start.ts"
import * as Multiprocessing from "./competitors/multiprocessing.ts"
import { rpc } from "./competitors/rpc.ts"
import { threadPools } from "./competitors/threadPools.ts"

const packages = ["piscina", "tinypool", "workerpool", "poolifier", "effect", "@effect/platform-node"]

export const make = Effect.map(calibrate, (perMicro): Suite => ({
  name: "pool",
  clock: "wall",
  settings: {
    versions: [...packages.map(packageVersion), Multiprocessing.version() ?? "no python3 on the PATH"].join(", "),
    threads: THREADS,
    tasksInFlight: `${IN_FLIGHT}, where the library leaves the limit to its caller`,
    ...Object.fromEntries([...threadPools, rpc].map(({ name, settings }) => [name, settings])),
    multiprocessing: `Pool(${THREADS}).imap_unordered`,
    [PAPYROS]: "defaults, except for its size and the options that a row names",
    iterationsPerMicrosecond: Math.round(perMicro)
  },
  cases: [increments, ...spins(perMicro), objects, ...bytes, ...latencies, start, memory]
}))
