/** A runner process of one thread. Arguments: its transport, the file of the runner storage, and its port. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { moduleUrl } from "../../../harness/modules.ts"
import { group } from "../../../remote/workload/tasks.ts"
import { runner, type Transport } from "../transports.ts"

const [transport, filename, port] = process.argv.slice(2)
const handlers = moduleUrl("../../../remote/workload/handlers.ts", import.meta.url)

ClusterDispatcher.toLayer(group, { handlers, size: 1 }).pipe(
  Layer.provide(runner(transport as Transport, filename, Number(port))),
  Layer.launch,
  NodeRuntime.runMain
)
