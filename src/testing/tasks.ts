/**
 * The tasks of the laws. They are small, and together they cover every kind of value that a boundary could alter.
 *
 * The outcome of a task must be a function of its payload, so that the oracle can compute it without a dispatcher and
 * a worker can compute it without memory of the test.
 */
import * as Schema from "effect/Schema"
import * as Task from "../Task.ts"
import * as TaskGroup from "../TaskGroup.ts"

/** A value with methods. A boundary must restore it as an instance of its class. */
export class Point extends Schema.Class<Point>("papyros/testing/Point")({ x: Schema.Int, y: Schema.Int }) {
  get mirrored(): Point {
    return new Point({ x: this.y, y: this.x })
  }
}

/** The number of times that a handler yields to other fibers. It varies the order of completions without a clock. */
const Pauses = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))

/** Values that JSON alone does not preserve. */
const rich = {
  at: Schema.Date,
  note: Schema.Option(Schema.String),
  point: Point,
  bytes: Schema.Uint8Array,
  amount: Schema.BigInt
}

/** A typed error that holds rich values. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", rich) {}

/** A typed error that holds the attempt in which the task failed. */
export class Stumbled extends Schema.TaggedError<Stumbled>()("Stumbled", { attempt: Schema.Int }) {}

/** Squares a number. This is the simplest task. */
export class Square extends Task.Class<Square>()("Square", {
  payload: { n: Schema.Int.check(Schema.isBetween({ minimum: -9999, maximum: 9999 })), pauses: Pauses },
  success: Schema.Int
}) {}

/** Computes rich values from rich values. */
export class Transform extends Task.Class<Transform>()("Transform", {
  payload: { ...rich, pauses: Pauses },
  success: Schema.Struct(rich)
}) {}

/** Fails with rich values. */
export class Refuse extends Task.Class<Refuse>()("Refuse", {
  payload: { ...rich, pauses: Pauses },
  error: Refused
}) {}

/** Fails the first `failures` times. */
export class Stumble extends Task.Class<Stumble>()("Stumble", {
  payload: {
    n: Schema.Int,
    failures: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    pauses: Pauses
  },
  success: Schema.Struct({ n: Schema.Int, attempt: Schema.Int }),
  error: Stumbled
}) {}

/** Changes its own payload, fails the first `failures` times, and then returns the payload that it received. */
export class Scribble extends Task.Class<Scribble>()("Scribble", {
  payload: {
    bytes: Schema.Uint8Array,
    failures: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 }))
  },
  success: Schema.Uint8Array,
  error: Stumbled
}) {}

const reused = {
  bytes: Schema.Uint8Array,
  list: Schema.Array(Schema.Int),
  rows: Schema.Array(Schema.Struct({ n: Schema.Int }))
}

/** Fails the first `failures` times, then returns its payload in memory that the handler reuses for every result. */
export class Reuse extends Task.Class<Reuse>()("Reuse", {
  payload: { ...reused, failures: Schema.Int, pauses: Pauses },
  success: Schema.Struct(reused),
  error: Stumbled
}) {}

/** Ends with a defect, in one of several ways. */
export class Die extends Task.Class<Die>()("Die", {
  payload: {
    how: Schema.Literals(["throw", "die", "later", "promise", "text"]),
    message: Schema.String,
    pauses: Pauses
  },
  success: Schema.Int
}) {}

/** Interrupts itself. */
export class GiveUp extends Task.Class<GiveUp>()("GiveUp", { payload: { pauses: Pauses } }) {}

/** Ends with a value that does not fit its schema. */
export class Misfit extends Task.Class<Misfit>()("Misfit", {
  payload: { part: Schema.Literals(["success", "error"]) },
  success: Schema.Int,
  error: Schema.Struct({ code: Schema.Int })
}) {}

/** Runs until the test releases it or until it is interrupted. Its finalizer yields several times. */
export class Hold extends Task.Class<Hold>()("Hold", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** A typed error that holds the number of resources that other tasks held in the same process. */
export class Held extends Schema.TaggedError<Held>()("Held", { others: Schema.Int }) {}

/** Acquires a resource whose finalizer yields several times, and ends in one of several ways. */
export class Acquire extends Task.Class<Acquire>()("Acquire", {
  payload: { how: Schema.Literals(["succeed", "fail", "die", "interrupt", "never"]), pauses: Pauses },
  success: Schema.Int,
  error: Held
}) {}

/** Sleeps on the `Clock`. */
export class Sleep extends Task.Class<Sleep>()("Sleep", {
  payload: { millis: Schema.Int, failures: Schema.Int },
  error: Stumbled
}) {}

/** Succeeds after `timeouts` attempts that end only by interruption, each with a finalizer that sleeps on the `Clock`. */
export class Linger extends Task.Class<Linger>()("Linger", {
  payload: { id: Schema.Int, timeouts: Schema.Int, millis: Schema.Int },
  success: Schema.Int
}) {}

/** Blocks its thread and never yields. */
export class Spin extends Task.Class<Spin>()("Spin") {}

/** Runs a tree of tasks on its own dispatcher and counts the leaves. */
export class Nest extends Task.Class<Nest>()("Nest", {
  payload: {
    depth: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    width: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))
  },
  success: Schema.Int
}) {}

/** Ends its worker in its first `losses` attempts. */
export class Perish extends Task.Class<Perish>()("Perish", {
  payload: { id: Schema.Int, losses: Schema.Int },
  success: Schema.Int
}) {}

/** A task that must not start twice. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, pauses: Pauses },
  success: Schema.Int,
  idempotent: false
}) {}

/** A task that no group contains. */
export class Absent extends Task.Class<Absent>()("Absent", { payload: { pauses: Pauses }, success: Schema.Int }) {}

/**
 * The tasks that a dispatcher must serve so that the laws can check it.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const Tasks = TaskGroup.make(
  Square,
  Transform,
  Refuse,
  Stumble,
  Scribble,
  Reuse,
  Die,
  GiveUp,
  Misfit,
  Hold,
  Acquire,
  Sleep,
  Linger,
  Spin,
  Nest,
  Perish,
  Once
)

/**
 * Any task of the laws.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export type Tasks = TaskGroup.Tasks<typeof Tasks>
