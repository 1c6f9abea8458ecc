/** The handlers module of `functions/bytes.ts`. */
import * as Effect from "effect/Effect"
import { compress, hash } from "../functions/bytes.ts"
import { groups } from "../tasks.ts"

export default groups.bytes.toLayer({
  Hash: (task) => Effect.sync(() => hash(task)),
  Compress: (task) => Effect.sync(() => compress(task))
})
