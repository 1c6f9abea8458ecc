/** The laws of dispatchers, with `Durable.execute` and `Durable.results` in place of those of the dispatcher. */
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type * as Dispatcher from "papyros/Dispatcher"
import type * as Durable from "papyros/Durable"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import type * as Task from "papyros/Task"
import { handlers, handlersUrl, laws, type Subject, Tasks } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { vi } from "vitest"

// The laws take the verbs from this module, which papyros itself needs too: this file has a process to itself.
vi.mock("../src/Dispatcher.ts", async (original) => {
  const dispatcher: typeof Dispatcher = await original()
  let durable: typeof Durable
  // It imports the module that is being replaced, and so is complete only after it.
  void import("../src/Durable.ts").then((loaded) => durable = loaded)
  type Tasks = Stream.Stream<Task.Any>
  return {
    ...dispatcher,
    execute: (tasks: Tasks, options: object = {}) =>
      Stream.provide(durable.execute(tasks, { ...options, run: "law" }), durable.layerMemory),
    results: (tasks: Tasks, options: object = {}) =>
      Stream.provide(durable.results(tasks, { ...options, run: "law" }), durable.layerMemory)
  }
})

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

laws("Durable.execute over FiberDispatcher", subject(false))
laws("Durable.execute over FiberDispatcher with codecs", subject(true))

// They start many threads.
if (process.env.PAPYROS_CHAOS !== undefined) {
  laws("Durable.execute over WorkerPoolDispatcher", {
    layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { handlers: handlersUrl, capacity, size: 2 }),
    boundary: "codec",
    concurrency: 2,
    bounds: true,
    endsBusyLoops: true,
    losesWorkers: true,
    nests: true,
    sharesClock: false,
    sharesMemory: false
  })
}
