/**
 * Checksums, lines and sizes of every file below a directory.
 *
 *     npm run quickstart [-- DIRECTORY]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import handlers from "./handlers.ts"
import { report } from "./program.ts"
import { Tasks } from "./tasks.ts"

const dispatcher = FiberDispatcher.layer(Tasks).pipe(Layer.provide(handlers))

const main = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const [directory = "node_modules/effect/src"] = yield* stdio.args
  yield* report(directory)
})

main.pipe(
  Effect.provide([dispatcher, NodeServices.layer]),
  NodeRuntime.runMain
)
