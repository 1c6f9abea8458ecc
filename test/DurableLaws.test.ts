/** The laws of dispatchers, with `Durable.execute` and `Durable.results` in place of those of the dispatcher. */
import * as Stream from "effect/Stream"
import type * as Dispatcher from "papyros/Dispatcher"
import type * as Durable from "papyros/Durable"
import type * as Task from "papyros/Task"
import { handlersUrl, laws, Tasks } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { vi } from "vitest"
import { effort, isChaos } from "./support/effort.ts"
import { fiberSubject } from "./support/fiberSubject.ts"
import { remoteSubject } from "./support/remote/remoteSubject.ts"
import { workerSubject } from "./support/workerSubject.ts"

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

// The tests of FiberDispatcher check the same properties with all inputs. The journal is the same for all executors.
laws("Durable.execute over FiberDispatcher", { ...fiberSubject(false), effort: effort(0.3, 1) })
laws("Durable.execute over FiberDispatcher with codecs", { ...fiberSubject(true), effort: effort(0.3, 1) })

// They start many threads and processes.
if (isChaos) {
  laws("Durable.execute over WorkerPoolDispatcher", {
    layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { handlers: handlersUrl, capacity, size: 2 }),
    ...workerSubject
  })
  laws("Durable.execute over RemoteDispatcher", remoteSubject(1))
}
