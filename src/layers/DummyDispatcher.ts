/**
 * The dispatcher without concurrency: it runs one task at a time, in order, in this
 * process. Use it in tests, and to find out whether a fault is caused by concurrency.
 *
 * Payloads, results and errors are encoded, copied and decoded as between threads and
 * hosts: a value that cannot cross those boundaries fails here as well.
 */
import type * as Layer from "effect/Layer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import * as Local from "../internal/local/executor.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/**
 * The Layer of a dispatcher that runs one task at a time.
 *
 * @stability stable
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>
): Layer.Layer<Dispatcher, never, TaskGroup.Handler<T["_tag"]>> =>
  Executor.layer(
    group,
    Local.make<TaskGroup.Handler<T["_tag"]>>(group, { name: "dummy", concurrency: 1, boundary: "codec" })
  )
