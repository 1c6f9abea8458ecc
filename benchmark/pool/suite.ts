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
  causes: [
    "n + 1: a task costs 0.9 µs of CPU time, 0.35 of them in the main thread and 0.55 in the threads, where a fiber of effect " +
    "runs each handler. multiprocessing pickles 256 integers at a time and calls a function on each, in two processes.",
    "n + 1, in one process with other pools: while these run, V8 collects the whole heap. No task of papyros is alive " +
    "then, so V8 drops the hidden classes of its objects, and the code that was compiled for them. The next run compiles " +
    "it again. In a process of its own, with a task in flight, papyros takes two thirds of the CPU time.",
    "Tasks of 1 ms: a task takes 30 to 37 µs of the main thread, in messages of up to 4 ms of outcomes, and 20 µs with " +
    "piscina c=16. The threads share two cores with the main thread.",
    "1 MB, copied: the bytes of a payload become garbage in the thread, and V8 collects the whole heap of the thread after " +
    "30 to 40 MB of them. The modules of effect make that heap 16 MB large; it has 4 MB in a thread of piscina. More than half " +
    "of the CPU time of this case is V8's marking of these heaps. In a bundle, such a heap has 7 MB.",
    "Latency: an idle thread of piscina waits in `Atomics.wait`, which stops its event loop; with `atomics: \"disabled\"` a " +
    "call takes 12 µs longer, as long as one of papyros. After 3 ms without work the caches are cold, and a call of papyros " +
    "passes more code: its schemas, its fiber and its place in the scheduler.",
    "Memory: a thread with the modules of effect takes 37 MB, one from a bundle 21 MB, and one of piscina 13 MB. The young " +
    "generations of the three heaps grow to their bounds within 3 million tasks, and memory is flat from there on: 310 MB " +
    "after 3 million, 327 MB after 20 million."
  ],
  cases: [increments, ...spins(perMicro), objects, ...bytes, ...latencies, start, memory]
}))
