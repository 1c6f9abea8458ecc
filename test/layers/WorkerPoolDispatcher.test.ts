import { handlersUrl, laws, Tasks } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"

laws("WorkerPoolDispatcher", {
  layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { handlers: handlersUrl, capacity, size: 2 }),
  boundary: "codec",
  concurrency: 2,
  bounds: true,
  endsBusyLoops: true,
  losesWorkers: true,
  nests: true,
  sharesClock: false,
  sharesMemory: false,
  effort: process.env.PAPYROS_CHAOS === undefined ? 1 : 10
})
