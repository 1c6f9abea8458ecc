/** papyros on Effect Cluster: a runner process of one thread, and a client-only `Sharding` in this process. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { moduleUrl } from "../../harness/modules.ts"
import { startModule } from "../../harness/processes.ts"
import { type RemoteImplementation, WORKERS } from "../../remote/competitors/implementation.ts"
import { open } from "../../remote/competitors/papyros.ts"
import { group } from "../../remote/workload/tasks.ts"
import { client, type Transport } from "./transports.ts"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-bench-cluster-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const implementation = (name: string, transport: Transport, settings: string): RemoteImplementation => ({
  name,
  settings: `${WORKERS} runner, ${settings}, layerSchemaBinary, SqlRunnerStorage on a file of SqliteClient`,
  tasks: { 1: 2000, 16: 20_000, 256: 100_000, auto: 150_000 },
  payloads: 1000,
  deploy: Effect.gen(function*() {
    const filename = join(yield* folder, "cluster.db")
    const module = moduleUrl("./workers/runner.ts", import.meta.url)
    const runner = yield* startModule(module, [transport, filename, `${yield* freePort}`])
    yield* runner.waitForOutput(/(serves the cluster)/)
    const layer = ClusterDispatcher.layer(group).pipe(
      Layer.provide(client(transport, filename)),
      Layer.fresh,
      Layer.provide(Logger.layer([]))
    )
    return { servers: [runner], open: open(layer, WORKERS) }
  })
})

export const cluster = implementation(
  "papyros on a cluster",
  "socket",
  "sockets with TCP_NODELAY of ClusterDispatcher"
)

export const clusterWebsocket = implementation(
  "papyros on a cluster, websocket",
  "websocket",
  "NodeClusterHttp over websockets"
)
