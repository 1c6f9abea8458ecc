/**
 * Libraries with pools of worker threads: piscina, tinypool, workerpool and poolifier, each with the same number of
 * threads and the setup of its readme.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { EventEmitter } from "node:events"
import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { FixedThreadPool } from "poolifier"
import Tinypool from "tinypool"
import workerpool from "workerpool"
import { THREADS } from "../../harness/concurrency.ts"
import type { CompetitorError } from "../../harness/model.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { toCompetitorError } from "../../harness/timeout.ts"
import type { FunctionName } from "../workload/functions.ts"
import type { TaskInput } from "../workload/taskInput.ts"
import { fromCall, type OpenPool, type PoolImplementation } from "./implementation.ts"

/** Tasks that a library may send to a thread ahead, in its rows with a prefetch. */
const PREFETCH = 16

const worker = (name: string): URL => moduleUrl(`./workers/${name}.ts`, import.meta.url)

/** The name of the function in the worker: with `transfer`, the one that transfers its result. */
const functionName = (input: TaskInput<FunctionName>): string =>
  input.transfer ? `${input.function}Moved` : input.function

/** The buffer of a payload; no function but `echo` has its payload transferred. */
const bufferOf = (payload: unknown): ArrayBuffer => {
  if (payload instanceof Uint8Array && payload.buffer instanceof ArrayBuffer) return payload.buffer
  throw new TypeError("only a Uint8Array can be transferred")
}

/** Opens a pool and closes it with the scope, for at most 5 seconds and ignoring errors. */
const scoped = <Pool extends object>(
  open: () => Pool,
  toOpenPool: (pool: Pool) => OpenPool,
  close: (pool: Pool) => Promise<unknown>
): Effect.Effect<OpenPool, CompetitorError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const pool = open()
        // An error of a thread shows as tasks that fail or hang. An "error" event without a listener would end the
        // benchmark.
        if (pool instanceof EventEmitter) pool.on("error", () => {})
        return pool
      },
      catch: toCompetitorError
    }),
    (pool) => Effect.ignore(Effect.timeout(Effect.tryPromise(() => close(pool)), "5 seconds"))
  ).pipe(Effect.map(toOpenPool))

const piscina = (name: string, concurrentTasksPerWorker: number): PoolImplementation => ({
  name,
  settings: `concurrentTasksPerWorker ${concurrentTasksPerWorker}`,
  transfersResults: true,
  open: openPiscina(worker("piscina"), concurrentTasksPerWorker)
})

export const openPiscina = (filename: URL, concurrentTasksPerWorker: number) =>
  scoped(
    () => new Piscina({ filename: filename.href, minThreads: THREADS, maxThreads: THREADS, concurrentTasksPerWorker }),
    (pool) =>
      fromCall((input) => {
        const options = { name: functionName(input) }
        return input.transfer
          ? (payload) => pool.run(payload, { ...options, transferList: [bufferOf(payload)] })
          : (payload) => pool.run(payload, options)
      }),
    (pool) => pool.destroy()
  )

const tinypool = (name: string, concurrentTasksPerWorker: number): PoolImplementation => ({
  name,
  settings: `concurrentTasksPerWorker ${concurrentTasksPerWorker}`,
  transfersResults: true,
  open: scoped(
    () =>
      new Tinypool({
        filename: worker("tinypool").href,
        minThreads: THREADS,
        maxThreads: THREADS,
        concurrentTasksPerWorker
      }),
    (pool) =>
      fromCall((input) => {
        const options = { name: functionName(input) }
        return input.transfer
          ? (payload) => pool.run(payload, { ...options, transferList: [bufferOf(payload)] })
          : (payload) => pool.run(payload, options)
      }),
    (pool) => pool.destroy()
  )
})

const workerPool: PoolImplementation = {
  name: "workerpool",
  settings: "workerType thread",
  transfersResults: true,
  open: scoped(
    () =>
      workerpool.pool(fileURLToPath(worker("workerpool")), {
        minWorkers: THREADS,
        maxWorkers: THREADS,
        workerType: "thread"
      }),
    (pool) =>
      fromCall((input) => {
        const name = functionName(input)
        return async (payload) =>
          pool.exec(name, [payload], input.transfer ? { transfer: [bufferOf(payload)] } : undefined)
      }),
    async (pool) => {
      await pool.terminate(true)
    }
  )
}

const poolifier = (name: string, concurrency: number): PoolImplementation => ({
  name,
  settings: `FixedThreadPool, enableTasksQueue, tasksQueueOptions.concurrency ${concurrency}`,
  transfersResults: false,
  open: scoped(
    () =>
      new FixedThreadPool(THREADS, fileURLToPath(worker("poolifier")), {
        enableTasksQueue: true,
        tasksQueueOptions: { concurrency }
      }),
    (pool) =>
      fromCall((input) => {
        const name = functionName(input)
        return input.transfer
          ? (payload) => pool.execute(payload, name, undefined, [bufferOf(payload)])
          : (payload) => pool.execute(payload, name)
      }),
    (pool) => pool.destroy()
  )
})

export const PISCINA = "piscina"
export const PISCINA_PREFETCH = `piscina c=${PREFETCH}`
export const TINYPOOL_PREFETCH = `tinypool c=${PREFETCH}`

export const threadPools: ReadonlyArray<PoolImplementation> = [
  piscina(PISCINA, 1),
  piscina(PISCINA_PREFETCH, PREFETCH),
  tinypool("tinypool", 1),
  tinypool(TINYPOOL_PREFETCH, PREFETCH),
  workerPool,
  poolifier("poolifier", 1),
  poolifier(`poolifier c=${PREFETCH}`, PREFETCH)
]
