/**
 * The tasks of the conformance suite. Those with an `id` log their start and their stop, finalizers included, and the
 * ids are the suite's own: from 1 to 4095, unique within a test.
 */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { isMainThread } from "node:worker_threads"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { events } from "./events.ts"

export class Refused extends Schema.TaggedError<Refused>()("Refused", { id: Schema.Int }) {}

/** Adds one, and logs nothing. */
export class Add extends Task.Class<Add>()("Add", { payload: { n: Schema.Int }, success: Schema.Int }) {}

/** Ends at once with its id. */
export class Mark extends Task.Class<Mark>()("Mark", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** Waits for its gate, then ends as it is told. */
export class Hold extends Task.Class<Hold>()("Hold", {
  payload: { id: Schema.Int, end: Schema.Literals(["succeed", "fail", "die"]) },
  success: Schema.Int,
  error: Refused
}) {}

/** Computes for a while, then waits for its gate. */
export class Compute extends Task.Class<Compute>()("Compute", {
  payload: { id: Schema.Int, millis: Schema.Int },
  success: Schema.Int
}) {}

/** Waits without end; its finalizer waits for its gate, and then may die. */
export class Linger extends Task.Class<Linger>()("Linger", {
  payload: { id: Schema.Int, end: Schema.Literals(["succeed", "die"]) }
}) {}

/** Waits for its gate and cannot be interrupted. */
export class Stubborn
  extends Task.Class<Stubborn>()("Stubborn", { payload: { id: Schema.Int }, success: Schema.Int })
{}

/** Takes time of the clock. */
export class Sleep extends Task.Class<Sleep>()("Sleep", {
  payload: { id: Schema.Int, millis: Schema.Int },
  success: Schema.Int
}) {}

/** Fails until the attempt after `failures`, which it returns. */
export class Flaky extends Task.Class<Flaky>()("Flaky", {
  payload: { id: Schema.Int, failures: Schema.Int },
  success: Schema.Int,
  error: Refused
}) {}

/** Goes wrong in one of the ways in which a handler can, without harm to its worker. */
export class Wrong extends Task.Class<Wrong>()("Wrong", {
  payload: {
    how: Schema.Literals(["throw", "die", "text", "undefined", "reject", "interrupt", "notAnEffect"]),
    id: Schema.Int
  },
  success: Schema.Int
}) {}

/** Ends with a value that cannot cross a boundary, or not at the first attempt to read it. */
export class Return extends Task.Class<Return>()("Return", {
  payload: { what: Schema.Literals(["function", "symbol", "circular", "map"]) },
  success: Schema.Unknown
}) {}

/** Ends with rows, one of which throws when its field is read for the second time. */
export class Rows extends Task.Class<Rows>()("Rows", {
  payload: { trap: Schema.Boolean },
  success: Schema.Array(Schema.Struct({ a: Schema.Int }))
}) {}

/** Its success and its error do not fit their schemas. */
export class Unfit extends Task.Class<Unfit>()("Unfit", {
  payload: { part: Schema.Literals(["success", "error"]) },
  success: Schema.Int,
  error: Schema.Struct({ code: Schema.Int })
}) {}

/** Carries any value, also one that cannot be sent. */
export class Carry extends Task.Class<Carry>()("Carry", {
  payload: { id: Schema.Int, value: Schema.Unknown },
  success: Schema.Int
}) {}

/** Ends its worker in one of several ways, the first `losses` times that it starts. */
export class Crash extends Task.Class<Crash>()("Crash", {
  payload: {
    id: Schema.Int,
    how: Schema.Literals(["exit", "exitZero", "exitLater", "throwLater", "rejectLater", "memory"]),
    losses: Schema.Int
  },
  success: Schema.Int
}) {}

/** Ends well, and a little later throws or ends its worker. */
export class Afterwards extends Task.Class<Afterwards>()("Afterwards", {
  payload: { id: Schema.Int, how: Schema.Literals(["throw", "exit"]) },
  success: Schema.Int
}) {}

/** Ends its worker, and must not start twice. */
export class CrashOnce extends Task.Class<CrashOnce>()("CrashOnce", {
  payload: { id: Schema.Int },
  success: Schema.Int,
  idempotent: false
}) {}

/** An id that is decoded for 100 ms in a worker thread, and logged. */
const SlowId = Schema.Int.pipe(Schema.decodeTo(Schema.Int, {
  encode: SchemaGetter.passthrough(),
  decode: SchemaGetter.transform((id: number) => {
    if (isMainThread) return id
    events.add("decode", id)
    const until = performance.now() + 100
    while (performance.now() < until);
    return id
  })
}))

/** Ends at once, after a payload that is slow to decode. */
export class SlowPayload extends Task.Class<SlowPayload>()("SlowPayload", {
  payload: { id: SlowId },
  success: Schema.Int
}) {}

/** Succeeds, fails or dies with a value that is falsy. */
const Falsy = Schema.NullOr(Schema.Union([Schema.Int, Schema.String, Schema.Boolean]))
export class Falls extends Task.Class<Falls>()("Falls", {
  payload: { how: Schema.Literals(["succeed", "fail", "die"]), value: Falsy },
  success: Falsy,
  error: Falsy
}) {}

/** Keeps its thread busy without end. */
export class Spin extends Task.Class<Spin>()("Spin", { payload: { id: Schema.Int } }) {}

/** Keeps its thread busy until its gate is open; gives its thread. */
export class Block extends Task.Class<Block>()("Block", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** Gives its thread. */
export class Where extends Task.Class<Where>()("Where", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** Runs `Hold` tasks with the ids after its own on its own dispatcher, in one of the ways; gives the sum of their ids. */
export class Parent extends Task.Class<Parent>()("Parent", {
  payload: { id: Schema.Int, children: Schema.Int, how: Schema.Literals(["run", "execute", "queue"]) },
  success: Schema.Int
}) {}

/** Runs a tree of tasks and counts its leaves. */
export class Tree extends Task.Class<Tree>()("Tree", {
  payload: { depth: Schema.Int, width: Schema.Int },
  success: Schema.Int
}) {}

/** Runs a task that fails with `Refused`, and fails with the same. */
export class Passes extends Task.Class<Passes>()("Passes", {
  payload: { id: Schema.Int, depth: Schema.Int },
  error: Refused
}) {}

/** Gives a buffer that its handler uses for every result. */
export class Reuse extends Task.Class<Reuse>()("Reuse", { payload: { n: Schema.Int }, success: Schema.Uint8Array }) {}

/** Gives the first byte, and overwrites the payload. */
export class First extends Task.Class<First>()("First", {
  payload: { bytes: Schema.Uint8Array },
  success: Schema.Int
}) {}

/** Gives its bytes back, moved both ways. */
export class Move extends Task.Class<Move>()("Move", {
  payload: { bytes: Schema.Uint8Array },
  success: Schema.Uint8Array,
  transfer: "both"
}) {}

export const Tasks = TaskGroup.make(
  Add,
  Mark,
  Hold,
  Compute,
  Linger,
  Stubborn,
  Sleep,
  Flaky,
  Wrong,
  Return,
  Rows,
  Unfit,
  Carry,
  Crash,
  Afterwards,
  CrashOnce,
  SlowPayload,
  Falls,
  Spin,
  Block,
  Where,
  Parent,
  Tree,
  Passes,
  Reuse,
  First,
  Move
)
