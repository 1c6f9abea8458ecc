/**
 * BullMQ on a Redis of its own. A chunk of more than one task is a job with an array
 * in it, which is what its users do by hand: BullMQ itself has no chunks.
 *
 * There are two ways in which a result gets back to who has added the job. One is
 * `QueueEvents`, with one listener for all jobs: `job.waitUntilFinished` asks Redis
 * once more for each. The other is not of BullMQ: workers publish what is completed,
 * so that nobody reads the events of which only every fourth is a result.
 */
import { Queue, QueueEvents } from "bullmq"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { randomUUID } from "node:crypto"
import type { Broken } from "../../harness/model.ts"
import { node } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { Durations, guard } from "../../pool/competitors/implementation.ts"
import { type Client, type Peer, WORKERS } from "./implementation.ts"
import { redis } from "./redis.ts"

export type Payload = number | ReadonlyArray<number>
export type Returned = number | ReadonlyArray<number>
export type Published = readonly [id: string, result: Returned]

/** Jobs at once in a worker; added together; and under way. See `TUNING`. */
const CONCURRENCY = 32
const BULK = 500
const WINDOW = 2000

export const TUNING =
  "tried: concurrency 8 to 512, addBulk of 64 to 1024, 256 to 4096 jobs under way, auto-pipelining; " +
  "beyond the noise only more than 128 at once was slower"

/** Of its stream of events: what is cut off before it was read is lost, and there are four to a job. */
const EVENTS = 100_000

type Back = "QueueEvents" | "pub/sub"

/** The results of jobs, for those who wait for them. */
class Waiting {
  private readonly waiting = new Map<string, (result: Returned) => void>()
  private next = 0

  /** A job's id. */
  add(then: (result: Returned) => void): string {
    const id = `j${this.next++}`
    this.waiting.set(id, then)
    return id
  }

  done(id: string, result: Returned): void {
    const then = this.waiting.get(id)
    // Twice: it was started again.
    if (then === undefined) return
    this.waiting.delete(id)
    then(result)
  }
}

const open = (port: number, name: string, back: Back): Effect.Effect<Client, Broken, Scope.Scope> =>
  Effect.gen(function*() {
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null }
    const queue = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Queue<Payload, Returned, string>(name, {
          connection,
          defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
          streams: { events: { maxLen: EVENTS } }
        })
      ),
      (queue) => Effect.promise(() => queue.close())
    )
    const waiting = new Waiting()
    if (back === "QueueEvents") {
      const events = yield* Effect.acquireRelease(
        Effect.sync(() => new QueueEvents(name, { connection, lastEventId: "0-0" })),
        (events) => Effect.promise(() => events.close())
      )
      // Its type says that it is text, but it is what the worker has returned.
      events.on("completed", ({ jobId, returnvalue }) => waiting.done(jobId, returnvalue as unknown as Returned))
      yield* guard(() => events.waitUntilReady())
    } else {
      const subscriber = yield* Effect.acquireRelease(
        Effect.sync(() => new Redis(connection)),
        (subscriber) => Effect.sync(() => subscriber.disconnect())
      )
      subscriber.on("message", (_channel, text) => {
        const results: ReadonlyArray<Published> = JSON.parse(text)
        for (const [id, result] of results) waiting.done(id, result)
      })
      yield* guard(() => subscriber.subscribe(name))
    }
    yield* guard(() => queue.waitUntilReady())

    return {
      ready: Effect.void,
      increments: (tasks, chunkSize) =>
        guard(() =>
          new Promise<Tally>((resolve, reject) => {
            const size = chunkSize === "auto" ? 1 : chunkSize
            const tally = new Tally()
            let next = 1
            let under = 0
            const done = (result: Returned) => {
              if (typeof result === "number") tally.success(result)
              else for (const one of result) tally.success(one)
              under--
              if (tally.succeeded === tasks) resolve(tally)
              else add()
            }
            const add = () => {
              while (next <= tasks && under + BULK <= WINDOW) {
                const jobs = []
                while (jobs.length < BULK && next <= tasks) {
                  const data = chunkSize === "auto" || size === 1
                    ? next
                    : Array.from({ length: Math.min(size, tasks - next + 1) }, (_, i) => next + i)
                  next += size
                  jobs.push({ name: "inc", data, opts: { jobId: waiting.add(done) } })
                }
                under += jobs.length
                queue.addBulk(jobs).catch(reject)
              }
            }
            add()
          })
        ),
      oneByOne: (tasks) =>
        guard(async () => {
          const tally = new Tally()
          const durations = new Durations()
          for (let n = 1; n <= tasks; n++) {
            const before = performance.now()
            const result = await new Promise<Returned>((resolve, reject) => {
              queue.add("inc", n, { jobId: waiting.add(resolve) }).catch(reject)
            })
            durations.add(performance.now() - before)
            tally.success(Number(result))
          }
          return { tally, figures: durations.figures() }
        })
    }
  })

const peer = (back: Back): Peer => ({
  name: `BullMQ, ${back}`,
  settings: `${WORKERS} processes, concurrency ${CONCURRENCY}, addBulk of ${BULK}, ${WINDOW} jobs under way, ` +
    `removeOnComplete, Redis without persistence, results by ${back}`,
  deploy: Effect.gen(function*() {
    const port = yield* redis
    const name = `inc-${randomUUID()}`
    const workers = yield* Effect.replicateEffect(
      node("../remote/competitors/workers/bullmq.ts", [
        String(port),
        name,
        String(CONCURRENCY),
        String(back === "pub/sub")
      ]),
      WORKERS
    )
    yield* Effect.forEach(workers, (worker) => worker.wrote(/(ready)/))
    return open(port, name, back)
  })
})

export const bullmqs = [peer("QueueEvents"), peer("pub/sub")]
