import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Add, Tasks } from "../../../support/pool/tasks.ts"

await Effect.runPromise(
  new Add({ n: 1 }).pipe(
    Effect.provide(
      WorkerPoolDispatcher.layer(Tasks, { handlers: new URL("./importsItsProgram.ts", import.meta.url), size: 1 })
    )
  )
)
