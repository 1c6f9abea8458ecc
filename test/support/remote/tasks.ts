import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const Ran = Schema.Struct({ id: Schema.Int, pid: Schema.Int })

/** Takes `millis` milliseconds, sleeping or blocking its thread, and returns the id of its process. */
export class Work extends Task.Class<Work>()("Work", {
  payload: {
    id: Schema.Int,
    millis: Schema.Number,
    /** The duration of the first attempt, if different. */
    first: Schema.optional(Schema.Number),
    busy: Schema.optional(Schema.Boolean),
    /** Whether the task then waits until the test opens the gate. */
    gated: Schema.optional(Schema.Boolean)
  },
  success: Ran
}) {}

/** Like `Work`, but must not start twice. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, millis: Schema.Number },
  success: Ran,
  idempotent: false
}) {}

/** Kills the process that runs the task, in the first `times` attempts. */
export class Kill extends Task.Class<Kill>()("Kill", {
  payload: { id: Schema.Int, times: Schema.Int },
  success: Ran
}) {}

/** Returns a result of `bytes` bytes. */
export class Big extends Task.Class<Big>()("Big", {
  payload: { id: Schema.Int, bytes: Schema.Int },
  success: Schema.Uint8Array
}) {}

/** Payloads of any size; gives their length. */
export class Load extends Task.Class<Load>()("Load", {
  payload: { id: Schema.Int, bytes: Schema.Uint8Array },
  success: Schema.Int
}) {}

/** Returns the environment of its thread, and that of a process that the handler starts. */
export class Environment extends Task.Class<Environment>()("Environment", {
  payload: {},
  success: Schema.Struct({ thread: Schema.Array(Schema.String), child: Schema.String })
}) {}

export const Tasks = TaskGroup.make(Work, Once, Kill, Big, Load, Environment)
