import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** The effect of a task on its thread. */
const How = Schema.Literals([
  "plain",
  "wait",
  "exit",
  "exitLater",
  "memory",
  "throw",
  "throwLater",
  "rejectLater",
  "throwAfterwards",
  "rejectAfterwards",
  "spin"
])

const payload = {
  id: Schema.Int,
  how: How,
  /** The number of attempts that end the thread. */
  times: Schema.Int
}

export class Act extends Task.Class<Act>()("Act", { payload, success: Schema.Int }) {}

/** A second task type, so that chunks have tasks of several types. */
export class Play extends Task.Class<Play>()("Play", { payload, success: Schema.Int }) {}

/** Must not start twice. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, waits: Schema.Boolean },
  success: Schema.Int,
  idempotent: false
}) {}

/** Never yields. */
export class Spin extends Task.Class<Spin>()("Spin", { payload: { id: Schema.Int }, taskTimeout: "100 millis" }) {}

export const Tasks = TaskGroup.make(Act, Play, Once, Spin)
