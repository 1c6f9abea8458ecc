import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "../../../support/pool/handlers.ts"
import { Add, Tasks } from "../../../support/pool/tasks.ts"

export default handlers

await Effect.runPromise(
  new Add({ n: 1 }).pipe(
    Effect.provide(WorkerPoolDispatcher.layer(Tasks, { handlers: import.meta.url, size: 1 }))
  )
)
