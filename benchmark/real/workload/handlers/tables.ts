/** The handlers module of `functions/tables.ts`. */
import * as Effect from "effect/Effect"
import { sum } from "../functions/tables.ts"
import { groups } from "../tasks.ts"

export default groups.tables.toLayer({
  Sum: (task) => Effect.sync(() => sum(task)),
  SumRows: (task) => Effect.sync(() => sum(task))
})
