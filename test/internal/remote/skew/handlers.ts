import * as Effect from "effect/Effect"
import * as TaskGroup from "papyros/TaskGroup"
import { Work } from "./tasks.ts"

export default TaskGroup.make(Work).toLayer({ Work: ({ title }) => Effect.succeed(title) })
