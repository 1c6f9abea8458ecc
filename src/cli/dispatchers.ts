/**
 * The dispatchers that `papyros run` offers by `--dispatcher`. A new dispatcher is added here.
 *
 * Must stay true: a handlers module runs on each of them unchanged. Those that use the network are loaded on demand.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as DummyDispatcher from "../layers/DummyDispatcher.ts"
import * as FiberDispatcher from "../layers/FiberDispatcher.ts"
import type * as RemoteDispatcher from "../layers/RemoteDispatcher.ts"
import * as WorkerPoolDispatcher from "../layers/WorkerPoolDispatcher.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/** The options of the command line that concern a dispatcher. */
interface DispatcherOptions {
  /** The handlers module. */
  readonly handlers: URL
  readonly group: TaskGroup.TaskGroup<Task.Any>
  readonly concurrency: number | undefined
  /** For `remote`. */
  readonly remote: Parameters<typeof RemoteDispatcher.layer>[1]
}

export interface DispatcherChoice {
  readonly about: string
  readonly layer: (options: DispatcherOptions) => Layer.Layer<Dispatcher, unknown, TaskGroup.Handler<string>>
}

/** By their names on the command line. */
export const dispatchers: ReadonlyMap<string, DispatcherChoice> = new Map<string, DispatcherChoice>([
  ["dummy", {
    about: "one task at a time, in order",
    layer: ({ group }) => DummyDispatcher.layer(group)
  }],
  ["fiber", {
    about: "many concurrent tasks in this process",
    layer: ({ concurrency, group }) => FiberDispatcher.layer(group, { concurrency })
  }],
  ["pool", {
    about: "in worker threads",
    layer: ({ concurrency, group, handlers }) => WorkerPoolDispatcher.layer(group, { handlers, size: concurrency })
  }],
  ["remote", {
    about: "in worker processes that a name server knows",
    layer: ({ group, remote }) =>
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("../layers/RemoteDispatcher.ts")),
          (RemoteDispatcher) => RemoteDispatcher.layer(group, remote)
        )
      )
  }]
])
