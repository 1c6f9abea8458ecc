/**
 * The remote suite: `RemoteDispatcher` with one worker process of one thread, over the loopback interface, against
 * BullMQ and effect/rpc; and the time to recover from the loss of a worker.
 */
import { COSTS } from "../harness/costs.ts"
import type { Baseline, Suite } from "../harness/model.ts"
import { PAPYROS } from "../harness/papyros.ts"
import { LATENCIES } from "../harness/timing.ts"
import { packageVersion } from "../harness/versions.ts"
import { failover } from "./cases/failover.ts"
import { increments } from "./cases/increments.ts"
import { latency } from "./cases/latency.ts"
import { payloads } from "./cases/payloads.ts"
import { start } from "./cases/start.ts"
import { bullmqs, TUNING } from "./competitors/bullmq.ts"
import { type ChunkSize, type Targets, WORKERS } from "./competitors/implementation.ts"
import { papyros, papyrosTls, papyrosTwo } from "./competitors/papyros.ts"
import * as Redis from "./competitors/redis.ts"
import { rpc, rpcCalls } from "./competitors/rpc.ts"

const packages = ["bullmq", "ioredis", "effect", "@effect/platform-node"]

const redis = Redis.version()

const implementations = [papyros, papyrosTwo, papyrosTls, rpc, rpcCalls, ...bullmqs]

const bullmq: Baseline = { name: "BullMQ's best", bestOf: bullmqs.map(({ name }) => name) }

/** For a comparison that the report shows without setting a target. */
const NONE = "none"

/** Of the tasks per second, by chunk size. */
const ofRpc: Readonly<Record<ChunkSize, string | undefined>> = {
  1: "at least 0.38",
  16: undefined,
  256: "at least 0.43",
  auto: "at least 0.5"
}

const onlyFirst = (target: string | undefined, rest: ReadonlyArray<string>) => [target, ...rest.map(() => undefined)]

const targets = (size: ChunkSize): Targets => (name) =>
  name === papyros.name
    ? {
      [rpc.name]: onlyFirst(ofRpc[size], COSTS),
      [bullmq.name]: onlyFirst(size === "auto" ? "at least 5" : NONE, COSTS)
    }
    : name === papyrosTls.name
    ? { [PAPYROS]: onlyFirst("none, shows the cost of TLS", COSTS) }
    : undefined

const latencyTargets: Targets = (name) =>
  name === papyros.name ? { [rpc.name]: onlyFirst("at most 1.7", [...LATENCIES.slice(1), ...COSTS]) } : undefined

const payloadTargets: Targets = (name) => name === papyros.name ? { [rpc.name]: onlyFirst(NONE, COSTS) } : undefined

export const suite: Suite = {
  name: "remote",
  clock: "wall",
  settings: {
    versions: [...packages.map(packageVersion), redis === undefined ? "no redis-server on the PATH" : `redis ${redis}`]
      .join(", "),
    workerProcesses: WORKERS,
    chunksPerSecond: "tasks per second divided by the chunk size; a chunk of BullMQ is a job with an array",
    cpu: "of the client and of all servers, name servers excepted; papyros decodes, checks and encodes in its thread",
    bullmq: TUNING,
    ...Object.fromEntries(implementations.map(({ name, settings }) => [name, settings]))
  },
  causes: [
    "n + 1 in chunks against effect/rpc: a call with an array is one unit, and has no tasks in it. papyros keeps for " +
    "each task whether it may have started, whether it is cancelled, its attempt, its timeout and its outcome: in the " +
    "client, where this takes about a third of the CPU time, and in the thread that runs it. The main thread of the " +
    "worker passes the bytes of most chunks on. The thread is one more hop, which keeps the worker reachable while a " +
    "handler computes.",
    "Latency against effect/rpc: a call of papyros wakes four threads one after the other: the main thread of the " +
    "worker, its thread, the main thread again, and the client. A call of effect/rpc wakes two. The system calls that " +
    "do so, and the messages between threads, are about half of the CPU time of such a call.",
    "n + 1 in chunks of 256 against BullMQ: a chunk of BullMQ is one job with an array, so the first cause applies to it too."
  ],
  cases: [
    ...increments({ implementations, baselines: [rpc.name, bullmq, { name: PAPYROS, bestOf: [PAPYROS] }], targets }),
    latency(implementations, [rpc.name, PAPYROS], latencyTargets),
    ...payloads(implementations, [rpc.name], payloadTargets),
    start,
    ...failover
  ]
}
