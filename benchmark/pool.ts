/**
 * `WorkerPoolDispatcher` with two threads against pools for Node, Effect's Rpc over
 * worker threads, and CPython's multiprocessing.
 */
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import type { Suite } from "./harness.ts"
import { bytes } from "./pool/bytes.ts"
import { increments } from "./pool/increments.ts"
import { latencies } from "./pool/latency.ts"
import { memory } from "./pool/memory.ts"
import * as Multiprocessing from "./pool/multiprocessing.ts"
import { objects } from "./pool/objects.ts"
import { PAPYROS } from "./pool/papyros.ts"
import { peers } from "./pool/peers.ts"
import { rpc } from "./pool/rpc.ts"
import { calibrate, spins } from "./pool/spins.ts"
import { start } from "./pool/start.ts"
import { THREADS, WINDOW } from "./pool/windowed.ts"

const packages = ["piscina", "tinypool", "workerpool", "poolifier", "effect", "@effect/platform-node"]

const version = (name: string): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")
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
