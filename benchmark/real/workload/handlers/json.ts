/** The handlers module of `functions/json.ts`. */
import * as Effect from "effect/Effect"
import { addTotals, addTotalsToText } from "../functions/json.ts"
import { groups } from "../tasks.ts"

export default groups.json.toLayer({
  AddTotalsToText: (task) => Effect.sync(() => addTotalsToText(task)),
  AddTotals: (task) => Effect.sync(() => addTotals(task))
})
