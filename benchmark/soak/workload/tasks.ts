/** The tasks of the soak: healthy ones, and some that fail in every way. `handlers.ts` has their handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const n = Schema.Int

/** The typed error of the tasks that fail. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { n }) {}

/** Returns `n + 1`. */
export class Inc extends Task.Class<Inc>()("Inc", { payload: { n }, success: Schema.Int }) {}

const Row = Schema.Struct({ id: Schema.Int, label: Schema.String, weight: Schema.optional(Schema.Finite) })

/** Returns the rows in reverse order. */
export class Rows extends Task.Class<Rows>()("Rows", {
  payload: { rows: Schema.Array(Row) },
  success: Schema.Array(Row)
}) {}

/** Returns the bytes in reverse order. */
export class Bytes extends Task.Class<Bytes>()("Bytes", {
  payload: { bytes: Schema.Uint8Array },
  success: Schema.Uint8Array
}) {}

/** The same, without copying the bytes on either way. */
export class Moved extends Task.Class<Moved>()("Moved", {
  payload: { bytes: Schema.Uint8Array },
  success: Schema.Uint8Array,
  transfer: "both"
}) {}

/** Returns `n`; must not start twice. */
export class Once extends Task.Class<Once>()("Once", { payload: { n }, success: Schema.Int, idempotent: false }) {}

/** Holds a resource in the scope of its run for `millis`. */
export class Nap extends Task.Class<Nap>()("Nap", { payload: { millis: Schema.Int }, success: Schema.Int }) {}

/** Keeps its thread busy for `millis`, without end for `null`. */
export class Spin extends Task.Class<Spin>()("Spin", {
  payload: { millis: Schema.NullOr(Schema.Int) },
  success: Schema.Int
}) {}

/** Runs `width` tasks `Inc` from `n` on, and returns the sum of their results. */
export class Family extends Task.Class<Family>()("Family", {
  payload: { n, width: Schema.Int, by: Schema.Literals(["run", "execute", "queue"]) },
  success: Schema.Int
}) {}

/** Logs `entries` entries. */
export class Chat extends Task.Class<Chat>()("Chat", { payload: { entries: Schema.Int }, success: Schema.Int }) {}

/** Fails with `Refused`. */
export class Refuse extends Task.Class<Refuse>()("Refuse", { payload: { n }, error: Refused }) {}

/** Fails with `Refused` in its first `failures` attempts, then returns `n`. */
export class Persist extends Task.Class<Persist>()("Persist", {
  payload: { n, failures: Schema.Int },
  success: Schema.Int,
  error: Refused
}) {}

/** Throws. */
export class Throw extends Task.Class<Throw>()("Throw", { payload: { n } }) {}

/** Returns a value that does not fit its schema. */
export class Misfit extends Task.Class<Misfit>()("Misfit", { success: Schema.Int }) {}

/** Waits without end, and has a timeout. */
export class Oversleep extends Task.Class<Oversleep>()("Oversleep", { taskTimeout: "20 millis" }) {}

/** Waits for `millis` and cannot be interrupted, and has a timeout. */
export class Stubborn extends Task.Class<Stubborn>()("Stubborn", {
  payload: { millis: Schema.Int },
  taskTimeout: "20 millis"
}) {}

/** Never yields, and has a timeout. */
export class Loop extends Task.Class<Loop>()("Loop", { taskTimeout: "30 millis" }) {}

/** Ends its thread in its first `times` attempts, then returns `n`. */
export class Exit extends Task.Class<Exit>()("Exit", {
  payload: { n, times: Schema.Int, how: Schema.Literals(["exit", "memory"]) },
  success: Schema.Int
}) {}

/** Returns the size of the heap of its thread after a garbage collection, in bytes. */
export class Heap extends Task.Class<Heap>()("Heap", { success: Schema.Finite }) {}

export const Tasks = TaskGroup.make(
  Inc,
  Rows,
  Bytes,
  Moved,
  Once,
  Nap,
  Spin,
  Family,
  Chat,
  Refuse,
  Persist,
  Throw,
  Misfit,
  Oversleep,
  Stubborn,
  Loop,
  Exit,
  Heap
)

export type SoakTask =
  | Inc
  | Rows
  | Bytes
  | Moved
  | Once
  | Nap
  | Spin
  | Family
  | Chat
  | Refuse
  | Persist
  | Throw
  | Misfit
  | Oversleep
  | Stubborn
  | Loop
  | Exit
