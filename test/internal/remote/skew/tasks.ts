/** Tasks of another version of a program, whose `Work` differs. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { Once } from "../../../support/remote/tasks.ts"

export class Work extends Task.Class<Work>()("Work", {
  payload: { id: Schema.Int, title: Schema.String },
  success: Schema.String
}) {}

export const Tasks = TaskGroup.make(Work, Once)
