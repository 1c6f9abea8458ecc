import type * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { QueueClosed, TaskQueue } from "papyros/Queue"
import type { TaskFailure } from "papyros/TaskFailure"
import { describe, expect, it } from "tstyche"
import { Double, Read, Root } from "./fixtures/tasks.ts"

type Push = Effect.Effect<void, Dispatcher.DispatchTimeout | QueueClosed | Dispatcher.DispatcherClosed>

declare const queue: TaskQueue<Root>
declare const mixed: TaskQueue<Root | Double>

describe("Queue", () => {
  it("is made in a scope, on a dispatcher", () => {
    expect(Dispatcher.makeQueue<Root>()).type.toBe<
      Effect.Effect<TaskQueue<Root>, Dispatcher.DispatcherClosed, Dispatcher.Dispatcher | Scope.Scope>
    >()
    expect(Dispatcher.makeQueue<Root | Double>({
      capacity: 10,
      taskTimeout: "1 second",
      retry: { times: 3 },
      chunkSize: "auto"
    })).type.toBe<
      Effect.Effect<TaskQueue<Root | Double>, Dispatcher.DispatcherClosed, Dispatcher.Dispatcher | Scope.Scope>
    >()
    expect(Dispatcher.makeQueue<Root>).type.toBeCallableWith({ capacity: "unbounded" })
    expect(Dispatcher.makeQueue<Root>).type.not.toBeCallableWith({ capacity: "all" })
    expect(Dispatcher.makeQueue<Root>).type.not.toBeCallableWith({ bufferSize: 10 })
  })

  it("retries by the failures of its tasks", () => {
    Dispatcher.makeQueue<Root>({
      retry: {
        while: (failure) => {
          expect(failure).type.toBe<TaskFailure<Root>>()
          return failure.reason._tag === "Failed" && failure.reason.error.n > 0
        }
      }
    })
    expect(Dispatcher.makeQueue<Root>).type.toBeCallableWith({ retry: Schedule.recurs(3) })
    expect(Dispatcher.makeQueue<Root>).type.toBeCallableWith({
      retry: null as unknown as Schedule.Schedule<number, TaskFailure<Root>>
    })
    expect(Dispatcher.makeQueue<Root>).type.not.toBeCallableWith({
      retry: null as unknown as Schedule.Schedule<number, TaskFailure<Double>>
    })
    expect(Dispatcher.makeQueue<Root>).type.not.toBeCallableWith({
      retry: { while: (failure: TaskFailure<Double>) => failure.task.n > 0 }
    })
  })

  it("pushes its own tasks only", () => {
    expect(queue.push(new Root({ n: 1 }))).type.toBe<Push>()
    expect(queue.push(new Root({ n: 1 }), { timeout: 0 })).type.toBe<Push>()
    expect(mixed.push(new Double({ n: 1 }), { timeout: "1 second" })).type.toBe<Push>()
    expect(queue.push).type.not.toBeCallableWith(new Double({ n: 1 }))
    expect(mixed.push).type.not.toBeCallableWith(new Read({ path: "/" }))
    expect(queue.push).type.not.toBeCallableWith({ _tag: "Root", n: 1 })
  })

  it("pops the successes of its tasks, and fails with their errors", () => {
    type Ends = Dispatcher.DispatchTimeout | QueueClosed | Dispatcher.DispatcherClosed
    expect(queue.pop()).type.toBe<Effect.Effect<string, TaskFailure<Root> | Ends>>()
    expect(mixed.pop({ timeout: "1 second" })).type.toBe<
      Effect.Effect<string | number, TaskFailure<Root> | TaskFailure<Double> | Ends>
    >()
  })

  it("pops many outcomes and fails neither because of a task nor because of time", () => {
    expect(queue.popMany()).type.toBe<
      Effect.Effect<Array<Dispatcher.TaskResult<Root>>, QueueClosed | Dispatcher.DispatcherClosed>
    >()
    expect(mixed.popMany({ timeout: 0, max: 10 })).type.toBe<
      Effect.Effect<Array<Dispatcher.TaskResult<Root | Double>>, QueueClosed | Dispatcher.DispatcherClosed>
    >()
  })

  it("ends, closes, streams and tells its size", () => {
    expect(queue.end).type.toBe<Effect.Effect<void>>()
    expect(queue.close).type.toBe<Effect.Effect<void>>()
    expect(queue.toStream).type.toBe<Stream.Stream<Dispatcher.TaskResult<Root>, Dispatcher.DispatcherClosed>>()
    expect(queue.size).type.toBe<
      Effect.Effect<{ readonly waiting: number; readonly running: number; readonly ready: number }>
    >()
  })
})
