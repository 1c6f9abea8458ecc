/** The handlers module of `functions/typescript.ts`. */
import * as Effect from "effect/Effect"
import { transpile } from "../functions/typescript.ts"
import { groups } from "../tasks.ts"

export default groups.typescript.toLayer({
  Transpile: (task) => Effect.sync(() => transpile(task))
})
