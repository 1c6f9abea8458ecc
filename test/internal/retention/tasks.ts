import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Gives its bytes back, or runs until it is interrupted. */
export class Echo extends Task.Class<Echo>()("Echo", {
  payload: { how: Schema.Literals(["succeed", "fail", "never"]), bytes: Schema.Uint8Array },
  success: Schema.Struct({ bytes: Schema.Uint8Array }),
  error: Schema.Struct({ bytes: Schema.Uint8Array })
}) {}

export const Tasks = TaskGroup.make(Echo)
