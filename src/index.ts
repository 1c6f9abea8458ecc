/** The light modules of papyros. Remote dispatchers, the worker process and `papyros/testing` have subpaths of their own. */
export * as Dispatcher from "./Dispatcher.ts"
export * as Executor from "./Executor.ts"
export * as DummyDispatcher from "./layers/DummyDispatcher.ts"
export * as FiberDispatcher from "./layers/FiberDispatcher.ts"
export * as TaskQueue from "./Queue.ts"
export * as Task from "./Task.ts"
export * as TaskFailure from "./TaskFailure.ts"
export * as TaskGroup from "./TaskGroup.ts"
