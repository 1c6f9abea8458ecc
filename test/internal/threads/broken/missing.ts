import * as Effect from "effect/Effect"
import { Tasks } from "../../../support/pool/tasks.ts"

export default Tasks.toLayerHandler("Add", ({ n }) => Effect.succeed(n + 1))
