/** Pools of worker threads for Node, each with as many threads and set up as its readme says. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { EventEmitter } from "node:events"
import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { FixedThreadPool } from "poolifier"
import Tinypool from "tinypool"
import workerpool from "workerpool"
import type { Broken } from "../../harness/model.ts"
import { THREADS } from "../workload/concurrency.ts"
import type { WorkName } from "../workload/functions.ts"
import { broken, type Contestant, fromPromises, type Load, type Peer } from "./implementation.ts"

/** Tasks that a thread is given at once, by pools that let one choose. */
const AHEAD = 16

const worker = (name: string): URL => new URL(`./workers/${name}.ts`, import.meta.url)

const functionOf = (load: Load<WorkName>): string => load.move ? `${load.work}Moved` : load.work

/** Nothing but bytes is ever transferred. */
const bufferOf = (payload: unknown): ArrayBuffer => {
  if (payload instanceof Uint8Array && payload.buffer instanceof ArrayBuffer) return payload.buffer
  throw new TypeError("only a Uint8Array can be transferred")
}

/** Opens a pool and closes it with the scope, however its closing goes. */
const scoped = <Pool extends object>(
  open: () => Pool,
  contestant: (pool: Pool) => Contestant,
  close: (pool: Pool) => Promise<unknown>
): Effect.Effect<Contestant, Broken, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const pool = open()
        // An error of a thread is known by the tasks that fail or never end; nobody listening would end the benchmark.
        if (pool instanceof EventEmitter) pool.on("error", () => {})
        return pool
      },
      catch: broken
    }),
    (pool) => Effect.ignore(Effect.timeout(Effect.tryPromise(() => close(pool)), "5 seconds"))
  ).pipe(Effect.map(contestant))

const piscina = (name: string, concurrentTasksPerWorker: number): Peer => ({
  name,
  settings: `concurrentTasksPerWorker ${concurrentTasksPerWorker}`,
  returnsMoved: true,
  open: openPiscina(worker("piscina"), concurrentTasksPerWorker)
})

export const openPiscina = (filename: URL, concurrentTasksPerWorker: number) =>
  scoped(
    () => new Piscina({ filename: filename.href, minThreads: THREADS, maxThreads: THREADS, concurrentTasksPerWorker }),
    (pool) =>
      fromPromises((load) => {
        const options = { name: functionOf(load) }
        return load.move
          ? (payload) => pool.run(payload, { ...options, transferList: [bufferOf(payload)] })
          : (payload) => pool.run(payload, options)
      }),
    (pool) => pool.destroy()
  )

const tinypool = (name: string, concurrentTasksPerWorker: number): Peer => ({
  name,
  settings: `concurrentTasksPerWorker ${concurrentTasksPerWorker}`,
  returnsMoved: true,
  open: scoped(
    () =>
      new Tinypool({
        filename: worker("tinypool").href,
        minThreads: THREADS,
        maxThreads: THREADS,
        concurrentTasksPerWorker
      }),
    (pool) =>
      fromPromises((load) => {
        const options = { name: functionOf(load) }
        return load.move
          ? (payload) => pool.run(payload, { ...options, transferList: [bufferOf(payload)] })
          : (payload) => pool.run(payload, options)
      }),
    (pool) => pool.destroy()
  )
})

const workerPool: Peer = {
  name: "workerpool",
  settings: "workerType thread",
  returnsMoved: true,
  open: scoped(
    () =>
      workerpool.pool(fileURLToPath(worker("workerpool")), {
        minWorkers: THREADS,
        maxWorkers: THREADS,
        workerType: "thread"
      }),
    (pool) =>
      fromPromises((load) => {
        const name = functionOf(load)
        return async (payload) => pool.exec(name, [payload], load.move ? { transfer: [bufferOf(payload)] } : undefined)
      }),
    async (pool) => {
      await pool.terminate(true)
    }
  )
}

const poolifier = (name: string, concurrency: number): Peer => ({
  name,
  settings: `FixedThreadPool, enableTasksQueue, tasksQueueOptions.concurrency ${concurrency}`,
  returnsMoved: false,
  open: scoped(
    () =>
      new FixedThreadPool(THREADS, fileURLToPath(worker("poolifier")), {
        enableTasksQueue: true,
        tasksQueueOptions: { concurrency }
      }),
    (pool) =>
      fromPromises((load) => {
        const name = functionOf(load)
        return load.move
          ? (payload) => pool.execute(payload, name, undefined, [bufferOf(payload)])
          : (payload) => pool.execute(payload, name)
      }),
    (pool) => pool.destroy()
  )
})

export const PISCINA = "piscina"
export const PISCINA_AHEAD = `piscina c=${AHEAD}`
export const TINYPOOL_AHEAD = `tinypool c=${AHEAD}`

export const peers: ReadonlyArray<Peer> = [
  piscina(PISCINA, 1),
  piscina(PISCINA_AHEAD, AHEAD),
  tinypool("tinypool", 1),
  tinypool(TINYPOOL_AHEAD, AHEAD),
  workerPool,
  poolifier("poolifier", 1),
  poolifier(`poolifier c=${AHEAD}`, AHEAD)
]
