/**
 * The remote suite: `RemoteDispatcher` with two worker processes of one thread each, over the loopback interface,
 * against BullMQ and effect/rpc; and the time to recover from the loss of a worker.
 */
import type { Suite } from "../harness/model.ts"
import { packageVersion } from "../harness/versions.ts"
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

const redis = Redis.version()

export const suite: Suite = {
  name: "remote",
  clock: "wall",
  settings: {
    versions: [...packages.map(packageVersion), redis === undefined ? "no redis-server on the PATH" : `redis ${redis}`]
      .join(", "),
    workerProcesses: WORKERS,
    chunksPerSecond: "tasks per second divided by the chunk size; a chunk of BullMQ is a job with an array",
    bullmq: TUNING,
    ...Object.fromEntries([...bullmqs, rpc, papyros, papyrosTls].map(({ name, settings }) => [name, settings]))
  },
  cases: [...increments, latency, start, ...failover]
}
