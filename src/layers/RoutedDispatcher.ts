/**
 * Combines several dispatchers into one, by task: for example CPU-bound tasks in
 * threads and I/O-bound tasks in this process, from one stream.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dispatcher, SchedulerHandleKey, type Status } from "../Dispatcher.ts"
import { type Route, routeSchedulers } from "../internal/producers/routed.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/**
 * The Layer of a dispatcher that passes each task to the dispatcher whose group has
 * it. Tasks that no group has go to the first dispatcher.
 *
 * **When to use**
 *
 * Use to run CPU-bound tasks in threads and IO-bound tasks in this process, from
 * one stream.
 *
 * **Details**
 *
 * Order, buffers, retries and timeouts apply to a stream as a whole. Each dispatcher has its own capacity and fairness.
 * Tasks that a handler runs run on the dispatcher that runs the handler.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = <
  const Routes extends ReadonlyArray<readonly [TaskGroup.Any, Layer.Layer<Dispatcher, any, any>]>
>(
  routes: Routes
): Layer.Layer<Dispatcher, Layer.Error<Routes[number][1]>, Layer.Services<Routes[number][1]>> =>
  Layer.effect(
    Dispatcher,
    Effect.gen(function*() {
      const parts: Array<Route & { readonly status: Effect.Effect<Status> }> = []
      for (const [group, layer] of routes) {
        const context = yield* Layer.build(layer as Layer.Layer<Dispatcher>)
        const dispatcher = Context.get(context, Dispatcher)
        parts.push({
          names: new Set(group.tasks.keys()),
          scheduler: dispatcher[SchedulerHandleKey],
          status: dispatcher.status
        })
      }
      return Dispatcher.of({
        [SchedulerHandleKey]: routeSchedulers(parts),
        status: Effect.map(Effect.all(parts.map((part) => part.status)), (all) => ({
          waiting: sum(all, (part) => part.waiting),
          running: sum(all, (part) => part.running),
          executions: sum(all, (part) => part.executions),
          succeeded: sum(all, (part) => part.succeeded),
          failed: sum(all, (part) => part.failed),
          workers: all.flatMap((part) => part.workers)
        }))
      })
    })
  )

const sum = (all: ReadonlyArray<Status>, of: (status: Status) => number): number =>
  all.reduce((total, status) => total + of(status), 0)
