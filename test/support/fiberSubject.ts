import * as Layer from "effect/Layer"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { handlers, type Subject, Tasks } from "papyros/testing"

const concurrency = 4

/** `FiberDispatcher` as a subject of the laws. */
export const fiberSubject = (codecs: boolean): Subject => ({
  layer: ({ capacity }) =>
    FiberDispatcher.layer(Tasks, { capacity, codecs, concurrency }).pipe(Layer.provide(handlers)),
  boundary: codecs ? "codec" : "none",
  concurrency,
  bounds: true,
  endsBusyLoops: false,
  losesWorkers: false,
  nests: true,
  sharesClock: true,
  sharesMemory: true
})
