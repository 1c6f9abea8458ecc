/** A runner of a test, as a process of its own: `runner.ts PLACE PORT HANDLERS`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import { pathToFileURL } from "node:url"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { Tasks as LawTasks } from "../../../src/testing/tasks.ts"
import { Tasks } from "../remote/tasks.ts"
import { runner } from "./transport.ts"

const [place, port, handlers] = process.argv.slice(2)

/** The handlers of the laws. `papyros/testing` has this URL too, but cannot be imported outside of Vitest. */
const handlersUrl = new URL("../../../src/testing/handlers.ts", import.meta.url)

const options = { handlers: pathToFileURL(handlers), size: 1 }
const worker = options.handlers.href === handlersUrl.href
  ? ClusterDispatcher.toLayer(LawTasks, options)
  : ClusterDispatcher.toLayer(Tasks, options)

worker.pipe(
  Layer.provide(runner(place, Number(port))),
  Layer.launch,
  NodeRuntime.runMain
)
