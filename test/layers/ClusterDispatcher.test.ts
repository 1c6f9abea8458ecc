import * as TestRunner from "effect/cluster/TestRunner"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { handlersUrl, laws, Tasks } from "papyros/testing"

laws("ClusterDispatcher", {
  layer: ({ capacity }) =>
    ClusterDispatcher.layer(Tasks, { capacity }).pipe(
      Layer.provide(ClusterDispatcher.toLayer(Tasks, { handlers: handlersUrl, size: 2, gracePeriod: 200 })),
      Layer.provide(TestRunner.layer),
      Layer.provide(Logger.layer([]))
    ),
  boundary: "codec",
  concurrency: 2,
  bounds: true,
  endsBusyLoops: true,
  losesWorkers: true,
  nests: true,
  sharesClock: false,
  sharesMemory: false,
  effort: process.env.PAPYROS_CHAOS === undefined ? 0.3 : 5
})
