/** The handlers module of `functions/images.ts`. */
import * as Effect from "effect/Effect"
import { resize } from "../functions/images.ts"
import { groups } from "../tasks.ts"

export default groups.images.toLayer({
  Resize: (task) => Effect.promise(() => resize(task))
})
