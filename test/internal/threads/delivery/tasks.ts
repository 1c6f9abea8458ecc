import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const rows = Schema.Array(Schema.Struct({ a: Schema.Number }))

/** Gives its number back. */
export class Plain extends Task.Class<Plain>()("Plain", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** The message with its outcome is lost. */
export class Lose extends Task.Class<Lose>()("Lose", { success: Schema.Int }) {}

/** Gives a list back that can be read `reads` times. */
export class Fragile extends Task.Class<Fragile>()("Fragile", { payload: { reads: Schema.Int }, success: rows }) {}

/** Takes a list. */
export class Take extends Task.Class<Take>()("Take", { payload: { rows }, success: Schema.Int }) {}

export const Tasks = TaskGroup.make(Plain, Lose, Fragile, Take)
