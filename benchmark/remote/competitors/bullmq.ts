/**
 * BullMQ on a Redis of its own. It has no chunks: a chunk of several tasks is a job with an array, as its users write
 * it by hand. Jobs are JSON, so that bytes are text in base64.
 *
 * Results reach the client in two ways, each a competitor of its own. `QueueEvents` is BullMQ's own, with one listener
 * for all jobs, because `job.waitUntilFinished` queries Redis again for each job. With pub/sub the workers publish the
 * results of completed jobs, which saves reading four events for each job.
 */
import { Queue, QueueEvents } from "bullmq"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { randomUUID } from "node:crypto"
import type { CompetitorError } from "../../harness/model.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { startModule } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { fromPromise } from "../../harness/timeout.ts"
import { Durations } from "../../harness/timing.ts"
import { numberOf, type Payload } from "../workload/payloads.ts"
import { type Client, type RemoteImplementation, WORKERS } from "./implementation.ts"
import { durableRedis, redis } from "./redis.ts"

export type JobData = number | ReadonlyArray<number> | string
export type JobResult = number | ReadonlyArray<number> | string
export type PublishedResult = readonly [id: string, result: JobResult]

/** Concurrent jobs in a worker, jobs added with one call, and jobs in flight. `TUNING` has the values tried. */
const CONCURRENCY = 32
const BULK = 500
const IN_FLIGHT = 2000

export const TUNING =
  "tried concurrency 8 to 512, addBulk of 64 to 1024, 256 to 4096 jobs in flight, and auto-pipelining; beyond noise, " +
  "only a concurrency above 128 made a difference: it was slower"

/** The length of the stream of events: BullMQ trims older ones, read or not, and writes four per job. */
const MAX_EVENTS = 100_000

type ResultPath = "QueueEvents" | "pub/sub"

/** The callbacks of jobs that have no result yet. */
class PendingJobs {
  private readonly callbacks = new Map<string, (result: JobResult) => void>()
  private next = 0

  /** Returns the id of the new job. */
  add(callback: (result: JobResult) => void): string {
    const id = `j${this.next++}`
    this.callbacks.set(id, callback)
    return id
  }

  complete(id: string, result: JobResult): void {
    const callback = this.callbacks.get(id)
    // BullMQ restarts a job that it takes for stalled: it then completes twice.
    if (callback === undefined) return
    this.callbacks.delete(id)
    callback(result)
  }
}

const open = (port: number, name: string, path: ResultPath): Effect.Effect<Client, CompetitorError, Scope.Scope> =>
  Effect.gen(function*() {
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null }
    const queue = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Queue<JobData, JobResult, string>(name, {
          connection,
          defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
          streams: { events: { maxLen: MAX_EVENTS } }
        })
      ),
      (queue) => Effect.promise(() => queue.close())
    )
    const pending = new PendingJobs()
    if (path === "QueueEvents") {
      const events = yield* Effect.acquireRelease(
        Effect.sync(() => new QueueEvents(name, { connection, lastEventId: "0-0" })),
        (events) => Effect.promise(() => events.close())
      )
      // Its declared type is string, but it holds the value that the worker returned.
      events.on("completed", ({ jobId, returnvalue }) => pending.complete(jobId, returnvalue as unknown as JobResult))
      yield* fromPromise(() => events.waitUntilReady())
    } else {
      const subscriber = yield* Effect.acquireRelease(
        Effect.sync(() => new Redis(connection)),
        (subscriber) => Effect.sync(() => subscriber.disconnect())
      )
      subscriber.on("message", (_channel, text) => {
        const results: ReadonlyArray<PublishedResult> = JSON.parse(text)
        for (const [id, result] of results) pending.complete(id, result)
      })
      yield* fromPromise(() => subscriber.subscribe(name))
    }
    yield* fromPromise(() => queue.waitUntilReady())

    /** Runs jobs until `next` returns none. */
    const run = (next: () => JobData | undefined, onResult: (result: JobResult) => void) =>
      fromPromise(() =>
        new Promise<void>((resolve, reject) => {
          let inFlight = 0
          let data = next()
          const ended = (result: JobResult) => {
            onResult(result)
            inFlight--
            if (data === undefined && inFlight === 0) resolve()
            else add()
          }
          const add = () => {
            while (data !== undefined && inFlight + BULK <= IN_FLIGHT) {
              const jobs = []
              for (; jobs.length < BULK && data !== undefined; data = next()) {
                jobs.push({ name: "inc", data, opts: { jobId: pending.add(ended) } })
              }
              inFlight += jobs.length
              queue.addBulk(jobs).catch(reject)
            }
          }
          add()
        })
      )

    return {
      ready: Effect.void,
      increments: (tasks, chunkSize) =>
        Effect.suspend(() => {
          const size = chunkSize === "auto" ? 1 : chunkSize
          const tally = new Tally()
          let n = 1
          const next = (): JobData | undefined => {
            if (n > tasks) return undefined
            const first = n
            n += size
            return size === 1 ? first : Array.from({ length: Math.min(size, tasks - first + 1) }, (_, i) => first + i)
          }
          const onResult = (result: JobResult) => {
            if (typeof result !== "object") tally.success(Number(result))
            else for (const one of result) tally.success(one)
          }
          return Effect.as(run(next, onResult), tally)
        }),
      incrementsSequentially: (tasks) =>
        fromPromise(async () => {
          const tally = new Tally()
          const durations = new Durations()
          for (let n = 1; n <= tasks; n++) {
            const before = performance.now()
            const result = await new Promise<JobResult>((resolve, reject) => {
              queue.add("inc", n, { jobId: pending.add(resolve) }).catch(reject)
            })
            durations.add(performance.now() - before)
            tally.success(Number(result))
          }
          return { tally, values: durations.percentiles() }
        }),
      echo: (payloads) =>
        Effect.suspend(() => {
          const tally = new Tally()
          const isText = typeof payloads[0] === "string"
          const rest = payloads.values()
          const next = () => {
            const { done, value } = rest.next()
            return done === true ? undefined : toJson(value)
          }
          const fromJson = (text: string) => isText ? text : Buffer.from(text, "base64")
          return Effect.as(run(next, (result) => tally.success(numberOf(fromJson(String(result))))), tally)
        })
    } satisfies Client
  })

const toJson = (payload: Payload): string =>
  typeof payload === "string"
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("base64")

const implementation = (path: ResultPath, durable = false): RemoteImplementation => ({
  name: `BullMQ, ${path}`,
  settings: `${WORKERS} worker process, concurrency ${CONCURRENCY}, addBulk of ${BULK}, ${IN_FLIGHT} jobs in flight, ` +
    `removeOnComplete, Redis ${durable ? "with appendfsync everysec" : "without persistence"}, results by ${path}`,
  tasks: { 1: 5000, 16: 80_000, 256: 400_000, auto: 5000 },
  payloads: 400,
  deploy: Effect.gen(function*() {
    const { port, server } = yield* durable ? durableRedis : redis
    const name = `inc-${randomUUID()}`
    const workers = yield* Effect.replicateEffect(
      startModule(moduleUrl("./workers/bullmq.ts", import.meta.url), [
        String(port),
        name,
        String(CONCURRENCY),
        String(path === "pub/sub")
      ]),
      WORKERS
    )
    yield* Effect.forEach(workers, (worker) => worker.waitForOutput(/(ready)/))
    return { servers: [server, ...workers], open: open(port, name, path) }
  })
})

export const bullmqs = [implementation("QueueEvents"), implementation("pub/sub")]

/** On a Redis that keeps its data. */
export const durableBullmqs = [implementation("QueueEvents", true), implementation("pub/sub", true)]
