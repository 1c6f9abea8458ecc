import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Adds one. This is the harmless task. */
export class Add extends Task.Class<Add>()("Add", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** The same, but suspends. */
export class Wait extends Task.Class<Wait>()("Wait", {
  payload: { n: Schema.Int, millis: Schema.Int },
  success: Schema.Int
}) {}

/** Ends in one of the ways in which a task can fail. */
export class Misbehave extends Task.Class<Misbehave>()("Misbehave", {
  payload: {
    how: Schema.Literals([
      "exit",
      "exitLater",
      "memory",
      "throw",
      "unclonable",
      "throwLater",
      "rejectLater",
      "throwAfterwards",
      "rejectAfterwards"
    ])
  },
  success: Schema.Unknown
}) {}

/** Keeps its thread busy and never yields. */
export class Spin extends Task.Class<Spin>()("Spin", { taskTimeout: "200 millis" }) {}

/** The same without a timeout of its own. */
export class SpinOn extends Task.Class<SpinOn>()("SpinOn") {}

/** Carries any value, including values that cannot be sent. */
export class Carry extends Task.Class<Carry>()("Carry", { payload: { value: Schema.Unknown } }) {}

/** Keeps its thread busy for a while, or only its slot; says in which thread it ran. */
export class Work extends Task.Class<Work>()("Work", {
  payload: { id: Schema.Int, millis: Schema.Int, waits: Schema.optional(Schema.Boolean) },
  success: Schema.Int
}) {}

/** Must not start twice, and ends its thread if the payload says so. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, exits: Schema.Boolean },
  success: Schema.Int,
  idempotent: false
}) {}

/** Reverses bytes in place. */
export class Reverse extends Task.Class<Reverse>()("Reverse", {
  payload: { bytes: Schema.Uint8Array },
  success: Schema.Uint8Array
}) {}

/** Adds by means of its own dispatcher. */
export class AddBy extends Task.Class<AddBy>()("AddBy", {
  payload: { n: Schema.Int, depth: Schema.Int },
  success: Schema.Int
}) {}

/** Fails until its last attempt, which it returns. */
export class Persist extends Task.Class<Persist>()("Persist", {
  payload: { failures: Schema.Int },
  success: Schema.Int,
  error: Schema.Int
}) {}

/** Logs so many entries. */
export class Chat extends Task.Class<Chat>()("Chat", { payload: { entries: Schema.Int } }) {}

/** Where its span hangs. */
export class Trace extends Task.Class<Trace>()("Trace", {
  success: Schema.Struct({ traceId: Schema.String, name: Schema.String, parent: Schema.String })
}) {}

/** Objects in objects and in lists, with and without some of their fields. */
const leaf = Schema.Struct({ x: Schema.Finite, label: Schema.String, note: Schema.optional(Schema.String) })
export const tree = {
  id: Schema.Int,
  name: Schema.optionalKey(Schema.String),
  first: leaf,
  leaves: Schema.Array(leaf),
  groups: Schema.Array(Schema.Struct({ key: Schema.NullOr(Schema.String), leaves: Schema.Array(leaf) })),
  sizes: Schema.Array(Schema.Int),
  pair: Schema.Tuple([Schema.Boolean, leaf]),
  byName: Schema.Record(Schema.String, leaf),
  either: Schema.Union([Schema.Int, leaf]),
  bytes: Schema.Uint8Array
}

/** Returns its payload. */
export class Mirror extends Task.Class<Mirror>()("Mirror", {
  payload: tree,
  success: Schema.Struct(tree),
  error: Schema.Array(leaf)
}) {}

/** Counts, measures and observes `n`, in every kind of metric. */
export class Measure extends Task.Class<Measure>()("Measure", { payload: { n: Schema.Int } }) {}

/** A span within its span, which fails on purpose. */
export class Nest extends Task.Class<Nest>()("Nest", { error: Schema.String }) {}

/** Prints lines and logs between them. */
export class Print extends Task.Class<Print>()("Print", { payload: { lines: Schema.Int } }) {}

/** Fills bytes with a given value. The bytes are transferred in both directions. */
export class Fill extends Task.Class<Fill>()("Fill", {
  payload: { bytes: Schema.Uint8Array, by: Schema.Int, millis: Schema.Int },
  success: Schema.Uint8Array,
  error: Schema.Int,
  transfer: "both"
}) {}

/** Returns bytes that the handler keeps. The first result moves them, so a second run must fail. */
export class Keep extends Task.Class<Keep>()("Keep", { success: Schema.Uint8Array, transfer: "success" }) {}

/** Marks and keeps the given bytes, and returns all kept bytes with the size of their memory. */
export class Hoard extends Task.Class<Hoard>()("Hoard", {
  payload: { parts: Schema.Struct({ bytes: Schema.Array(Schema.Uint8Array) }) },
  success: Schema.Struct({ kept: Schema.Array(Schema.Uint8Array), sizes: Schema.Array(Schema.Int) })
}) {}

export const Tasks = TaskGroup.make(
  Add,
  Wait,
  Misbehave,
  Spin,
  SpinOn,
  Carry,
  Work,
  Once,
  Reverse,
  AddBy,
  Persist,
  Chat,
  Trace,
  Mirror,
  Measure,
  Nest,
  Print,
  Fill,
  Keep,
  Hoard
)
