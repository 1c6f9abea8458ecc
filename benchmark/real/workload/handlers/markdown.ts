/** The handlers module of `functions/markdown.ts`. */
import * as Effect from "effect/Effect"
import { render } from "../functions/markdown.ts"
import { groups } from "../tasks.ts"

export default groups.markdown.toLayer({
  Render: (task) => Effect.sync(() => render(task))
})
