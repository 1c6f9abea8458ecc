/**
 * effect/rpc over effect/workers: Effect's own way to call code in worker threads. Tracing is off, and schemas are
 * compiled in its threads, as in those of papyros.
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import { Worker } from "node:worker_threads"
import { IN_FLIGHT, THREADS } from "../../harness/concurrency.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { Tally } from "../../harness/tally.ts"
import { toCompetitorError, withTimeout } from "../../harness/timeout.ts"
import { Durations } from "../../harness/timing.ts"
import type { FunctionName, Payloads } from "../workload/functions.ts"
import type { TaskInput } from "../workload/taskInput.ts"
import type { OpenPool, PoolImplementation } from "./implementation.ts"
import { Rpcs } from "./rpcGroup.ts"

/** Calls in flight per thread. With more than an equal share, one thread would get all calls. */
const CONCURRENCY = IN_FLIGHT / THREADS

const open = Effect.gen(function*() {
  const threads: Array<Worker> = []
  const platform = NodeWorker.layer(() => {
    const thread = new Worker(moduleUrl("./workers/rpc.ts", import.meta.url))
    threads.push(thread)
    return thread
  })
  const protocol = yield* Layer.build(
    Layer.provide(RpcClient.layerProtocolWorker({ size: THREADS, concurrency: CONCURRENCY }), platform)
  )
  const client = yield* Effect.provideContext(RpcClient.make(Rpcs, { disableTracing: true }), protocol)
  // This finalizer runs before that of the layer, which waits up to 5 seconds for its threads.
  yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(threads.map((thread) => thread.terminate()))))

  const calls: {
    readonly [F in FunctionName]: (payload: Payloads[F], transfer: boolean) => Effect.Effect<unknown, unknown>
  } = {
    inc: (n) => client.inc({ n }),
    spin: (payload) => client.spin(payload),
    sum: (payload) => client.sum(payload),
    echo: (bytes, transfer) => transfer ? client.echoMoved({ bytes }) : client.echo({ bytes })
  }
  const call = <F extends FunctionName>(input: TaskInput<F>, payload: Payloads[F]): Effect.Effect<unknown, unknown> =>
    calls[input.function](payload, input.transfer)

  const pool: OpenPool = {
    run: (input, tasks) =>
      Effect.suspend(() => {
        const tally = new Tally()
        let next = 0
        const loop = Effect.whileLoop({
          while: () => next < tasks,
          body: () => call(input, input.payload(next++)),
          step: (result) => {
            tally.success(input.toNumber(result))
          }
        })
        return Effect.replicateEffect(loop, IN_FLIGHT, { concurrency: IN_FLIGHT, discard: true }).pipe(
          Effect.as(tally),
          Effect.mapError(toCompetitorError),
          withTimeout
        )
      }),
    runSequentially: (input, tasks, pause) =>
      Effect.gen(function*() {
        const tally = new Tally()
        const durations = new Durations()
        for (let i = 0; i < tasks; i++) {
          const payload = input.payload(i)
          if (pause > 0) yield* Effect.sleep(pause)
          const before = performance.now()
          const result = yield* call(input, payload)
          durations.add(performance.now() - before)
          tally.success(input.toNumber(result))
        }
        return { tally, values: durations.percentiles() }
      }).pipe(Effect.mapError(toCompetitorError), withTimeout)
  }
  return pool
})

export const rpc: PoolImplementation = {
  name: "effect/rpc",
  settings:
    `layerProtocolWorker, concurrency ${CONCURRENCY} per thread, disableTracing, schemas compiled in the threads`,
  transfersResults: true,
  open: Effect.mapError(open, toCompetitorError)
}
