import * as Effect from "effect/Effect"
import { isMainThread } from "node:worker_threads"
import * as Thread from "papyros/Thread"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "./handlers.ts"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

if (isMainThread) {
  const pool = WorkerPoolDispatcher.layer(Tasks, { thread: new URL(import.meta.url), size: 2 })
  await Effect.runPromise(Effect.provide(program, pool))
  console.log("OK")
} else {
  Thread.run(handlers)
}
