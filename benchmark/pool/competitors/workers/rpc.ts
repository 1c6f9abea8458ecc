// Before any schema is used, as in the threads of papyros.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Work from "../../workload/functions.ts"
import { Rpcs } from "../rpcGroup.ts"

const handlers = Rpcs.toLayer({
  inc: ({ n }) => Effect.sync(() => Work.inc(n)),
  spin: (payload) => Effect.sync(() => Work.spin(payload)),
  sum: (payload) => Effect.sync(() => Work.sum(payload)),
  echo: ({ bytes }) => Effect.sync(() => Work.echo(bytes)),
  echoMoved: ({ bytes }) => Effect.sync(() => Work.echo(bytes))
})

RpcServer.layer(Rpcs, { disableTracing: true, concurrency: "unbounded" }).pipe(
  Layer.provide([handlers, Layer.provide(RpcServer.layerProtocolWorkerRunner, NodeWorkerRunner.layer)]),
  Layer.launch,
  Effect.runFork
)
