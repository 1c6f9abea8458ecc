/** The handlers of the advice suite. */
import * as Effect from "effect/Effect"
import { Tasks } from "./tasks.ts"

export default Tasks.toLayer({
  Wait: ({ millis }) => Effect.sleep(millis),
  Compute: ({ millis }) =>
    Effect.sync(() => {
      const end = performance.now() + millis
      while (performance.now() < end) { /* uses the CPU */ }
    }),
  Echo: ({ n }) => Effect.succeed(n),
  Exit: ({ exits }) => exits ? Effect.sync(() => process.exit(1)) : Effect.sleep(20)
})
