/** The tasks of the suite. Their handlers are in `handlers.ts`. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

export class Inc extends Task.Class<Inc>()("Inc", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** Takes so long, in milliseconds, with or without keeping its thread busy; says which process it was in. */
export class Work extends Task.Class<Work>()("Work", {
  payload: { id: Schema.Int, millis: Schema.Number, busy: Schema.Boolean },
  success: Schema.Struct({ id: Schema.Int, pid: Schema.Int })
}) {}

export const group = TaskGroup.make(Inc, Work)
