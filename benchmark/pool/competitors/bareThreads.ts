/**
 * The ideal that a pool is measured by: bare threads that each get half of all tasks
 * in one message, do them in a loop and send all results in another. Nothing that
 * hands tasks out one by one can know the halves in advance.
 */
import * as Effect from "effect/Effect"
import { Worker } from "node:worker_threads"
import { Tally } from "../../harness/tally.ts"
import { THREADS } from "../workload/concurrency.ts"
import type { Spin } from "../workload/functions.ts"
import { guard, type Load } from "./implementation.ts"

export const NO_POOL = "no pool"

/** Tasks go to the threads in turns of this many, so that each gets its share of every phase. */
const TURN = 100

export const noPool = Effect.acquireRelease(
  Effect.sync(() => Array.from({ length: THREADS }, () => new Worker(new URL("./workers/bare.ts", import.meta.url)))),
  (threads) => Effect.promise(() => Promise.all(threads.map((thread) => thread.terminate())))
).pipe(Effect.map((threads) => (load: Load<"spin">, tasks: number) =>
  guard(async () => {
    const shares = threads.map((): Array<Spin> => [])
    for (let i = 0; i < tasks; i++) shares[Math.floor(i / TURN) % THREADS].push(load.payload(i))
    const tally = new Tally()
    await Promise.all(threads.map(async (thread, at) => {
      for (const n of await ask(thread, shares[at])) tally.success(load.outcome(n))
    }))
    return tally
  })
))

const ask = (thread: Worker, spins: ReadonlyArray<Spin>): Promise<ReadonlyArray<number>> =>
  new Promise((resolve, reject) => {
    thread.once("error", reject)
    thread.once("message", (results) => {
      thread.off("error", reject)
      resolve(results)
    })
    thread.postMessage(spins)
  })
