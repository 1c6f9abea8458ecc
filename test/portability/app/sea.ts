import { getAsset } from "node:sea"
import { Worker } from "node:worker_threads"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Tasks } from "./tasks.ts"

export const pool = WorkerPoolDispatcher.layer(Tasks, {
  thread: () => new Worker(getAsset("thread.cjs", "utf8"), { eval: true })
})
