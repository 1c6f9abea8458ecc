import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Dispatcher } from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import { type Faults, makeHandlers, makeScripted, Probe, type Subject, Tasks } from "papyros/testing"

/** The fields that identify the tasks of the laws. */
const fields = (item: Executor.Item) =>
  item.payload as { readonly n?: number; readonly id?: number; readonly losses?: number }

type Handler = (task: never) => Effect.Effect<unknown, unknown, Dispatcher | Scope.Scope>

/**
 * The scripted executor, which runs the handlers of the laws on three workers with injected faults. `between` may wrap
 * the scheduler that the workers call.
 */
export const scriptedSubject = (options: {
  readonly window: number
  readonly faults?: Partial<Faults>
  readonly between?: (scheduler: Executor.Scheduler) => Executor.Scheduler
  /** Provides the scope of each run of a handler. */
  readonly scoped?: typeof Effect.scoped
}): Subject => ({
  layer: ({ capacity, observe, seed = 1 }) =>
    Layer.unwrap(Effect.map(Probe, (probe) => {
      const { scoped = Effect.scoped } = options
      const handlers: { readonly [name: string]: Handler } = makeHandlers(probe)
      const executor = makeScripted({
        window: options.window,
        faults: options.faults,
        seed,
        observe,
        run: (item) => scoped(handlers[item.name](item.payload as never)),
        perishes: (item) => item.name === "Perish" && item.attempt <= fields(item).losses!,
        idOf: (item) => fields(item).n ?? fields(item).id ?? -1
      })
      const { between = (scheduler) => scheduler } = options
      return Executor.layer(Tasks, {
        ...executor,
        open: (scheduler, dispatcher) => executor.open(between(scheduler), dispatcher)
      }, { capacity })
    })),
  boundary: "none",
  concurrency: 6,
  bounds: true,
  endsBusyLoops: false,
  losesWorkers: true,
  nests: false,
  sharesClock: true,
  sharesMemory: true
})
