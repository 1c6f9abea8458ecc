import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Computes for a while, then waits until so many of them have come to this point in its thread. */
export class Meet extends Task.Class<Meet>()("Meet", {
  payload: { meeting: Schema.String, count: Schema.Int, millis: Schema.Int }
}) {}

/** Waits without computing. */
export class Nap extends Task.Class<Nap>()("Nap", { payload: { millis: Schema.Int } }) {}

export const Tasks = TaskGroup.make(Meet, Nap)
