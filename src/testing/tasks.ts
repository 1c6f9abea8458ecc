/**
 * The tasks of the laws: small, and together of every kind that a boundary could
 * spoil. What each does is a function of its payload, so that it can be computed
 * without a dispatcher, and done in a thread that shares no memory with the test.
 */
import * as Schema from "effect/Schema"
import * as Task from "../Task.ts"
import * as TaskGroup from "../TaskGroup.ts"

/** A value with methods, which a boundary must bring back as what it was. */
export class Point extends Schema.Class<Point>("papyros/testing/Point")({ x: Schema.Int, y: Schema.Int }) {
  get mirrored(): Point {
    return new Point({ x: this.y, y: this.x })
  }
}

/** How often a handler lets others go first. Orders completions without a clock. */
const Pauses = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))

/** Values that do not survive JSON by themselves. */
const rich = {
  at: Schema.Date,
  note: Schema.Option(Schema.String),
  point: Point,
  bytes: Schema.Uint8Array,
  amount: Schema.BigInt
}

/** A typed error of rich values. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", rich) {}

/** Says in which attempt a task failed. */
export class Stumbled extends Schema.TaggedError<Stumbled>()("Stumbled", { attempt: Schema.Int }) {}

/** Squares a number: the plain task. */
export class Square extends Task.Class<Square>()("Square", {
  payload: { n: Schema.Int.check(Schema.isBetween({ minimum: -9999, maximum: 9999 })), pauses: Pauses },
  success: Schema.Int
}) {}

/** Makes rich values of rich values. */
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

/** Changes its own payload, fails the first `failures` times, and gives back what it was given. */
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

/** Fails the first `failures` times, then gives back its payload, in memory that the handler uses for every result. */
export class Reuse extends Task.Class<Reuse>()("Reuse", {
  payload: { ...reused, failures: Schema.Int, pauses: Pauses },
  success: Schema.Struct(reused),
  error: Stumbled
}) {}

/** Dies in several ways. */
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

/** Runs until the test lets it go, or until it is interrupted; its finalizer takes a while. */
export class Hold extends Task.Class<Hold>()("Hold", { payload: { id: Schema.Int }, success: Schema.Int }) {}

/** Says how many resources of other tasks were held where it ran. */
export class Held extends Schema.TaggedError<Held>()("Held", { others: Schema.Int }) {}

/** Acquires a resource in its scope, whose finalizer takes a while, and ends in several ways. */
export class Acquire extends Task.Class<Acquire>()("Acquire", {
  payload: { how: Schema.Literals(["succeed", "fail", "die", "interrupt", "never"]), pauses: Pauses },
  success: Schema.Int,
  error: Held
}) {}

/** Takes time of the clock. */
export class Sleep extends Task.Class<Sleep>()("Sleep", {
  payload: { millis: Schema.Int, failures: Schema.Int },
  error: Stumbled
}) {}

/** Succeeds after `timeouts` attempts that end only by interruption, each with a finalizer that takes time of the clock. */
export class Linger extends Task.Class<Linger>()("Linger", {
  payload: { id: Schema.Int, timeouts: Schema.Int, millis: Schema.Int },
  success: Schema.Int
}) {}

/** Keeps its thread busy and never yields. */
export class Spin extends Task.Class<Spin>()("Spin") {}

/** Runs a tree of tasks on the dispatcher that runs it, and counts the leaves. */
export class Nest extends Task.Class<Nest>()("Nest", {
  payload: {
    depth: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    width: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))
  },
  success: Schema.Int
}) {}

/** Ends its worker the first `losses` times that it starts. */
export class Perish extends Task.Class<Perish>()("Perish", {
  payload: { id: Schema.Int, losses: Schema.Int },
  success: Schema.Int
}) {}

/** Must not start twice. */
export class Once extends Task.Class<Once>()("Once", {
  payload: { id: Schema.Int, pauses: Pauses },
  success: Schema.Int,
  idempotent: false
}) {}

/** A task that no group holds. */
export class Absent extends Task.Class<Absent>()("Absent", { payload: { pauses: Pauses }, success: Schema.Int }) {}

/** The tasks that a dispatcher must serve to be tried. */
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

/** Any of them. */
export type Tasks = TaskGroup.Tasks<typeof Tasks>
