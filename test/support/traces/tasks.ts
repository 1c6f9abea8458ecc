import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Opens a span of its own, and fails if its number is odd. */
export class Step extends Task.Class<Step>()("Step", { payload: { n: Schema.Int }, error: Schema.String }) {}

/** Executes so many steps on its own dispatcher. */
export class Nest extends Task.Class<Nest>()("Nest", { payload: { steps: Schema.Int } }) {}

export const Tasks = TaskGroup.make(Step, Nest)
