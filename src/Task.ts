/**
 * A task: a value that describes work, with schemas for its payload, result and error.
 *
 * Making a task runs nothing. A task is also an Effect: `yield* new Hash({ path })`
 * runs it on the dispatcher in context, like `Dispatcher.run`.
 *
 * A task may start again after its worker was lost, unless its class declares
 * `idempotent: false`.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Schema from "effect/Schema"
import * as Dispatcher from "./Dispatcher.ts"
import { compileSchema } from "./internal/compileSchema.ts"
import { millisOption } from "./internal/options.ts"
import { type Any, type Definition, type Transfer, TypeId } from "./internal/task.ts"
import type { TaskFailureOf } from "./TaskFailure.ts"

export {
  /**
   * Whether a value is a task.
   *
   * @stability stable
   * @category guards
   * @since 0.1.0
   */
  isTask
} from "./internal/task.ts"
export type { Any, AnyClass, Definition, Error, Success, Transfer } from "./internal/task.ts"

/**
 * The members of a task beside the fields of its payload.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface Task<Self, S extends Schema.Constraint, E extends Schema.Constraint>
  extends Effect.Effect<S["Type"], TaskFailureOf<Self> | Dispatcher.DispatcherClosed, Dispatcher.Dispatcher>
{
  readonly [TypeId]: Definition<S, E>
}

/**
 * The number of the current start of the task, from 1, for handlers: `yield*
 * Task.CurrentAttempt`. Retries and restarts after a lost worker count.
 *
 * @stability stable
 * @category references
 * @since 0.1.0
 */
export const CurrentAttempt: Context.Reference<number> = Context.Reference<number>("papyros/Task/CurrentAttempt", {
  defaultValue: () => 1
})

// ----------------------------------------------------------------------------
// Class
// ----------------------------------------------------------------------------

/** Members of a task that a payload key would hide. */
const reserved = ["_tag", "pipe", "asEffect", "toJSON", "toString"] as const

type Reserved = typeof reserved[number]

/** Turns a field into a message where its name hides a member, or where its schema needs services. */
type PayloadFields<F extends Schema.Struct.Fields> = {
  readonly [K in keyof F]: K extends Reserved ?
    `A payload field cannot be named ${K & string}: it would hide a member of the task`
    : WithoutServices<F[K]>
}

type WithoutServices<S extends Schema.Constraint> = [S["DecodingServices"] | S["EncodingServices"]] extends [never] ? S
  : "The schemas of a task cannot need services"

type MissingSelf = `Missing Self type parameter: write \`class MyTask extends Task.Class<MyTask>()(…)\``

/**
 * The class of a task: a schema of its values, and their constructor.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type TaskClass<
  Self,
  Name extends string,
  Fields extends Schema.Struct.Fields,
  S extends Schema.Constraint,
  E extends Schema.Constraint
> = Schema.Class<Self, Schema.TaggedStruct<Name, Fields>, Task<Self, S, E>> & {
  /** Not offered: share fields by spreading them. */
  readonly extend: never
}

/**
 * Defines the class of a task from its name and schemas.
 *
 * **Details**
 *
 * Schemas must be synchronous and need no services. The constructor of a task validates the payload and throws an error
 * if it does not fit. This takes 0.4 to 0.7 µs.
 *
 * **Example** (Defining a task)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Task from "papyros/Task"
 *
 * class NotPositive extends Schema.TaggedError<NotPositive>()("NotPositive", { n: Schema.Int }) {}
 *
 * class Factorize extends Task.Class<Factorize>()("Factorize", {
 *   payload: { n: Schema.Int },
 *   success: Schema.Array(Schema.Int),
 *   error: NotPositive
 * }) {}
 *
 * const task = new Factorize({ n: 12345 })
 * console.log(String(task)) // Factorize({"_tag":"Factorize","n":12345})
 * ```
 *
 * @stability stable
 * @category constructors
 * @since 0.1.0
 */
export const Class = <Self = never>() =>
<
  const Name extends string,
  const Fields extends Schema.Struct.Fields = {},
  S extends Schema.Constraint = Schema.Void,
  E extends Schema.Constraint = Schema.Never
>(name: Name, options?: {
  /** The fields of the task. Default: none. */
  readonly payload?: Fields & PayloadFields<Fields>
  /** The schema of the result of the handler. Default `Schema.Void`. */
  readonly success?: S & WithoutServices<S>
  /**
   * The schema of the typed error of the handler, which `TaskFailure` has under the reason `Failed`. Default
   * `Schema.Never`.
   */
  readonly error?: E & WithoutServices<E>
  /**
   * `false`: the task never runs again after its worker was lost, and is retried only for the reason `Failed`. Its
   * failure `WorkerLost` then means that it may or may not have completed. Default `true`.
   */
  readonly idempotent?: boolean | undefined
  /**
   * The longest time of one attempt, on every dispatcher. The option of an execution or a queue replaces it. Default:
   * none.
   */
  readonly taskTimeout?: Duration.Input | undefined
  /**
   * The values whose `ArrayBuffer`s are moved to the other thread instead of copied: `"payload"`, `"success"` or
   * `"both"`. Default: none.
   */
  readonly transfer?: Transfer | undefined
}): [Self] extends [never] ? MissingSelf : TaskClass<Self, Name, Fields, S, E> => {
  const fields: Schema.Struct.Fields = options?.payload ?? {}
  for (const key of reserved) {
    if (Object.hasOwn(fields, key)) {
      throw new TypeError(`Task ${name}: a payload field cannot be named ${key}, it would hide a member of the task`)
    }
  }
  const definition: Definition<Schema.Constraint, Schema.Constraint> = {
    name,
    success: options?.success ?? Schema.Void,
    error: options?.error ?? Schema.Never,
    idempotent: options?.idempotent ?? true,
    taskTimeout: millisOption("taskTimeout", options?.taskTimeout),
    transfer: options?.transfer
  }
  const struct = Schema.TaggedStruct(name, fields)
  // The constructor of a task checks its payload: compiled, that takes a third to a fifth of the time.
  compileSchema(struct.ast)
  const Value = Schema.Class<object>(name)(struct)
  abstract class Base extends Effectable.Mixin(Value as abstract new(...args: ReadonlyArray<any>) => object) {
    override asEffect() {
      return Dispatcher.run(this as unknown as Any)
    }
  }
  Object.defineProperty(Base.prototype, TypeId, { value: definition })
  // The mixin replaces how a value prints by how an Effect prints: a task prints as the value it is.
  for (const key of ["toString", "toJSON", Symbol.for("nodejs.util.inspect.custom")]) {
    Object.defineProperty(Base.prototype, key, {
      value: Reflect.get(Value.prototype, key),
      writable: true,
      configurable: true
    })
  }
  return Base as never
}
