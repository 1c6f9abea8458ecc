import * as Layer from "effect/Layer"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import { handlers, laws, Tasks } from "papyros/testing"
import { effort } from "../support/effort.ts"

laws("DummyDispatcher", {
  layer: () => DummyDispatcher.layer(Tasks).pipe(Layer.provide(handlers)),
  boundary: "codec",
  concurrency: 1,
  effort: effort(1),
  bounds: false,
  endsBusyLoops: false,
  losesWorkers: false,
  nests: true,
  sharesClock: true,
  sharesMemory: true
})
