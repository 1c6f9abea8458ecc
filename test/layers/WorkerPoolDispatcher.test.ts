import { handlersUrl, laws, Tasks } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { effort } from "../support/effort.ts"
import { workerSubject } from "../support/workerSubject.ts"

laws("WorkerPoolDispatcher", {
  layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { handlers: handlersUrl, capacity, size: 2 }),
  ...workerSubject,
  effort: effort(0.5, 10)
})
