import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

export class Negative extends Schema.TaggedError<Negative>()("Negative", { n: Schema.Finite }) {}

export class Root extends Task.Class<Root>()("Root", {
  payload: { n: Schema.Finite },
  success: Schema.Struct({ root: Schema.Finite, bytes: Schema.Uint8Array }),
  error: Negative
}) {}

/** A task that misbehaves. */
export class Misbehave extends Task.Class<Misbehave>()("Misbehave", {
  payload: { how: Schema.Literals(["logs", "throws late", "rejects late", "loops", "exits"]) },
  success: Schema.String
}) {}

export const Tasks = TaskGroup.make(Root, Misbehave)
