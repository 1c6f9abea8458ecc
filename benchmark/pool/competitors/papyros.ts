/** `WorkerPoolDispatcher` with the threads of every competitor, and otherwise its defaults. */
import * as Layer from "effect/Layer"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { THREADS } from "../../harness/concurrency.ts"
import * as Tasks from "../workload/tasks.ts"

export const layer = Layer.orDie(
  WorkerPoolDispatcher.layer(Tasks.group, {
    handlers: new URL("../workload/handlers.ts", import.meta.url),
    size: THREADS
  })
)
