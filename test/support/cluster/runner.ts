/** A runner of a test, as a process of its own: `runner.ts PLACE PORT HANDLERS`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import { pathToFileURL } from "node:url"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { Tasks } from "../remote/tasks.ts"
import { runner } from "./transport.ts"

const [place, port, handlers] = process.argv.slice(2)

ClusterDispatcher.toLayer(Tasks, { handlers: pathToFileURL(handlers), size: 1 }).pipe(
  Layer.provide(runner(place, Number(port))),
  Layer.launch,
  NodeRuntime.runMain
)
