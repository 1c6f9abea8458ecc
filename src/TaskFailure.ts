/**
 * The error of a task. It has the caller's own task, the attempt and the worker that
 * failed, the stack trace of the work, and a tagged `reason` for `Effect.catchReason`.
 *
 * A failure concerns one task. If a worker is lost, its other tasks run again.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { describe } from "./internal/describe.ts"
import type * as Task from "./internal/task.ts"

// ----------------------------------------------------------------------------
// Reasons
// ----------------------------------------------------------------------------

/**
 * The handler failed with the task's typed error.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class Failed<E = unknown> extends Schema.TaggedError<Failed<any>>("papyros/Failed")("Failed", {
  error: Schema.Any
}) {
  declare readonly error: E

  override get message(): string {
    return `failed: ${summary(this.error)}`
  }
}

/**
 * The handler died: it threw, or its Effect ended with a defect.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class Defect extends Schema.TaggedError<Defect>("papyros/Defect")("Defect", {
  /** The thrown value by reference, or across a boundary its name, message, stack and cause. */
  defect: Schema.Defect({ includeStack: true })
}) {
  override get message(): string {
    return `died: ${summary(this.defect)}`
  }
}

/**
 * The task ran longer than its `taskTimeout`, counted from its start on a worker.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class TimedOut extends Schema.TaggedError<TimedOut>("papyros/TimedOut")("TimedOut", {
  duration: Schema.DurationFromMillis
}) {
  override get message(): string {
    return `ran longer than its taskTimeout of ${Duration.format(this.duration)}`
  }
}

/**
 * The worker that ran the task ended. For an `idempotent: false` task this means
 * *unknown*: it may have completed.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class WorkerLost extends Schema.TaggedError<WorkerLost>("papyros/WorkerLost")("WorkerLost", {
  exitCode: Schema.optional(Schema.Int),
  signal: Schema.optional(Schema.String),
  outOfMemory: Schema.Boolean
}) {
  override get message(): string {
    const how = this.outOfMemory
      ? "ran out of memory"
      : this.signal !== undefined
      ? `was ended by ${this.signal}`
      : this.exitCode !== undefined
      ? `exited with code ${this.exitCode}`
      : "was lost"
    return `lost its worker, which ${how}; the task may have completed`
  }
}

/**
 * The handler interrupted itself. An interruption by the caller has no outcome
 * and so never shows as a failure.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class Interrupted extends Schema.TaggedError<Interrupted>("papyros/Interrupted")("Interrupted", {}) {
  override get message(): string {
    return "interrupted itself"
  }
}

/**
 * A value did not fit its schema, could not be cloned, or was too large to send.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class Undecodable extends Schema.TaggedError<Undecodable>("papyros/Undecodable")("Undecodable", {
  part: Schema.Literals(["payload", "success", "error", "defect"]),
  message: Schema.String
}) {}

/**
 * The dispatcher has no handler for this task. If workers have another version of the
 * task, `offered` describes theirs.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class UnknownTask extends Schema.TaggedError<UnknownTask>("papyros/UnknownTask")("UnknownTask", {
  name: Schema.String,
  offered: Schema.optional(Schema.String)
}) {
  override get message(): string {
    if (this.offered !== undefined) {
      return `has no worker that supports this version of ${this.name} (${this.offered}): deploy the same tasks module to the workers`
    }
    return `has no handler on this dispatcher: add ${this.name} to the group of its layer`
  }
}

/**
 * No worker was available for the task.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export class NoWorker extends Schema.TaggedError<NoWorker>("papyros/NoWorker")("NoWorker", {
  waited: Schema.DurationFromMillis,
  cause: Schema.optional(Schema.Defect({ includeStack: true }))
}) {
  override get message(): string {
    const why = this.cause === undefined ? "" : `: ${summary(this.cause)}`
    return `found no worker within ${Duration.format(this.waited)}${why}`
  }
}

/**
 * Every reason but `Failed`, whose error has the schema of its task.
 *
 * @internal
 */
export const untypedReasons = [
  Defect,
  TimedOut,
  WorkerLost,
  Interrupted,
  Undecodable,
  UnknownTask,
  NoWorker
] as const

/**
 * Every way in which a task with the error type `E` can fail. `Failed` is there
 * only if the task declares an error.
 *
 * @stability stable
 * @category reasons
 * @since 0.1.0
 */
export type Reason<E> =
  | Defect
  | TimedOut
  | WorkerLost
  | Interrupted
  | Undecodable
  | UnknownTask
  | NoWorker
  | ([E] extends [never] ? never : Failed<E>)

// ----------------------------------------------------------------------------
// Failure
// ----------------------------------------------------------------------------

const summary = (u: unknown): string => {
  const text = describe(u)
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return u instanceof Error ? short === "" ? u.name : `${u.name}: ${short}` : short
}

/**
 * The failure of one task, of the type that `TaskFailure` gives for it.
 *
 * Its parameter has no bound, so that a task class can name its failure while
 * the class itself is still being defined.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export class TaskFailureOf<T> extends Schema.TaggedError<TaskFailureOf<any>>(
  "papyros/TaskFailure"
)("TaskFailure", {
  task: Schema.Any,
  attempt: Schema.Int,
  worker: Schema.String,
  trace: Schema.String,
  reason: Schema.Any
}) {
  /** The caller's own task. */
  declare readonly task: T
  /** Why it failed. */
  declare readonly reason: ReasonOf<T>

  override get message(): string {
    const { attempt, reason, task, worker } = this as unknown as TaskFailureOf<Task.Any>
    const what = reason._tag === "Undecodable"
      ? `has ${reason.part === "error" ? "an" : "a"} ${reason.part} that cannot cross the boundary: ${reason.message}`
      : reason.message
    return `Task ${task._tag} on ${worker}${attempt > 1 ? ` (attempt ${attempt})` : ""} ${what}`
  }
}

type ReasonOf<T> = T extends Task.Any ? Reason<Task.Error<T>> : never

/**
 * The failure of one task. Distributes over unions of tasks, so that the error
 * of a mixed stream can be told apart by `failure.task._tag`.
 *
 * **Details**
 *
 * - `task`: the caller's own value.
 * - `attempt`: which start failed, from 1; counts every start.
 * - `worker`: `"local"`, or which worker ran it.
 * - `trace`: stack and spans, rendered beside the work; at most 16 KiB.
 * - `reason`: for `Effect.catchReason("TaskFailure", "TimedOut", …)`.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type TaskFailure<T extends Task.Any> = T extends unknown ? TaskFailureOf<T> : never

/**
 * Whether a value is the failure of a task.
 *
 * @stability stable
 * @category guards
 * @since 0.1.0
 */
export const isTaskFailure = (u: unknown): u is TaskFailure<Task.Any> => u instanceof TaskFailureOf

const MAX_TRACE = 16 * 1024

/**
 * Makes a failure. It captures no stack of its own, which would cost 5 µs: its trace
 * is that of the work. A trace that is given as a function is rendered when it is
 * first read, because rendering costs 20 µs.
 *
 * @stability stable
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly task: Task.Any
  readonly attempt: number
  readonly worker: string
  readonly trace: string | (() => string)
  readonly reason: Reason<unknown>
}): TaskFailure<Task.Any> => {
  const { trace } = options
  const failure = withoutStack(() =>
    new TaskFailureOf<Task.Any>({ ...options, trace: typeof trace === "string" ? shorten(trace) : "" }, {
      disableChecks: true
    })
  )
  if (typeof trace === "function") {
    const define = (property: PropertyDescriptor) =>
      Object.defineProperty(failure, "trace", { ...property, enumerable: true, configurable: true })
    define({
      get() {
        const value = shorten(trace())
        define({ value })
        return value
      }
    })
  }
  return failure
}

const shorten = (trace: string): string => trace.length > MAX_TRACE ? trace.slice(0, MAX_TRACE) : trace

/**
 * Runs a constructor of errors without capturing stacks.
 *
 * @internal
 */
export const withoutStack = <A>(f: () => A): A => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return f()
  } finally {
    Error.stackTraceLimit = limit
  }
}
