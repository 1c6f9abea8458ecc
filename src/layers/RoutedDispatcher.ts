/**
 * Combines several dispatchers into one, by task: for example CPU-bound tasks in
 * threads and I/O-bound tasks in this process, from one stream.
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dispatcher, ObservablesKey, SchedulerHandleKey, type Status } from "../Dispatcher.ts"
import { routeSchedulers } from "../internal/producers/routed.ts"

/**
 * The Layer of a dispatcher that passes each task to the first of the dispatchers whose
 * group has it. Tasks that no group has go to the first dispatcher.
 *
 * **When to use**
 *
 * Use to run CPU-bound tasks in threads and IO-bound tasks in this process, from
 * one stream.
 *
 * **Details**
 *
 * Order, buffers, retries and timeouts apply to a stream as a whole. Each dispatcher has its own capacity and fairness.
 * Tasks that a handler runs run on the dispatcher that runs the handler. An empty list is a defect.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = <
  const Layers extends Arr.NonEmptyReadonlyArray<Layer.Layer<Dispatcher, any, any>>
>(
  dispatchers: Layers
): Layer.Layer<Dispatcher, Layer.Error<Layers[number]>, Layer.Services<Layers[number]>> =>
  Layer.effect(
    Dispatcher,
    Effect.gen(function*() {
      if (dispatchers.length === 0) throw new TypeError("RoutedDispatcher.layer needs at least one dispatcher")
      const parts: Array<Dispatcher["Service"]> = []
      for (const layer of dispatchers) {
        parts.push(Context.get(yield* Layer.build(layer as Layer.Layer<Dispatcher>), Dispatcher))
      }
      return Dispatcher.of({
        [SchedulerHandleKey]: routeSchedulers(parts.map((part) => part[SchedulerHandleKey])),
        [ObservablesKey]: parts.flatMap((part) => part[ObservablesKey]),
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
