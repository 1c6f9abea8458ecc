import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const id = Schema.Int

/** The innocent: adds one. */
export class Step extends Task.Class<Step>()("Step", { payload: { id }, success: Schema.Int }) {}

/** Keeps its thread busy for so long. */
export class Work extends Task.Class<Work>()("Work", { payload: { id, millis: Schema.Finite }, success: Schema.Int }) {}

/** Goes wrong. */
export class Poison extends Task.Class<Poison>()("Poison", {
  payload: { how: Schema.Literals(["exit", "memory", "throw", "unclonable", "throw later", "reject later"]) },
  success: Schema.Unknown
}) {}

/** Never yields. */
export class Loop extends Task.Class<Loop>()("Loop", { payload: { id } }) {}

/** The same with a timeout. */
export class Endless extends Task.Class<Endless>()("Endless", { taskTimeout: "100 millis" }) {}

/** When it started, in milliseconds of this machine's clock. */
export class Stamp extends Task.Class<Stamp>()("Stamp", { success: Schema.Finite }) {}

export const Tasks = TaskGroup.make(Step, Work, Poison, Loop, Endless, Stamp)
