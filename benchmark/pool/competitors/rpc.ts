/**
 * Effect's own way to worker threads: effect/rpc over effect/workers, without
 * tracing, and with compiled schemas in its threads: as in those of papyros.
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import { Worker } from "node:worker_threads"
import { Tally } from "../../harness/tally.ts"
import { THREADS, WINDOW } from "../workload/concurrency.ts"
import type { Payloads, WorkName } from "../workload/functions.ts"
import { broken, type Contestant, Durations, hangs, type Load, type Peer } from "./implementation.ts"
import { Rpcs } from "./rpcGroup.ts"

/** With more in a thread than its share of the window, one thread would get all of them. */
const CONCURRENCY = WINDOW / THREADS

const open = Effect.gen(function*() {
  const started: Array<Worker> = []
  const platform = NodeWorker.layer(() => {
    const thread = new Worker(new URL("./workers/rpc.ts", import.meta.url))
    started.push(thread)
    return thread
  })
  const protocol = yield* Layer.build(
    Layer.provide(RpcClient.layerProtocolWorker({ size: THREADS, concurrency: CONCURRENCY }), platform)
  )
  const client = yield* Effect.provideContext(RpcClient.make(Rpcs, { disableTracing: true }), protocol)
  // Done before the layer closes, which would wait 5 seconds for its threads.
  yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(started.map((thread) => thread.terminate()))))

  const calls: { readonly [W in WorkName]: (payload: Payloads[W], move: boolean) => Effect.Effect<unknown, unknown> } =
    {
      inc: (n) => client.inc({ n }),
      spin: (payload) => client.spin(payload),
      sum: (payload) => client.sum(payload),
      echo: (bytes, move) => move ? client.echoMoved({ bytes }) : client.echo({ bytes })
    }
  const call = <W extends WorkName>({ move, work }: Load<W>, payload: Payloads[W]): Effect.Effect<unknown, unknown> =>
    calls[work](payload, move)

  const contestant: Contestant = {
    run: (load, tasks) =>
      Effect.suspend(() => {
        const tally = new Tally()
        let next = 0
        const loop = Effect.whileLoop({
          while: () => next < tasks,
          body: () => call(load, load.payload(next++)),
          step: (result) => {
            tally.success(load.outcome(result))
          }
        })
        return Effect.replicateEffect(loop, WINDOW, { concurrency: WINDOW, discard: true }).pipe(
          Effect.as(tally),
          Effect.mapError(broken),
          hangs
        )
      }),
    oneByOne: (load, tasks, pause) =>
      Effect.gen(function*() {
        const tally = new Tally()
        const durations = new Durations()
        for (let i = 0; i < tasks; i++) {
          const payload = load.payload(i)
          if (pause > 0) yield* Effect.sleep(pause)
          const before = performance.now()
          const result = yield* call(load, payload)
          durations.add(performance.now() - before)
          tally.success(load.outcome(result))
        }
        return { tally, figures: durations.figures() }
      }).pipe(Effect.mapError(broken), hangs)
  }
  return contestant
})

export const rpc: Peer = {
  name: "effect/rpc",
  settings: `layerProtocolWorker, concurrency ${CONCURRENCY} a thread, disableTracing, schemas compiled in the threads`,
  returnsMoved: true,
  open: Effect.mapError(open, broken)
}
