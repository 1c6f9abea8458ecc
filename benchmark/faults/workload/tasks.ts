/** The tasks of the faults suite: healthy ones, and some that fail in every way. `handlers.ts` has their handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const id = Schema.Int

/** A healthy task: returns `id + 1`. */
export class Inc extends Task.Class<Inc>()("Inc", { payload: { id }, success: Schema.Int }) {}

/** A healthy task that keeps its thread busy for `millis`. */
export class BusyWait extends Task.Class<BusyWait>()("BusyWait", {
  payload: { id, millis: Schema.Finite },
  success: Schema.Int
}) {}

/** Ends its thread, throws, or returns a value that cannot be cloned. */
export class Poison extends Task.Class<Poison>()("Poison", {
  payload: { how: Schema.Literals(["exit", "memory", "throw", "unclonable", "throw later", "reject later"]) },
  success: Schema.Unknown
}) {}

/** Never yields. */
export class Loop extends Task.Class<Loop>()("Loop", { payload: { id } }) {}

/** Never yields, and has a timeout. */
export class LoopWithTimeout extends Task.Class<LoopWithTimeout>()("LoopWithTimeout", { taskTimeout: "100 millis" }) {}

/** Returns the time of its start, in milliseconds since the epoch. */
export class StartTime extends Task.Class<StartTime>()("StartTime", { success: Schema.Finite }) {}

export const Tasks = TaskGroup.make(Inc, BusyWait, Poison, Loop, LoopWithTimeout, StartTime)
