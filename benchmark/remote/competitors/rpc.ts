/**
 * effect/rpc over TCP to one server process: Effect's own way to call code in another process. Every chunk is one call.
 * Tracing is off, and schemas are compiled in the server.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as Scope from "effect/Scope"
import type { CompetitorError } from "../../harness/model.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { startModule } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { toCompetitorError, withTimeout } from "../../harness/timeout.ts"
import { Durations } from "../../harness/timing.ts"
import type { Client, RemoteImplementation } from "./implementation.ts"
import { Rpcs, serialization } from "./rpcGroup.ts"

/** The chunk size where papyros chooses its own. */
const AUTO = 256

/** Calls in flight. */
const IN_FLIGHT = 64

const open = (port: number): Effect.Effect<Client, CompetitorError, Scope.Scope> =>
  Effect.gen(function*() {
    const protocol = yield* Layer.build(
      RpcClient.layerProtocolSocket().pipe(
        Layer.provide([NodeSocket.layerNet({ host: "127.0.0.1", port, noDelay: true }), serialization])
      )
    )
    const client = yield* Effect.provideContext(RpcClient.make(Rpcs, { disableTracing: true }), protocol)
    return {
      ready: Effect.void,
      increments: (tasks, chunkSize) =>
        Effect.suspend(() => {
          const size = chunkSize === "auto" ? AUTO : chunkSize
          const tally = new Tally()
          let next = 1
          const call = (): Effect.Effect<number | ReadonlyArray<number>, unknown> => {
            const first = next
            next += size
            return size === 1
              ? client.inc({ n: first })
              : client.incAll({ ns: Array.from({ length: Math.min(size, tasks - first + 1) }, (_, i) => first + i) })
          }
          const loop = Effect.whileLoop({
            while: () => next <= tasks,
            body: call,
            step: (result) => {
              if (typeof result === "number") tally.success(result)
              else for (const one of result) tally.success(one)
            }
          })
          return Effect.replicateEffect(loop, IN_FLIGHT, { concurrency: IN_FLIGHT, discard: true }).pipe(
            Effect.as(tally),
            Effect.mapError(toCompetitorError),
            withTimeout
          )
        }),
      incrementsSequentially: (tasks) =>
        Effect.gen(function*() {
          const tally = new Tally()
          const durations = new Durations()
          for (let n = 1; n <= tasks; n++) {
            const before = performance.now()
            const result = yield* client.inc({ n })
            durations.add(performance.now() - before)
            tally.success(result)
          }
          return { tally, values: durations.percentiles() }
        }).pipe(Effect.mapError(toCompetitorError), withTimeout)
    } satisfies Client
  }).pipe(Effect.mapError(toCompetitorError))

export const rpc: RemoteImplementation = {
  name: "effect/rpc",
  settings: `layerProtocolSocket to one process, layerSchemaBinary, noDelay, ${IN_FLIGHT} calls in flight, ` +
    `disableTracing, schemas compiled in the server; chunks of ${AUTO} where papyros chooses the chunk size`,
  deploy: Effect.gen(function*() {
    const server = yield* startModule(moduleUrl("./workers/rpc.ts", import.meta.url), [])
    return open(Number(yield* server.waitForOutput(/listening on (\d+)/)))
  })
}
