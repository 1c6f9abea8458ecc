/**
 * Loads a handlers module: a module whose default export is the Layer of its handlers. The tasks are found in the
 * services that the Layer provides.
 *
 * Must stay true: a module that cannot be used is reported with the change that it needs.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import type * as Task from "../Task.ts"
import * as TaskGroup from "../TaskGroup.ts"
import { Unusable } from "./exit.ts"
import { nearest } from "./suggest.ts"

/** A loaded handlers module, with its Layer built. */
export interface Handlers {
  /** Its path or URL, as it was given. */
  readonly module: string
  readonly url: URL
  readonly group: TaskGroup.TaskGroup<Task.Any>
  readonly context: Context.Context<TaskGroup.Handler<string>>
}

const EXPORT = "Export the Layer of its handlers: export default Tasks.toLayer({ … })"

/** Removes the services of the command. A handlers module that needs them has to provide them, as in a worker. */
const ownServices = Context.omit(
  ChildProcessSpawner.ChildProcessSpawner,
  FileSystem.FileSystem,
  Path.Path,
  Stdio.Stdio,
  Terminal.Terminal
)

/** Loads a handlers module and builds its Layer, which lives as long as the scope. */
export const load = Effect.fnUntraced(function*(module: string): Effect.fn.Return<
  Handlers,
  Unusable,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const unusable = (reason: string) => new Unusable({ message: `Cannot use ${module} as a handlers module: ${reason}` })
  const url = yield* Effect.mapError(locate(module), unusable)
  const exports = yield* Effect.tryPromise({
    try: () => import(url.href) as Promise<{ readonly default?: unknown }>,
    catch: (error) => unusable(`it could not be loaded.\n${detail(error)}`)
  })
  if (!("default" in exports)) return yield* unusable(`it has no default export. ${EXPORT}`)
  const layer = exports.default
  if (!Layer.isLayer(layer)) {
    return yield* unusable(`its default export is ${kindOf(layer)}, not a Layer. ${EXPORT}`)
  }
  const context = yield* Layer.build(layer as Layer.Layer<TaskGroup.Handler<string>>).pipe(
    Effect.updateContext((context: Context.Context<Scope.Scope>) =>
      ownServices(context) as Context.Context<Scope.Scope>
    ),
    Effect.catchCause((cause) =>
      Cause.hasInterrupts(cause) ? Effect.failCause(cause) : Effect.fail(unusable(whyNotBuilt(cause)))
    )
  )
  const classes = Array.from(context.mapUnsafe)
    .filter(([key]) => key.startsWith(TaskGroup.handlerKey("")))
    .map(([, entry]: [string, TaskGroup.HandlerEntry]) => entry.task)
  if (classes.length === 0) return yield* unusable(`its Layer provides no handlers of tasks. ${EXPORT}`)
  return { module, url, group: TaskGroup.make(...classes), context }
})

/** The task of that name. */
export const find = ({ group, module }: Handlers, name: string): Effect.Effect<Task.AnyClass, Unusable> => {
  const task = group.tasks.get(name)
  if (task !== undefined) return Effect.succeed(task)
  const near = nearest(name, group.tasks.keys())
  const hint = near === undefined ? "" : ` Did you mean ${near}?`
  return Effect.fail(
    new Unusable({
      message: `${module} has no task named ${name}.${hint} Its tasks: ${Array.from(group.tasks.keys()).join(", ")}`
    })
  )
}

const locate = Effect.fnUntraced(function*(module: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const url = module.startsWith("file:")
    ? yield* Effect.try({ try: () => new URL(module), catch: () => "it is not a valid URL." })
    : yield* Effect.mapError(path.toFileUrl(path.resolve(module)), (error) => error.message)
  const file = yield* Effect.mapError(path.fromFileUrl(url), (error) => error.message)
  const info = yield* Effect.mapError(
    fs.stat(file),
    (error) => error.reason._tag === "NotFound" ? `there is no file ${file}.` : error.message
  )
  return info.type === "Directory" ? yield* Effect.fail(`${file} is a directory. Name the module in it.`) : url
})

/** A value, for a message. */
const kindOf = (u: unknown): string => {
  if (TaskGroup.isTaskGroup(u)) return "a group of tasks"
  if (Effect.isEffect(u)) return "an Effect"
  if (u === null || u === undefined) return String(u)
  return typeof u === "object" ? "an object" : `a ${typeof u}`
}

const MISSING = "Service not found: "

const whyNotBuilt = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (error instanceof Error && error.message.startsWith(MISSING)) {
    const service = error.message.slice(MISSING.length).split(" ")[0]
    return `its Layer needs the service ${service}, which it does not provide. ` +
      "Provide it in the module: export default Tasks.toLayer({ … }).pipe(Layer.provide(…))"
  }
  return `its Layer could not be built.\n${Cause.pretty(cause)}`
}

const detail = (error: unknown): string => {
  if (!Predicate.isError(error)) return `It threw ${String(error)}`
  const lines = (error.stack ?? String(error)).split("\n").filter((line) => !line.includes("node:"))
  // Node shows the position of a syntax error only when it runs the module itself.
  if (error instanceof SyntaxError) lines.push("Run the module with node to see the line.")
  return lines.join("\n")
}
