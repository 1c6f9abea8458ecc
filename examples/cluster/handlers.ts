/** The handlers of this example. Only the threads of the runners load this module. */
import * as Effect from "effect/Effect"
import { Tasks } from "./tasks.ts"

export default Tasks.toLayer({
  Work: ({ id }) => Effect.as(Effect.sleep("20 millis"), { id, pid: process.pid })
})
