/** A worker thread of effect/rpc. */
// This import must come before the first use of a schema. The threads of papyros have it too.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Functions from "../../workload/functions.ts"
import { Rpcs } from "../rpcGroup.ts"

const handlers = Rpcs.toLayer({
  inc: ({ n }) => Effect.sync(() => Functions.inc(n)),
  spin: (payload) => Effect.sync(() => Functions.spin(payload)),
  sum: (payload) => Effect.sync(() => Functions.sum(payload)),
  echo: ({ bytes }) => Effect.sync(() => Functions.echo(bytes)),
  echoMoved: ({ bytes }) => Effect.sync(() => Functions.echo(bytes))
})

RpcServer.layer(Rpcs, { disableTracing: true, concurrency: "unbounded" }).pipe(
  Layer.provide([handlers, Layer.provide(RpcServer.layerProtocolWorkerRunner, NodeWorkerRunner.layer)]),
  Layer.launch,
  Effect.runFork
)
