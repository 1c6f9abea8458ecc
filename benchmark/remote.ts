/**
 * `RemoteDispatcher` with two worker processes of one thread, on the loopback,
 * against BullMQ and against Effect's Rpc; and what it costs to lose one of them.
 */
import { readFileSync } from "node:fs"
import type { Suite } from "./harness.ts"
import { bullmqs, TUNING } from "./remote/bullmq.ts"
import { WORKERS } from "./remote/contestants.ts"
import { failover } from "./remote/failover.ts"
import { increments } from "./remote/increments.ts"
import { latency } from "./remote/latency.ts"
import { papyros, papyrosTls } from "./remote/papyros.ts"
import * as Redis from "./remote/redis.ts"
import { rpc } from "./remote/rpc.ts"
import { start } from "./remote/start.ts"

const packages = ["bullmq", "ioredis", "effect", "@effect/platform-node"]

const version = (name: string): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")
  )
  return `${name} ${manifest.version}`
}

const redis = Redis.version()

export const suite: Suite = {
  name: "remote",
  clock: "wall",
  settings: {
    versions: [...packages.map(version), redis === undefined ? "no redis-server on the PATH" : `redis ${redis}`].join(
      ", "
    ),
    workerProcesses: WORKERS,
    chunksPerSecond: "tasks per second divided by the size of the chunks; chunks of BullMQ are jobs with an array",
    bullmq: TUNING,
    ...Object.fromEntries([...bullmqs, rpc, papyros, papyrosTls].map(({ name, settings }) => [name, settings]))
  },
  cases: [...increments, latency, start, ...failover]
}
