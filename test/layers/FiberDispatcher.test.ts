import * as Layer from "effect/Layer"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { handlers, laws, type Subject, Tasks } from "papyros/testing"

const concurrency = 4

const subject = (codecs: boolean): Subject => ({
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

laws("FiberDispatcher", subject(false))
laws("FiberDispatcher with codecs", subject(true))
