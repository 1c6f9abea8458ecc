import type * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as DummyDispatcher from "../layers/DummyDispatcher.ts"
import * as FiberDispatcher from "../layers/FiberDispatcher.ts"
import * as RemoteDispatcher from "../layers/RemoteDispatcher.ts"
import * as WorkerPoolDispatcher from "../layers/WorkerPoolDispatcher.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/** What the command line gives a dispatcher. */
interface Place {
  /** The handlers module. */
  readonly handlers: URL
  readonly group: TaskGroup.TaskGroup<Task.Any>
  readonly concurrency: number | undefined
  /** For workers elsewhere. */
  readonly remote: Parameters<typeof RemoteDispatcher.layer>[1]
}

/** A dispatcher by the name that `--dispatcher` knows it by. */
export interface Entry {
  readonly about: string
  readonly layer: (place: Place) => Layer.Layer<Dispatcher, unknown, TaskGroup.Handler<string>>
}

/** Every dispatcher that `papyros run` offers. */
export const dispatchers: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ["dummy", {
    about: "one task at a time, in order",
    layer: ({ group }) => DummyDispatcher.layer(group)
  }],
  ["fiber", {
    about: "many at once in this process",
    layer: ({ concurrency, group }) => FiberDispatcher.layer(group, { concurrency })
  }],
  ["pool", {
    about: "in worker threads",
    layer: ({ concurrency, group, handlers }) => WorkerPoolDispatcher.layer(group, { handlers, size: concurrency })
  }],
  ["remote", {
    about: "in worker processes that a name server knows",
    layer: ({ group, remote }) => RemoteDispatcher.layer(group, remote)
  }]
])
