/** The task of this example. Shared by the program and by the runners. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** A few milliseconds of work. Returns the id of the process that ran the task. */
export class Work extends Task.Class<Work>()("Work", {
  payload: { id: Schema.Int },
  success: Schema.Struct({ id: Schema.Int, pid: Schema.Int })
}) {}

export const Tasks = TaskGroup.make(Work)
