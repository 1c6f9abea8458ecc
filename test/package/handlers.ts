import * as Effect from "effect/Effect"
import { isMainThread } from "node:worker_threads"
import { Negative, Tasks } from "./tasks.ts"

export default Tasks.toLayer({
  Root: ({ n }) =>
    n < 0
      ? Effect.fail(new Negative({ n }))
      : Effect.sync(() => ({ root: Math.sqrt(n), module: import.meta.url, inThread: !isMainThread }))
})
