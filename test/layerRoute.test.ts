import * as Layer from "effect/Layer"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { handlers, laws, Tasks } from "papyros/testing"

const concurrency = 3

/** Tasks that go to the Dummy dispatcher: those by which a boundary shows, and half of the plain ones. */
const Encoded = Tasks.omit("Square", "Hold", "Sleep", "Nest", "Stumble", "Spin", "Perish", "Once")

laws("Dispatcher.layerRoute of Dummy and Fiber", {
  layer: ({ capacity }) =>
    Dispatcher.layerRoute([
      [Encoded, DummyDispatcher.layer(Encoded)],
      [
        Tasks.omit("Transform", "Refuse", "Scribble", "Die", "GiveUp", "Misfit"),
        FiberDispatcher.layer(Tasks, { capacity, concurrency, codecs: true })
      ]
    ]).pipe(Layer.provide(handlers)),
  boundary: "codec",
  concurrency,
  slots: concurrency + 1,
  bounds: true,
  endsBusyLoops: false,
  losesWorkers: false,
  nests: true,
  sharesClock: true,
  sharesMemory: true
})
