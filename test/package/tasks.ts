import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

export class Negative extends Schema.TaggedError<Negative>()("Negative", { n: Schema.Int }) {}

/** The square root; says where it was computed. */
export class Root extends Task.Class<Root>()("Root", {
  payload: { n: Schema.Int },
  success: Schema.Struct({ root: Schema.Finite, module: Schema.String, inThread: Schema.Boolean }),
  error: Negative
}) {}

export const Tasks = TaskGroup.make(Root)
