import * as Effect from "effect/Effect"
import * as Thread from "papyros/Thread"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "../../../support/pool/handlers.ts"
import { Add, Tasks } from "../../../support/pool/tasks.ts"
import { opensItself } from "./thread.ts"

await Effect.runPromise(
  new Add({ n: 1 }).pipe(
    Effect.provide(WorkerPoolDispatcher.layer(Tasks, { thread: opensItself, size: 1 }))
  )
)

Thread.run(handlers)
