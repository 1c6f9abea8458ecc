/**
 * `WorkerPoolDispatcher` with two threads against pools for Node, Effect's Rpc over
 * worker threads, and CPython's multiprocessing.
 */
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import type { Suite } from "../harness/model.ts"
import { bytes } from "./cases/bytes.ts"
import { increments } from "./cases/increments.ts"
import { latencies } from "./cases/latency.ts"
import { memory } from "./cases/memory.ts"
import { objects } from "./cases/objects.ts"
import { calibrate, spins } from "./cases/spins.ts"
import { start } from "./cases/start.ts"
import * as Multiprocessing from "./competitors/multiprocessing.ts"
import { PAPYROS } from "./competitors/papyros.ts"
import { rpc } from "./competitors/rpc.ts"
import { peers } from "./competitors/threadPools.ts"
import { THREADS, WINDOW } from "./workload/concurrency.ts"

const packages = ["piscina", "tinypool", "workerpool", "poolifier", "effect", "@effect/platform-node"]

const version = (name: string): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8")
  )
  return `${name} ${manifest.version}`
}

export const make = Effect.map(calibrate, (perMicro): Suite => ({
  name: "pool",
  clock: "wall",
  settings: {
    versions: [...packages.map(version), Multiprocessing.version() ?? "no python3 on the PATH"].join(", "),
    threads: THREADS,
    windowOfPeers: WINDOW,
    ...Object.fromEntries([...peers, rpc].map(({ name, settings }) => [name, settings])),
    multiprocessing: `Pool(${THREADS}).imap_unordered`,
    [PAPYROS]: "defaults, but for its size and what its row says",
    iterationsPerMicrosecond: Math.round(perMicro)
  },
  cases: [increments, ...spins(perMicro), objects, ...bytes, ...latencies, start, memory]
}))
