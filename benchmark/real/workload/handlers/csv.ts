/** The handlers module of `functions/csv.ts`. */
import * as Effect from "effect/Effect"
import { parseCsv, splitCsv } from "../functions/csv.ts"
import { groups } from "../tasks.ts"

export default groups.csv.toLayer({
  ParseCsv: (task) => Effect.sync(() => parseCsv(task)),
  SplitCsv: (task) => Effect.sync(() => splitCsv(task))
})
