import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Takes so long, in milliseconds, without or with keeping its thread busy; says which process it ran in. */
export class Work extends Task.Class<Work>()("Work", {
  payload: { id: Schema.Int, millis: Schema.Number, busy: Schema.Boolean },
  success: Schema.Struct({ id: Schema.Int, pid: Schema.Int })
}) {}

/** The same, at most once. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, millis: Schema.Number },
  success: Schema.Struct({ id: Schema.Int, pid: Schema.Int }),
  idempotent: false
}) {}

/** Kills the process that runs it, so many times. */
export class Kill extends Task.Class<Kill>()("Kill", {
  payload: { id: Schema.Int, times: Schema.Int },
  success: Schema.Int
}) {}

/** Results of so many bytes. */
export class Big extends Task.Class<Big>()("Big", {
  payload: { id: Schema.Int, bytes: Schema.Int },
  success: Schema.Uint8Array
}) {}

/** Says what its thread, and a process that it starts, have in their environment. */
export class Environment extends Task.Class<Environment>()("Environment", {
  payload: {},
  success: Schema.Struct({ thread: Schema.Array(Schema.String), child: Schema.String })
}) {}

export const Tasks = TaskGroup.make(Work, Once, Kill, Big, Environment)
