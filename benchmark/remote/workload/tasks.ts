/** The tasks of the remote suite. `handlers.ts` has their handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

export class Inc extends Task.Class<Inc>()("Inc", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** Takes `millis`, busy or asleep, and returns the id of its process. */
export class Wait extends Task.Class<Wait>()("Wait", {
  payload: { id: Schema.Int, millis: Schema.Number, busy: Schema.Boolean },
  success: Schema.Struct({ id: Schema.Int, pid: Schema.Int })
}) {}

/** Returns its bytes. */
export class EchoBytes
  extends Task.Class<EchoBytes>()("EchoBytes", { payload: { bytes: Schema.Uint8Array }, success: Schema.Uint8Array })
{}

/** Returns its text. */
export class EchoText
  extends Task.Class<EchoText>()("EchoText", { payload: { text: Schema.String }, success: Schema.String })
{}

export const group = TaskGroup.make(Inc, Wait, EchoBytes, EchoText)
