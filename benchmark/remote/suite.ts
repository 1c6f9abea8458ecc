/**
 * `RemoteDispatcher` with two worker processes of one thread, on the loopback,
 * against BullMQ and against Effect's Rpc; and what it costs to lose one of them.
 */
import { readFileSync } from "node:fs"
import type { Suite } from "../harness/model.ts"
import { failover } from "./cases/failover.ts"
import { increments } from "./cases/increments.ts"
import { latency } from "./cases/latency.ts"
import { start } from "./cases/start.ts"
import { bullmqs, TUNING } from "./competitors/bullmq.ts"
import { WORKERS } from "./competitors/implementation.ts"
import { papyros, papyrosTls } from "./competitors/papyros.ts"
import * as Redis from "./competitors/redis.ts"
import { rpc } from "./competitors/rpc.ts"

const packages = ["bullmq", "ioredis", "effect", "@effect/platform-node"]

const version = (name: string): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8")
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
