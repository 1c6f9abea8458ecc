import * as Effect from "effect/Effect"
import { Tasks } from "./tasks.ts"

export default Tasks.toLayer({
  Echo: ({ bytes, how }) => {
    const result = { bytes: bytes.slice() }
    const end = how === "never" ? Effect.never : how === "fail" ? Effect.fail(result) : Effect.succeed(result)
    return Effect.andThen(Effect.yieldNow, end)
  }
})
