/** Worker threads without shared memory, as in a page that is not cross-origin isolated. */
import { afterAll, beforeAll } from "@effect/vitest"
import { handlersUrl, laws, Tasks } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { platform } from "../../../src/internal/platform/server.ts"
import { effort } from "../../support/effort.ts"
import { workerSubject } from "../../support/workerSubject.ts"

const { sharesMemory } = platform

beforeAll(() => {
  Object.assign(platform, { sharesMemory: () => false })
})

afterAll(() => {
  Object.assign(platform, { sharesMemory })
})

laws("WorkerPoolDispatcher without shared memory", {
  layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { handlers: handlersUrl, capacity, size: 2 }),
  ...workerSubject,
  effort: effort(0.3, 10)
}, [1, 4, 5, 8, 10])
