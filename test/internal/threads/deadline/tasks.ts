import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const work = {
  payload: { id: Schema.Int, micros: Schema.Finite },
  success: Schema.Int
}

/** Keeps its thread busy for as long as its timeout, or about. */
export class Busy extends Task.Class<Busy>()("Busy", { ...work, taskTimeout: "1 millis" }) {}

/** The same, but lets the thread do other things meanwhile. */
export class Polling extends Task.Class<Polling>()("Polling", { ...work, taskTimeout: "2 millis" }) {}

/** Suspends, and does not stop when its time is over. */
export class Stuck extends Task.Class<Stuck>()("Stuck", {
  payload: { how: Schema.Literals(["spins later", "spins when interrupted", "cannot be interrupted"]) },
  taskTimeout: "50 millis"
}) {}

/** An innocent that ends at once. */
export class Plain extends Task.Class<Plain>()("Plain", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** An innocent that suspends. */
export class Nap extends Task.Class<Nap>()("Nap", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** An innocent that must not start twice. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int },
  success: Schema.Int,
  idempotent: false
}) {}

export const Tasks = TaskGroup.make(Busy, Polling, Stuck, Plain, Nap, Once)
