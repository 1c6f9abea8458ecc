/**
 * The part of a worker process that is the same on every transport: its threads under a scheduler, the sessions of its
 * clients, its offer to a client, and its drain.
 *
 * Must stay true: a worker that drains first returns the tasks that have not started, and then waits for those that
 * run. One loss of a thread fails a task, because the client counts losses.
 */
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { register } from "../../metrics/dispatcherMetrics.ts"
import { percentileOf } from "../../recorder/percentile.ts"
import { makeScheduler, openExecutor } from "../../scheduler/opening.ts"
import type * as ThreadsExecutor from "../../threads/main/executor.ts"
import type { PoolOptions } from "../../threads/main/options.ts"
import { VERSION } from "../../version.ts"
import { TaskCatalog } from "../protocol/catalog.ts"
import { type HandshakeResponse, PROTOCOL } from "../protocol/messages.ts"
import { ClientSessions } from "./sessions.ts"
import * as Watchers from "./watchers.ts"

export interface WorkerServiceOptions {
  readonly pool: PoolOptions
  readonly threads: ThreadsExecutor.PoolExecutor
  /** The name of this worker. */
  readonly name: string
  readonly maxTaskBytes: number
  /** Milliseconds. */
  readonly drainTimeout: number
}

/** The threads end with the scope. */
export const make = Effect.fnUntraced(function*(
  { drainTimeout, maxTaskBytes, name, pool, threads }: WorkerServiceOptions
) {
  const { tasks } = pool.group
  const slots = pool.max * pool.concurrency
  const catalog = new TaskCatalog(tasks)
  const scheduler = yield* makeScheduler(tasks, threads, {
    maxWorkerLosses: 1,
    relays: true,
    workerName: (thread) => `${name}/${thread}`
  })
  yield* register(scheduler, "worker")
  yield* openExecutor(scheduler, threads.open)
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const watchers = yield* Watchers.make(scheduler, name)
  const sessions = new ClientSessions({ scheduler, catalog, worker: name, slots, maxTaskBytes, log })
  const incarnation = randomUUID()

  return {
    slots,
    scheduler,
    sessions,
    watchers,
    incarnation,
    /** The state of the worker, for operators. It is recorded while they ask. */
    status: Effect.gen(function*() {
      const { budget: { starting: _, ...budget } } = yield* watchers.summary
      const slots = Object.values(budget).reduce((sum, millis) => sum + millis, 0)
      const p95 = percentileOf(scheduler.statistics.all, 0.95)
      return { ...sessions.status, busy: { running: budget.running, slots }, ...(p95 === null ? {} : { p95 }) }
    }),
    /** The answer to a client of a protocol. A client of another protocol gets no tasks. */
    offer: (protocol: number): typeof HandshakeResponse.Type => ({
      protocol: PROTOCOL,
      version: VERSION,
      worker: name,
      slots,
      maxTaskBytes,
      fingerprints: protocol === PROTOCOL ? Array.from(catalog.fingerprints) : [],
      valueFormat: 0,
      incarnation
    }),
    drain: Effect.gen(function*() {
      yield* Effect.logInfo(`Worker ${name} is draining: waiting at most ${drainTimeout} ms for running tasks`)
      const drained = yield* Effect.timeoutOption(Effect.interruptible(sessions.drain), drainTimeout)
      yield* Effect.logInfo(
        drained._tag === "Some" ? `Worker ${name} is drained` : `Worker ${name} stopped waiting for running tasks`
      )
    })
  }
})
