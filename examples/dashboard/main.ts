/**
 * A load for the dashboard: failures, a lost thread and long tasks, for five minutes or so many seconds.
 *
 *     npm run example:dashboard [-- SECONDS]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { availableParallelism } from "node:os"
import * as Dashboard from "papyros/Dashboard"
import * as Progress from "papyros/Progress"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { load } from "./load.ts"
import { Tasks } from "./tasks.ts"

const threads = availableParallelism()

const dispatcher = WorkerPoolDispatcher.layer(Tasks, {
  handlers: new URL("./handlers.ts", import.meta.url),
  size: threads
})

const main = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const { url } = yield* Dashboard.Dashboard
  const [seconds = "300"] = yield* stdio.args
  yield* Console.log(`Open ${url}`)
  const failed = yield* load(Number(seconds), threads).pipe(
    Progress.track({ label: "Load" }),
    Stream.filter(({ result }) => Result.isFailure(result)),
    Stream.runCount
  )
  yield* Console.log(`${failed} tasks failed.`)
})

main.pipe(
  Effect.provide(Dashboard.layer({ name: "thumbnails" }).pipe(Layer.provideMerge(dispatcher))),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
