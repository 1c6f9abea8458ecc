/** A user's program: prints the outcomes of its tasks, and whose library it ran on. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Negative, Root, Tasks } from "./tasks.ts"

const program = Effect.gen(function*() {
  const results = yield* Stream.range(-1, 500).pipe(
    Stream.map((n) => new Root({ n })),
    Dispatcher.results({ ordered: true }),
    Stream.runCollect
  )
  const outcomes = results.map(({ result }) =>
    Result.match(result, {
      onSuccess: (success) => success,
      onFailure: ({ reason }) =>
        reason._tag === "Failed" && reason.error instanceof Negative ? { negative: reason.error.n } : reason._tag
    })
  )
  yield* Console.log(JSON.stringify({ library: import.meta.resolve("papyros/WorkerPoolDispatcher"), outcomes }))
})

program.pipe(
  Effect.provide(
    WorkerPoolDispatcher.layer(Tasks, {
      size: 2,
      ...(process.argv[2] === "bundle"
        ? { thread: new URL("./thread.ts", import.meta.url) }
        : { handlers: new URL("./handlers.ts", import.meta.url) })
    })
  ),
  NodeRuntime.runMain
)
