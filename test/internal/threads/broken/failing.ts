import * as Effect from "effect/Effect"
import { Tasks } from "../../../support/pool/tasks.ts"

export default Tasks.toLayer(Effect.fail(new Error("no connection")))
