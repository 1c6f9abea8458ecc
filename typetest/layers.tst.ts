import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as Executor from "papyros/Executor"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as RemoteWorker from "papyros/RemoteWorker"
import * as SqliteClient from "papyros/SqliteClient"
import * as TaskGroup from "papyros/TaskGroup"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { describe, expect, it } from "tstyche"
import { Double, type NotFound, Root, Tick } from "./fixtures/tasks.ts"

class Files extends Context.Service<Files, { readonly read: Effect.Effect<string> }>()("Files") {}

const Tasks = TaskGroup.make(Root, Double)

const handlers = Tasks.toLayer({
  Root: () => Effect.succeed("yes"),
  Double: ({ n }) => Effect.succeed(n * 2)
})

const handlersOfFiles = Tasks.toLayer({
  Root: () => Files.use((files) => files.read),
  Double: ({ n }) => Effect.orDie(new Double({ n }))
})

type Served = Layer.Layer<Dispatcher.Dispatcher>

describe("layers", () => {
  it("require exactly the handlers of their group", () => {
    type Required = TaskGroup.Handler<"Root" | "Double">
    expect(DummyDispatcher.layer(Tasks)).type.toBe<Layer.Layer<Dispatcher.Dispatcher, never, Required>>()
    expect(FiberDispatcher.layer(Tasks)).type.toBe<Layer.Layer<Dispatcher.Dispatcher, never, Required>>()
    expect(FiberDispatcher.layer(Tasks, { concurrency: 8, capacity: "unbounded", codecs: true })).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, never, Required>
    >()
    expect(FiberDispatcher.layerConfig(Tasks)).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, Config.ConfigError, Required>
    >()
    expect(DummyDispatcher.layer(Tasks.add(Tick).omit("Double"))).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, never, TaskGroup.Handler<"Root" | "Tick">>
    >()
  })

  it("require nothing more once their handlers are provided", () => {
    expect(DummyDispatcher.layer(Tasks).pipe(Layer.provide(handlers))).type.toBe<Served>()
    expect(FiberDispatcher.layer(Tasks).pipe(Layer.provide(handlers))).type.toBe<Served>()
  })

  it("have the requirements of their handlers, without the Dispatcher", () => {
    expect(DummyDispatcher.layer(Tasks).pipe(Layer.provide(handlersOfFiles))).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, never, Files>
    >()
  })

  it("take handlers that are provided one by one", () => {
    const root = Tasks.toLayerHandler("Root", () => Effect.succeed("yes"))
    const double = Tasks.toLayerHandler("Double", ({ n }) => Effect.succeed(n * 2))
    expect(DummyDispatcher.layer(Tasks).pipe(Layer.provide([root, double]))).type.toBe<Served>()
    expect(DummyDispatcher.layer(Tasks).pipe(Layer.provide(root))).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, never, TaskGroup.Handler<"Double">>
    >()
  })

  it("take more handlers than they need", () => {
    expect(DummyDispatcher.layer(Tasks.omit("Root")).pipe(Layer.provide(handlers))).type.toBe<Served>()
  })

  it("still require a handler that is not provided", () => {
    expect(DummyDispatcher.layer(Tasks.add(Tick)).pipe(Layer.provide(handlers))).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, never, TaskGroup.Handler<"Tick">>
    >()
  })

  it("serve a program", () => {
    const program = Effect.provide(Dispatcher.run(new Tick()), FiberDispatcher.layer(TaskGroup.make(Tick)))
    expect<Effect.Services<typeof program>>().type.toBe<TaskGroup.Handler<"Tick">>()
    expect(Effect.runPromise).type.not.toBeCallableWith(program)
    expect(Effect.runPromise).type.toBeCallableWith(
      Effect.provide(program, TaskGroup.make(Tick).toLayer({ Tick: () => Effect.void }))
    )
  })

  it("are refused options of another name or type", () => {
    expect(FiberDispatcher.layer).type.not.toBeCallableWith(Tasks, { concurency: 8 })
    expect(FiberDispatcher.layer).type.not.toBeCallableWith(Tasks, { concurrency: "unbounded" })
    expect(FiberDispatcher.layer).type.not.toBeCallableWith(Root)
    expect(DummyDispatcher.layer).type.not.toBeCallableWith(Tasks, { concurrency: 8 })
  })

  it("that run tasks on other threads or hosts require no handlers, and fail with the errors of their transport", () => {
    const handlers = new URL("file:///handlers.ts")
    expect(WorkerPoolDispatcher.layer(Tasks, { handlers })).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, WorkerPoolDispatcher.HandlersError>
    >()
    expect(WorkerPoolDispatcher.layer).type.toBeCallableWith(Tasks, { thread: handlers, size: 2 })
    expect(WorkerPoolDispatcher.layer).type.not.toBeCallableWith(Tasks)
    expect(WorkerPoolDispatcher.layer).type.not.toBeCallableWith(Tasks, { size: 2 })
    expect(WorkerPoolDispatcher.layer).type.not.toBeCallableWith(Tasks, { handlers, thread: handlers })
    expect(RemoteDispatcher.layer(Tasks)).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, RemoteDispatcher.RemoteError>
    >()
    expect(RemoteDispatcher.layerConfig(Tasks, { workerGroup: "images" })).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, RemoteDispatcher.RemoteError | Config.ConfigError>
    >()
    expect(RemoteDispatcher.layerStorage(Tasks)).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, RemoteDispatcher.RemoteError, RunnerStorage>
    >()
    expect(RemoteDispatcher.layer).type.not.toBeCallableWith(Tasks, { secret: "in clear" })
    expect(RemoteWorker.layer(Tasks, { handlers, nameServer: "10.0.0.1:7427" })).type.toBe<
      Layer.Layer<never, WorkerPoolDispatcher.HandlersError | RemoteDispatcher.RemoteError>
    >()
    expect(RemoteWorker.layerStorage(Tasks, { handlers })).type.toBe<
      Layer.Layer<never, WorkerPoolDispatcher.HandlersError | RemoteDispatcher.RemoteError, RunnerStorage>
    >()
  })

  it("that run tasks on a cluster require its Sharding, and nothing else", () => {
    const handlers = new URL("file:///handlers.ts")
    expect(ClusterDispatcher.layer(Tasks, { workerGroup: "images", noWorkerTimeout: "1 minute" })).type.toBe<
      Layer.Layer<Dispatcher.Dispatcher, never, Sharding>
    >()
    expect(ClusterDispatcher.toLayer(Tasks, { handlers, drainTimeout: 1000 })).type.toBe<
      Layer.Layer<never, WorkerPoolDispatcher.HandlersError, Sharding>
    >()
    expect(ClusterDispatcher.toLayer).type.not.toBeCallableWith(Tasks, { handlers, capacity: 10 })
    expect(ClusterDispatcher.toLayer).type.not.toBeCallableWith(Tasks, { size: 1 })
    expect(SqliteClient.layer({ filename: "cluster.db" })).type.toBe<Layer.Layer<SqlClient, SqlError>>()
  })

  it("are made of executors, and fail and require as these do, without their scope", () => {
    const executor = null as unknown as Executor.Executor<NotFound, Files>
    expect(Executor.layer(Tasks, executor)).type.toBe<Layer.Layer<Dispatcher.Dispatcher, NotFound, Files>>()
    expect(
      Executor.layer(Tasks, {
        name: "scoped",
        boundary: "none",
        maxChunk: 1,
        open: (_scheduler, dispatcher) => {
          expect(dispatcher).type.toBe<Dispatcher.Dispatcher["Service"]>()
          return Effect.gen(function*() {
            yield* Effect.addFinalizer(() => Effect.void)
            yield* Files
          })
        }
      }, { capacity: 10, maxWorkerLosses: 3 })
    ).type.toBe<Layer.Layer<Dispatcher.Dispatcher, never, Files>>()
  })
})
