/**
 * effect/rpc over TCP to one server process: Effect's own way to call code in another process. A chunk is one call with
 * an array, or each of its tasks is a call. Tracing is off, and schemas are compiled in the server.
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
import { numberOf, type Payload } from "../workload/payloads.ts"
import type { ChunkSize, Client, RemoteImplementation } from "./implementation.ts"
import { Rpcs, serialization } from "./rpcGroup.ts"

/** The chunk size where papyros chooses its own. */
const AUTO = 256

/** Calls in flight. */
const IN_FLIGHT = 64

/** Makes calls until `next` returns none, so many at a time. */
const inParallel = <A, E>(
  next: () => Effect.Effect<A, E> | undefined,
  onResult: (result: A) => void
): Effect.Effect<void, CompetitorError> => {
  let call = next()
  const loop = Effect.whileLoop({
    while: () => call !== undefined,
    body: () => {
      const body = call!
      call = next()
      return body
    },
    step: onResult
  })
  return Effect.replicateEffect(loop, IN_FLIGHT, { concurrency: IN_FLIGHT, discard: true }).pipe(
    Effect.mapError(toCompetitorError),
    withTimeout
  )
}

const open = (port: number, callPerTask: boolean): Effect.Effect<Client, CompetitorError, Scope.Scope> =>
  Effect.gen(function*() {
    const protocol = yield* Layer.build(
      RpcClient.layerProtocolSocket().pipe(
        Layer.provide([NodeSocket.layerNet({ host: "127.0.0.1", port, noDelay: true }), serialization])
      )
    )
    const client = yield* Effect.provideContext(RpcClient.make(Rpcs, { disableTracing: true }), protocol)
    const echo = (payload: Payload): Effect.Effect<Payload, unknown> =>
      typeof payload === "string" ? client.echoText({ text: payload }) : client.echoBytes({ bytes: payload })
    return {
      ready: Effect.void,
      increments: (tasks, chunkSize) =>
        Effect.suspend(() => {
          const size = callPerTask ? 1 : chunkSize === "auto" ? AUTO : chunkSize
          const tally = new Tally()
          let next = 1
          const call = (): Effect.Effect<number | ReadonlyArray<number>, unknown> | undefined => {
            if (next > tasks) return undefined
            const first = next
            next += size
            return size === 1
              ? client.inc({ n: first })
              : client.incAll({ ns: Array.from({ length: Math.min(size, tasks - first + 1) }, (_, i) => first + i) })
          }
          return Effect.as(
            inParallel(call, (result) => {
              if (typeof result === "number") tally.success(result)
              else for (const one of result) tally.success(one)
            }),
            tally
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
        }).pipe(Effect.mapError(toCompetitorError), withTimeout),
      echo: (payloads) =>
        Effect.suspend(() => {
          const tally = new Tally()
          const next = payloads.values()
          const call = () => {
            const { done, value } = next.next()
            return done === true ? undefined : echo(value)
          }
          return Effect.as(inParallel(call, (payload) => tally.success(numberOf(payload))), tally)
        })
    } satisfies Client
  }).pipe(Effect.mapError(toCompetitorError))

const implementation = (
  name: string,
  callPerTask: boolean,
  tasks: Readonly<Record<ChunkSize, number>>
): RemoteImplementation => ({
  name,
  settings: `layerProtocolSocket to one process, layerSchemaBinary, noDelay, ${IN_FLIGHT} calls in flight, ` +
    `disableTracing, schemas compiled in the server; ${
      callPerTask ? "each task is a call" : `chunks of ${AUTO} where papyros chooses the chunk size`
    }`,
  tasks,
  payloads: 1000,
  deploy: Effect.gen(function*() {
    const server = yield* startModule(moduleUrl("./workers/rpc.ts", import.meta.url), [])
    const port = Number(yield* server.waitForOutput(/listening on (\d+)/))
    return { servers: [server], open: open(port, callPerTask) }
  })
})

export const rpc = implementation("effect/rpc", false, { 1: 20_000, 16: 200_000, 256: 500_000, auto: 500_000 })

/** Without chunks. */
export const rpcCalls = implementation("effect/rpc, a call for each task", true, {
  1: 20_000,
  16: 20_000,
  256: 20_000,
  auto: 20_000
})
