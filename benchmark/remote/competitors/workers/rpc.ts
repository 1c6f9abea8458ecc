/** A server process of effect/rpc. It listens on a free port of the loopback interface, and prints the port. */
// This import must come before the first use of a schema.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcServer from "effect/rpc/RpcServer"
import * as SocketServer from "effect/socket/SocketServer"
import { inc } from "../../workload/increments.ts"
import { Rpcs, serialization } from "../rpcGroup.ts"

const handlers = Rpcs.toLayer({
  inc: ({ n }) => Effect.sync(() => inc(n)),
  incAll: ({ ns }) => Effect.sync(() => ns.map(inc)),
  echoBytes: ({ bytes }) => Effect.succeed(bytes),
  echoText: ({ text }) => Effect.succeed(text)
})

const printPort = Layer.effectDiscard(Effect.gen(function*() {
  const { address } = yield* SocketServer.SocketServer
  if ("port" in address) process.stdout.write(`listening on ${address.port}\n`)
}))

// Without `noDelay` every response waits for the acknowledgement of the previous one.
const server = NodeSocketServer.layer({ host: "127.0.0.1", port: 0, noDelay: true })

RpcServer.layer(Rpcs, { disableTracing: true, concurrency: "unbounded" }).pipe(
  Layer.provide([handlers, RpcServer.layerProtocolSocketServer]),
  Layer.merge(printPort),
  Layer.provide([server, serialization]),
  Layer.launch,
  Effect.runFork
)
