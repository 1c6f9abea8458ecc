/**
 * A set of task classes, and the Layer of their handlers: `group.toLayer({ … })`. A
 * handler that is missing, misspelt or of the wrong type does not compile.
 *
 * Handlers are a Layer, so that each worker builds its own.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Pipeable from "effect/Pipeable"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as Scope from "effect/Scope"
import type { Dispatcher } from "./Dispatcher.ts"
import type * as Task from "./Task.ts"
import * as TaskFailure from "./TaskFailure.ts"

const TypeId = "~papyros/TaskGroup"

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

/**
 * A group of the tasks `T`.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface TaskGroup<in out T extends Task.Any> extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  /** The classes by the names of their tasks. */
  readonly tasks: ReadonlyMap<string, Task.AnyClass>

  /** Adds task classes. */
  readonly add: <const Classes extends ReadonlyArray<Task.AnyClass>>(
    ...classes: Classes & Distinct<Classes, T["_tag"]>
  ) => TaskGroup<T | Classes[number]["Type"]>

  /** Joins groups. */
  readonly merge: <const Groups extends ReadonlyArray<Any>>(
    ...groups: Groups & Compatible<Groups, T>
  ) => TaskGroup<T | Tasks<Groups[number]>>

  /** Leaves tasks out, by name. */
  readonly omit: <const Names extends ReadonlyArray<T["_tag"]>>(
    ...names: Names
  ) => TaskGroup<Exclude<T, { readonly _tag: Names[number] }>>

  /**
   * The Layer of all handlers, from a record of them, or from an Effect that makes
   * the record. Resources that the Effect acquires are released with the Layer.
   *
   * **Details**
   *
   * A handler runs with the context of this Layer plus, from its caller, only the
   * parent span and `Task.CurrentAttempt`. It may require `Dispatcher`, the
   * dispatcher that runs it, and `Scope`: each run of a handler has a scope of its
   * own, whose finalizers have run when the outcome of the task is seen, also after
   * a failure, an interruption or a timeout. A finalizer that dies fails the task
   * with `Defect`.
   */
  readonly toLayer: <H extends HandlersFrom<T>, EX = never, RX = never>(
    build: (H & NoExcess<H, T>) | Effect.Effect<H & NoExcess<H, T>, EX, RX>
  ) => Layer.Layer<Handler<T["_tag"]>, EX, Exclude<RX, Scope.Scope> | HandlersServices<H>>

  /** The Layer of one handler. */
  readonly toLayerHandler: <
    const Name extends T["_tag"],
    H extends HandlersFrom<T>[Name],
    EX = never,
    RX = never
  >(
    name: Name,
    build: H | Effect.Effect<H, EX, RX>
  ) => Layer.Layer<Handler<Name>, EX, Exclude<RX, Scope.Scope> | HandlerServices<H>>

  /** Types a record of handlers where it is written. */
  readonly of: <const H extends HandlersFrom<T>>(handlers: H & NoExcess<H, T>) => H
}

/**
 * Any group.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface Any {
  readonly [TypeId]: typeof TypeId
  readonly tasks: ReadonlyMap<string, Task.AnyClass>
}

/**
 * The tasks of a group.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type Tasks<G> = G extends TaskGroup<infer T> ? T : never

/**
 * The service of one handler, by the name of its task.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface HandlerOf<in out Name extends string> {
  readonly _: unique symbol
  readonly name: Name
}

/**
 * The services of handlers, by the names of their tasks: `toLayer` provides them
 * and a dispatcher requires them. Distributes over names, so that handlers can be
 * provided one by one, and more of them than a dispatcher needs.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type Handler<Name extends string> = Name extends unknown ? HandlerOf<Name> : never

/**
 * The handlers that a group of the tasks `T` needs.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type HandlersFrom<T extends Task.Any> = {
  readonly [Current in T as Current["_tag"]]: (
    task: Current
  ) => Effect.Effect<Task.Success<Current>, Task.Error<Current>, any>
}

/**
 * The services that a handler requires from its Layer.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type HandlerServices<H> = H extends (...args: any) => Effect.Effect<infer _A, infer _E, infer R>
  ? Exclude<R, Dispatcher | Scope.Scope>
  : never

/**
 * The services that a record of handlers requires from its Layer.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type HandlersServices<H> = { readonly [K in keyof H]: HandlerServices<H[K]> }[keyof H]

type NoExcess<H, T extends Task.Any> = {
  readonly [K in Exclude<keyof H, T["_tag"]>]: `No task of this group is named ${K & string}`
}

type NameOf<C> = C extends { readonly Type: { readonly _tag: infer Name extends string } } ? Name : never

/** Turns a class into a message where another of the list, or of `Taken`, has its name. */
type Distinct<Classes extends ReadonlyArray<unknown>, Taken extends string> = {
  readonly [I in keyof Classes]: NameOf<Classes[I]> extends
    | Taken
    | { readonly [J in keyof Classes]: J extends I ? never : NameOf<Classes[J]> }[number]
    ? `Two tasks of a group are named ${NameOf<Classes[I]>}`
    : Classes[I]
}

/** Turns a group into a message where another of the list, or `T`, has a different task of the same name. */
type Compatible<Groups extends ReadonlyArray<unknown>, T extends Task.Any> = {
  readonly [I in keyof Groups]: [Clash<Tasks<Groups[I]>, T | Tasks<Groups[number]>>] extends [never] ? Groups[I]
    : `Two tasks of a group are named ${Clash<Tasks<Groups[I]>, T | Tasks<Groups[number]>>}`
}

/** The names that mean one task in `A` and another in `B`. */
type Clash<A extends Task.Any, B extends Task.Any> = A extends unknown
  ? B extends { readonly _tag: A["_tag"] } ? [A, B] extends [B, A] ? never : A["_tag"] : never
  : never

// ----------------------------------------------------------------------------
// Guards
// ----------------------------------------------------------------------------

/**
 * Whether a value is a group of tasks.
 *
 * @stability stable
 * @category guards
 * @since 0.1.0
 */
export const isTaskGroup = (u: unknown): u is Any => typeof u === "object" && u !== null && TypeId in u

// ----------------------------------------------------------------------------
// Constructors
// ----------------------------------------------------------------------------

/**
 * A handler as its Layer provides it: the function, and the context that it runs in.
 *
 * @internal
 */
export interface HandlerEntry {
  readonly handle: (task: never) => Effect.Effect<unknown, unknown>
  readonly context: Context.Context<never>
  /** For tools that are given only the Layer. */
  readonly task: Task.AnyClass
}

const HANDLER = "papyros/TaskGroup/Handler/"

/** @internal */
export const handlerKey = (name: string): string => `${HANDLER}${name}`

const entriesOf = (
  classes: Iterable<readonly [string, Task.AnyClass]>,
  handlerOf: (name: string) => Effect.Effect<unknown, unknown> | HandlerEntry["handle"],
  context: Context.Context<never>
) =>
  Context.makeUnsafe<never>(
    new Map(
      Array.from(classes, ([name, task]): [string, HandlerEntry] => [
        handlerKey(name),
        { handle: handlerOf(name) as HandlerEntry["handle"], context, task }
      ])
    )
  )

const Proto = {
  [TypeId]: TypeId,
  ...Pipeable.Prototype,
  add(this: Any, ...classes: ReadonlyArray<Task.AnyClass>) {
    return makeProto([...this.tasks.values(), ...classes])
  },
  merge(this: Any, ...groups: ReadonlyArray<Any>) {
    return makeProto([this, ...groups].flatMap((group) => Array.from(group.tasks.values())))
  },
  omit(this: Any, ...names: ReadonlyArray<string>) {
    return makeProto(Array.from(this.tasks).filter(([name]) => !names.includes(name)).map(([, task]) => task))
  },
  toLayer(
    this: Any,
    build: Record<string, HandlerEntry["handle"]> | Effect.Effect<Record<string, HandlerEntry["handle"]>>
  ) {
    return Layer.effectContext(Effect.gen({ self: this }, function*() {
      const context = yield* Effect.context<never>()
      const handlers = Effect.isEffect(build) ? yield* build : build
      return entriesOf(this.tasks, (name) => handlers[name], context)
    }))
  },
  toLayerHandler(this: Any, name: string, build: HandlerEntry["handle"] | Effect.Effect<HandlerEntry["handle"]>) {
    return Layer.effectContext(Effect.gen({ self: this }, function*() {
      const context = yield* Effect.context<never>()
      const handler = Effect.isEffect(build) ? yield* build : build
      return entriesOf([[name, this.tasks.get(name)!]], () => handler, context)
    }))
  },
  of: identity
}

const makeProto = (classes: ReadonlyArray<Task.AnyClass>): TaskGroup<never> => {
  const tasks = new Map<string, Task.AnyClass>()
  for (const task of classes) {
    const name = task.prototype["~papyros/Task"].name
    const known = tasks.get(name)
    if (known !== undefined && known !== task) {
      throw new TypeError(`Two tasks of a group are named ${name}: rename one, or make two groups`)
    }
    tasks.set(name, task)
  }
  return Object.assign(Object.create(Proto), { tasks })
}

/**
 * Makes a group of task classes.
 *
 * **Example** (Writing the handlers of a group)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Task from "papyros/Task"
 * import * as TaskGroup from "papyros/TaskGroup"
 *
 * class Double extends Task.Class<Double>()("Double", { payload: { n: Schema.Int }, success: Schema.Int }) {}
 *
 * const Tasks = TaskGroup.make(Double)
 *
 * const handlers = Tasks.toLayer({
 *   Double: ({ n }) => Effect.succeed(n * 2)
 * })
 * ```
 *
 * @stability stable
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Classes extends ReadonlyArray<Task.AnyClass>>(
  ...classes: Classes & Distinct<Classes, never>
): TaskGroup<Classes[number]["Type"]> => makeProto(classes as ReadonlyArray<Task.AnyClass>) as never

/**
 * A codec of the failures of a group's tasks, for storing or sending them.
 * Tasks and typed errors are encoded by their own schemas.
 *
 * @stability stable
 * @category schemas
 * @since 0.1.0
 */
export const failureSchema = <T extends Task.Any>(
  group: TaskGroup<T>
): Schema.Codec<TaskFailure.TaskFailure<T>, unknown> => {
  const members = Array.from(group.tasks.values(), (task) =>
    Schema.Struct({
      _tag: Schema.tag("TaskFailure"),
      task: task as Schema.Codec<Task.Any, unknown>,
      attempt: Schema.Int,
      worker: Schema.String,
      trace: Schema.String,
      reason: Schema.Union([
        Schema.Struct({
          _tag: Schema.tag("Failed"),
          error: task.prototype["~papyros/Task"].error as Schema.Codec<unknown, unknown>
        }),
        ...TaskFailure.untypedReasons
      ])
    }))
  return Schema.Union(members).pipe(
    Schema.decodeTo(Schema.declare((u): u is TaskFailure.TaskFailure<Task.Any> => TaskFailure.isTaskFailure(u)), {
      decode: SchemaGetter.transform((fields) =>
        TaskFailure.make({
          ...fields,
          reason: fields.reason._tag === "Failed"
            ? new TaskFailure.Failed({ error: fields.reason.error })
            : fields.reason
        })
      ),
      encode: SchemaGetter.transform((failure) => ({
        _tag: "TaskFailure" as const,
        task: failure.task,
        attempt: failure.attempt,
        worker: failure.worker,
        trace: failure.trace,
        reason: failure.reason as (typeof members)[number]["Type"]["reason"]
      }))
    })
  ) as unknown as Schema.Codec<TaskFailure.TaskFailure<T>, unknown>
}

/**
 * The group of the handlers that a Layer has provided.
 *
 * @internal
 */
export const fromHandlers = (context: Context.Context<never>): Any =>
  makeProto(
    Array.from(context.mapUnsafe)
      .filter(([key]) => key.startsWith(HANDLER))
      .map(([, entry]) => (entry as HandlerEntry).task)
  )
