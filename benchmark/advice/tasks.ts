/** The tasks of the advice suite. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Waits without using a CPU. */
export class Wait extends Task.Class<Wait>()("Wait", { payload: { millis: Schema.Int } }) {}

/** Uses a CPU. */
export class Compute extends Task.Class<Compute>()("Compute", { payload: { millis: Schema.Int } }) {}

/** Does nearly nothing. */
export class Echo extends Task.Class<Echo>()("Echo", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** Ends its thread, or waits. */
export class Exit extends Task.Class<Exit>()("Exit", { payload: { n: Schema.Int, exits: Schema.Boolean } }) {}

export const Tasks = TaskGroup.make(Wait, Compute, Echo, Exit)
