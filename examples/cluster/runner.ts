/** A runner process: `node runner.ts FILE PORT`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { runner } from "./sharding.ts"
import { Tasks } from "./tasks.ts"

const [filename, port] = process.argv.slice(2)

ClusterDispatcher.toLayer(Tasks, { handlers: new URL("./handlers.ts", import.meta.url), size: 1 }).pipe(
  Layer.provide(runner(filename, Number(port))),
  Layer.launch,
  NodeRuntime.runMain
)
