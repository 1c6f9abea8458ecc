import { handlersUrl, laws, Tasks } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { workerSubject } from "../support/workerSubject.ts"

laws("WorkerPoolDispatcher", {
  layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { handlers: handlersUrl, capacity, size: 2 }),
  ...workerSubject,
  effort: process.env.PAPYROS_CHAOS === undefined ? 0.5 : 10
})
