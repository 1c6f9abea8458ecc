import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Dispatcher from "papyros/Dispatcher"
import type * as Task from "papyros/Task"
import * as TaskFailure from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"
import { describe, expect, it } from "tstyche"
import { Double, type NotFound, type NotPositive, type Read, Root, type Tick } from "./fixtures/tasks.ts"

type Always =
  | TaskFailure.Defect
  | TaskFailure.TimedOut
  | TaskFailure.WorkerLost
  | TaskFailure.Interrupted
  | TaskFailure.Undecodable
  | TaskFailure.UnknownTask
  | TaskFailure.NoWorker

type Mixed = Root | Read | Double

declare const single: Effect.Effect<string, TaskFailure.TaskFailure<Root> | Dispatcher.DispatcherClosed>
declare const mixed: Effect.Effect<boolean, TaskFailure.TaskFailure<Mixed> | Dispatcher.DispatcherClosed>
declare const unfailing: Effect.Effect<number, TaskFailure.TaskFailure<Double | Tick>>
declare const failure: TaskFailure.TaskFailure<Root>
declare const anyOf: TaskFailure.TaskFailure<Mixed>

describe("TaskFailure", () => {
  it("carries the caller's own task and how it failed", () => {
    expect(failure._tag).type.toBe<"TaskFailure">()
    expect(failure.task).type.toBe<Root>()
    expect(failure.attempt).type.toBe<number>()
    expect(failure.worker).type.toBe<string>()
    expect(failure.trace).type.toBe<string>()
    expect(failure.message).type.toBe<string>()
    expect(failure.reason).type.toBe<Always | TaskFailure.Failed<NotPositive>>()
    expect(failure).type.toBeAssignableTo<Error>()
  })

  it("distributes over unions of tasks", () => {
    expect<TaskFailure.TaskFailure<Root | Double>>().type.toBe<
      TaskFailure.TaskFailure<Root> | TaskFailure.TaskFailure<Double>
    >()
    expect<TaskFailure.TaskFailure<never>>().type.toBe<never>()
  })

  it("is narrowed by the tag of its task", () => {
    if (anyOf.task._tag === "Read") {
      expect(anyOf.task).type.toBe<Read>()
      expect(anyOf.task.path).type.toBe<string>()
    }
  })

  it("keeps task and error together through a narrowing of the whole", () => {
    const isRead = (f: typeof anyOf): f is TaskFailure.TaskFailure<Read> => f.task._tag === "Read"
    if (isRead(anyOf) && anyOf.reason._tag === "Failed") {
      expect(anyOf.reason.error).type.toBe<NotFound>()
    }
  })

  it("has the reason Failed only for a task with an error", () => {
    expect<TaskFailure.TaskFailure<Double>["reason"]>().type.toBe<Always>()
    expect<TaskFailure.TaskFailure<Tick>["reason"]["_tag"]>().type.toBe<
      | "Defect"
      | "TimedOut"
      | "WorkerLost"
      | "Interrupted"
      | "Undecodable"
      | "UnknownTask"
      | "NoWorker"
    >()
    expect<TaskFailure.Reason<never>>().type.toBe<Always>()
    expect<TaskFailure.Reason<NotFound>>().type.toBe<Always | TaskFailure.Failed<NotFound>>()
  })

  it("holds the details of each reason", () => {
    expect<TaskFailure.TimedOut>().type.toHaveProperty("duration")
    expect<TaskFailure.WorkerLost["exitCode"]>().type.toBe<number | undefined>()
    expect<TaskFailure.WorkerLost["signal"]>().type.toBe<string | undefined>()
    expect<TaskFailure.WorkerLost["outOfMemory"]>().type.toBe<boolean>()
    expect<TaskFailure.Undecodable["part"]>().type.toBe<"payload" | "success" | "error" | "defect">()
    expect<TaskFailure.UnknownTask["name"]>().type.toBe<string>()
    expect<TaskFailure.NoWorker>().type.toHaveProperty("waited")
    expect<TaskFailure.NoWorker>().type.toHaveProperty("cause")
  })

  describe("Effect.catchReason", () => {
    it("gives the typed error and the task", () => {
      const caught = single.pipe(
        Effect.catchReason("TaskFailure", "Failed", ({ error }, failure) => {
          expect(error).type.toBe<NotPositive>()
          expect(failure.task).type.toBe<Root>()
          expect(failure.reason).type.toBe<TaskFailure.Failed<NotPositive>>()
          expect(`${failure.task}: ${error.n}`).type.toBe<string>()
          return Effect.succeed(error.n)
        })
      )
      expect<Effect.Success<typeof caught>>().type.toBe<string | number>()
    })

    it("narrows the tasks of a mixed failure to those that can fail so", () => {
      const caught = mixed.pipe(
        Effect.catchReason("TaskFailure", "Failed", ({ error }, failure) => {
          expect(error).type.toBe<NotPositive | NotFound>()
          expect(failure.task).type.toBe<Root | Read>()
          return Effect.succeed(failure.task._tag === "Read" ? failure.task.path : failure.task.n)
        })
      )
      expect<Effect.Success<typeof caught>>().type.toBe<boolean | string | number>()
    })

    it("catches the reasons that every task can have", () => {
      mixed.pipe(
        Effect.catchReason("TaskFailure", "TimedOut", (reason, failure) => {
          expect(reason).type.toBe<TaskFailure.TimedOut>()
          expect(failure.task).type.toBe<Mixed>()
          return Effect.void
        })
      )
    })

    it("leaves the rest to a second handler", () => {
      const caught = single.pipe(
        Effect.catchReason("TaskFailure", "Failed", () => Effect.succeed(0), (reason, failure) => {
          expect(reason).type.toBe<Always>()
          expect(failure.task).type.toBe<Root>()
          return Effect.succeed(false)
        })
      )
      expect(caught).type.toBe<Effect.Effect<string | number | boolean, Dispatcher.DispatcherClosed>>()
    })

    it("knows no Failed of tasks without an error", () => {
      // @ts-expect-error '"Failed"' is not assignable to parameter of type
      unfailing.pipe(Effect.catchReason("TaskFailure", "Failed", () => Effect.void))
      // @ts-expect-error '"Lost"' is not assignable to parameter of type
      single.pipe(Effect.catchReason("TaskFailure", "Lost", () => Effect.void))
    })

    it("catches a task that is run by itself", () => {
      new Root({ n: 1 }).pipe(
        Effect.catchReason("TaskFailure", "Failed", ({ error }, failure) => {
          expect(error).type.toBe<NotPositive>()
          expect(failure.task).type.toBe<Root>()
          return Effect.succeed("no")
        })
      )
    })
  })

  describe("Effect.catchReasons", () => {
    it("gives each reason to its handler", () => {
      const caught = mixed.pipe(
        Effect.catchReasons("TaskFailure", {
          Failed: ({ error }, failure) => {
            expect(error).type.toBe<NotPositive | NotFound>()
            expect(failure.task).type.toBe<Root | Read>()
            return Effect.succeed("failed" as const)
          },
          WorkerLost: (reason, failure) => {
            expect(reason).type.toBe<TaskFailure.WorkerLost>()
            expect(failure.task).type.toBe<Mixed>()
            return Effect.succeed("lost" as const)
          }
        })
      )
      expect<Effect.Success<typeof caught>>().type.toBe<boolean | "failed" | "lost">()
    })

    it("knows no other reasons", () => {
      expect(Effect.catchReasons).type.not.toBeCallableWith(unfailing, "TaskFailure", { Failed: () => Effect.void })
      expect(Effect.catchReasons).type.toBeCallableWith(unfailing, "TaskFailure", { Defect: () => Effect.void })
    })
  })

  it("gives its reasons to Effect.unwrapReason", () => {
    expect(single.pipe(Effect.unwrapReason("TaskFailure"))).type.toBe<
      Effect.Effect<string, TaskFailure.Failed<NotPositive> | Always | Dispatcher.DispatcherClosed>
    >()
    expect(unfailing.pipe(Effect.unwrapReason("TaskFailure"))).type.toBe<Effect.Effect<number, Always>>()
  })

  it("is caught by its tag", () => {
    const caught = mixed.pipe(
      Effect.catchTag("TaskFailure", (failure) => {
        expect(failure).type.toBe<TaskFailure.TaskFailure<Mixed>>()
        return Effect.succeed(failure.task)
      })
    )
    expect(caught).type.toBe<Effect.Effect<boolean | Mixed, Dispatcher.DispatcherClosed>>()
  })

  it("has a codec for the tasks of a group", () => {
    const codec = TaskGroup.failureSchema(TaskGroup.make(Root, Double))
    expect(codec).type.toBe<Schema.Codec<TaskFailure.TaskFailure<Root | Double>, unknown>>()
    expect(codec.Type).type.toBe<TaskFailure.TaskFailure<Root> | TaskFailure.TaskFailure<Double>>()
    expect(codec).type.not.toBeAssignableTo<Schema.Codec<TaskFailure.TaskFailure<Read>, unknown>>()
  })

  it("guards", () => {
    const u: unknown = failure
    if (TaskFailure.isTaskFailure(u)) {
      expect(u).type.toBe<TaskFailure.TaskFailure<Task.Any>>()
      expect(u.task._tag).type.toBe<string>()
      if (u.reason._tag === "Failed") {
        expect(u.reason.error).type.toBe<unknown>()
      }
    }
    expect(failure).type.toBeAssignableTo<TaskFailure.TaskFailure<Task.Any>>()
  })

  it("is told from other errors by its guard without losing its task", () => {
    const error = failure as typeof failure | Dispatcher.DispatchTimeout
    if (TaskFailure.isTaskFailure(error)) {
      expect(error).type.toBe<TaskFailure.TaskFailure<Root>>()
    }
  })
})
