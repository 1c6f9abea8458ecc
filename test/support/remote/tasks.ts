import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const Ran = Schema.Struct({ id: Schema.Int, pid: Schema.Int })

/** Takes so long, in milliseconds, without or with keeping its thread busy; says which process it ran in. */
export class Work extends Task.Class<Work>()("Work", {
  payload: {
    id: Schema.Int,
    millis: Schema.Number,
    /** How long its first start takes, if that is not the same. */
    first: Schema.optional(Schema.Number),
    busy: Schema.optional(Schema.Boolean),
    /** Then it waits until the test opens the gate. */
    gated: Schema.optional(Schema.Boolean)
  },
  success: Ran
}) {}

/** The same, at most once. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, millis: Schema.Number },
  success: Ran,
  idempotent: false
}) {}

/** Kills the process that runs it, so many times. */
export class Kill extends Task.Class<Kill>()("Kill", {
  payload: { id: Schema.Int, times: Schema.Int },
  success: Ran
}) {}

/** Results of so many bytes. */
export class Big extends Task.Class<Big>()("Big", {
  payload: { id: Schema.Int, bytes: Schema.Int },
  success: Schema.Uint8Array
}) {}

/** Payloads of any size; gives their length. */
export class Load extends Task.Class<Load>()("Load", {
  payload: { id: Schema.Int, bytes: Schema.Uint8Array },
  success: Schema.Int
}) {}

/** Says what its thread, and a process that it starts, have in their environment. */
export class Environment extends Task.Class<Environment>()("Environment", {
  payload: {},
  success: Schema.Struct({ thread: Schema.Array(Schema.String), child: Schema.String })
}) {}

export const Tasks = TaskGroup.make(Work, Once, Kill, Big, Load, Environment)
