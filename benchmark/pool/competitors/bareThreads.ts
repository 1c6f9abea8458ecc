/**
 * The upper bound for a pool: bare worker threads that each receive half of the tasks in one message, run them in a
 * loop and return all results in one message. A pool that hands out tasks one by one cannot know the halves.
 */
import * as Effect from "effect/Effect"
import { Worker } from "node:worker_threads"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { Tally } from "../../harness/tally.ts"
import { fromPromise } from "../../harness/timeout.ts"
import type { Spin } from "../workload/functions.ts"
import type { TaskInput } from "../workload/taskInput.ts"

export const BARE_THREADS = "bare threads"

/** Threads get tasks in alternating blocks of this size, so that each has its share of every phase of a case. */
const BLOCK = 100

export const bareThreads = Effect.acquireRelease(
  Effect.sync(() => Array.from({ length: THREADS }, () => new Worker(moduleUrl("./workers/bare.ts", import.meta.url)))),
  (threads) => Effect.promise(() => Promise.all(threads.map((thread) => thread.terminate())))
).pipe(Effect.map((threads) => (input: TaskInput<"spin">, tasks: number) =>
  fromPromise(async () => {
    const shares = threads.map((): Array<Spin> => [])
    for (let i = 0; i < tasks; i++) shares[Math.floor(i / BLOCK) % THREADS].push(input.payload(i))
    const tally = new Tally()
    await Promise.all(threads.map(async (thread, at) => {
      for (const n of await request(thread, shares[at])) tally.success(input.toNumber(n))
    }))
    return tally
  })
))

const request = (thread: Worker, spins: ReadonlyArray<Spin>): Promise<ReadonlyArray<number>> =>
  new Promise((resolve, reject) => {
    thread.once("error", reject)
    thread.once("message", (results) => {
      thread.off("error", reject)
      resolve(results)
    })
    thread.postMessage(spins)
  })
