/**
 * Effect's own way to another process: effect/rpc over TCP to one server, a call for
 * each chunk, without tracing, and with compiled schemas in the server.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as Scope from "effect/Scope"
import type { Broken } from "../../harness/model.ts"
import { node } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { broken, Durations, hangs } from "../../pool/competitors/implementation.ts"
import { WINDOW } from "../../pool/workload/concurrency.ts"
import type { Client, Peer } from "./implementation.ts"
import { Rpcs, serialization } from "./rpcGroup.ts"

/** Where it is compared with chunks of no fixed size. */
const AUTO = 256

const open = (port: number): Effect.Effect<Client, Broken, Scope.Scope> =>
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
          return Effect.replicateEffect(loop, WINDOW, { concurrency: WINDOW, discard: true }).pipe(
            Effect.as(tally),
            Effect.mapError(broken),
            hangs
          )
        }),
      oneByOne: (tasks) =>
        Effect.gen(function*() {
          const tally = new Tally()
          const durations = new Durations()
          for (let n = 1; n <= tasks; n++) {
            const before = performance.now()
            const result = yield* client.inc({ n })
            durations.add(performance.now() - before)
            tally.success(result)
          }
          return { tally, figures: durations.figures() }
        }).pipe(Effect.mapError(broken), hangs)
    } satisfies Client
  }).pipe(Effect.mapError(broken))

export const rpc: Peer = {
  name: "effect/rpc",
  settings: `layerProtocolSocket to one process, layerSchemaBinary, noDelay, ${WINDOW} calls under way, ` +
    `disableTracing, schemas compiled in the server; chunks of ${AUTO} where others choose`,
  deploy: Effect.gen(function*() {
    const server = yield* node("../remote/competitors/workers/rpc.ts", [])
    return open(Number(yield* server.wrote(/listening on (\d+)/)))
  })
}
