import * as Effect from "effect/Effect"
import { isMainThread } from "node:worker_threads"
import * as Thread from "papyros/Thread"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "./handlers.ts"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

if (isMainThread) {
  const pool = WorkerPoolDispatcher.layer(Tasks, { thread: new URL(import.meta.url), size: 2 })
  await Effect.runPromise(program(pool))
} else {
  Thread.run(handlers)
}
