/**
 * Checksums, lines and sizes of every file below a directory.
 *
 *     npm run quickstart [-- DIRECTORY]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { report } from "./program.ts"
import { Tasks } from "./tasks.ts"

// Reading waits, hashing computes: two files at once in each thread, since all threads share four for the file system.
const dispatcher = WorkerPoolDispatcher.layer(Tasks, {
  handlers: new URL("./handlers.ts", import.meta.url),
  concurrency: 2
})

const main = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const [directory = "node_modules/effect/src"] = yield* stdio.args
  yield* report(directory)
})

main.pipe(
  Effect.provide([dispatcher, NodeServices.layer]),
  NodeRuntime.runMain
)
