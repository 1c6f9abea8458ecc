import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Executor from "papyros/Executor"
import { type Faults, makeHandlers, Probe, scripted, type Subject, Tasks } from "papyros/testing"

/** The fields by which the tasks of the laws are told apart. */
const fields = (item: Executor.Item) =>
  item.payload as { readonly n?: number; readonly id?: number; readonly losses?: number }

/** The scripted executor, running the handlers of the laws on three lanes that go wrong. */
export const scriptedSubject = (options: { readonly window: number; readonly faults?: Partial<Faults> }): Subject => ({
  layer: ({ capacity, observe, seed = 1 }) =>
    Layer.unwrap(Effect.map(Probe, (probe) => {
      const handlers = makeHandlers(probe) as {
        readonly [name: string]: (task: never) => Effect.Effect<unknown, unknown>
      }
      return scripted(Tasks, {
        ...options,
        seed,
        capacity,
        observe,
        run: (item) => handlers[item.name](item.payload as never),
        perishes: (item) => item.name === "Perish" && item.attempt <= fields(item).losses!,
        idOf: (item) => fields(item).n ?? fields(item).id ?? -1
      })
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
