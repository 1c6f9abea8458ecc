import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Executor from "papyros/Executor"
import { laws, makeHandlers, Probe, scripted, type Subject, Tasks } from "papyros/testing"

const subject: Subject = {
  layer: ({ capacity, observe, seed = 1 }) =>
    Layer.unwrap(Effect.map(Probe, (probe) => {
      const handlers: Record<string, (task: never) => Effect.Effect<unknown, unknown>> = makeHandlers(probe)
      const fields = (item: Executor.Item) =>
        item.payload as { readonly n?: number; readonly id?: number; readonly losses?: number }
      return scripted(Tasks, {
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
  sharesClock: true,
  sharesMemory: true
}

laws("ScriptedExecutor", subject)
