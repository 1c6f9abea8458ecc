import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import type * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as RoutedDispatcher from "papyros/RoutedDispatcher"
import type * as Task from "papyros/Task"
import type { TaskFailure } from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"
import { describe, expect, it } from "tstyche"
import { Double, type NotFound, type NotPositive, type Read, Root, Tick } from "./fixtures/tasks.ts"

type Ends = Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed

type Executed<T extends Task.Any, E = never, R = never> = Stream.Stream<
  Task.Success<T>,
  TaskFailure<T> | Ends | E,
  Dispatcher.Dispatcher | R
>

type Resulted<T extends Task.Any, E = never, R = never> = Stream.Stream<
  Dispatcher.TaskResult<T>,
  Ends | E,
  Dispatcher.Dispatcher | R
>

interface Database {
  readonly _: unique symbol
}

declare const root: Root
declare const roots: Array<Root>
declare const mixed: ReadonlyArray<Root | Double>
declare const stream: Stream.Stream<Root>
declare const failing: Stream.Stream<Root, "unreadable", Database>
declare const mixedStream: Stream.Stream<Root | Read, "unreadable", Database>

declare const rootSchedule: Schedule.Schedule<number, TaskFailure<Root>>

describe("Dispatcher", () => {
  describe("run", () => {
    it("succeeds and fails as its task does", () => {
      expect(Dispatcher.run(root)).type.toBe<
        Effect.Effect<string, TaskFailure<Root> | Dispatcher.DispatcherClosed, Dispatcher.Dispatcher>
      >()
      expect(Dispatcher.run(new Tick())).type.toBe<
        Effect.Effect<void, TaskFailure<Tick> | Dispatcher.DispatcherClosed, Dispatcher.Dispatcher>
      >()
    })

    it("distributes over a union", () => {
      expect(Dispatcher.run(mixed[0]!)).type.toBe<
        Effect.Effect<
          string | number,
          TaskFailure<Root> | TaskFailure<Double> | Dispatcher.DispatcherClosed,
          Dispatcher.Dispatcher
        >
      >()
    })

    it("takes nothing but a task", () => {
      expect(Dispatcher.run).type.not.toBeCallableWith({ _tag: "Root", n: 1 })
      expect(Dispatcher.run).type.not.toBeCallableWith(Effect.void)
      expect(Dispatcher.run).type.not.toBeCallableWith(Root)
    })
  })

  describe("execute, data first", () => {
    it("takes any Iterable", () => {
      expect(Dispatcher.execute(roots)).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute([root, new Double({ n: 1 })])).type.toBe<Executed<Root | Double>>()
      expect(Dispatcher.execute(mixed)).type.toBe<Executed<Root | Double>>()
      expect(Dispatcher.execute(new Set(roots))).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute(new Map([["a", root]]).values())).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute((function*() {
        yield root
        yield new Double({ n: 1 })
      })())).type.toBe<Executed<Root | Double>>()
    })

    it("takes a Stream, and fails and requires as it does", () => {
      expect(Dispatcher.execute(stream)).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute(failing)).type.toBe<Executed<Root, "unreadable", Database>>()
      expect(Dispatcher.execute(mixedStream)).type.toBe<Executed<Root | Read, "unreadable", Database>>()
    })

    it("takes options", () => {
      expect(Dispatcher.execute(roots, { ordered: true })).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute(failing, {
        ordered: true,
        idleTimeout: "10 seconds",
        taskTimeout: 1000,
        retry: { times: 3 },
        chunkSize: "auto",
        bufferSize: 10,
        bufferBytes: 1_000_000
      })).type.toBe<Executed<Root, "unreadable", Database>>()
    })

    it("fails with exactly the documented errors", () => {
      const executed = Dispatcher.execute(failing)
      expect<Stream.Error<typeof executed>>().type.toBe<
        TaskFailure<Root> | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed | "unreadable"
      >()
      expect<Stream.Services<typeof executed>>().type.toBe<Dispatcher.Dispatcher | Database>()
      expect<Stream.Success<typeof executed>>().type.toBe<string>()
    })

    it("takes nothing but tasks", () => {
      expect(Dispatcher.execute).type.not.toBeCallableWith([1, 2])
      expect(Dispatcher.execute).type.not.toBeCallableWith(Stream.make(1, 2))
      expect(Dispatcher.execute).type.not.toBeCallableWith(["Root"])
    })

    it("takes no single task, which is an Iterable as every Effect is", () => {
      expect(Dispatcher.execute).type.not.toBeCallableWith(root)
      expect(Dispatcher.execute).type.not.toBeCallableWith(root, { ordered: true })
    })
  })

  describe("execute, data last", () => {
    it("takes any Iterable", () => {
      expect(pipe(roots, Dispatcher.execute())).type.toBe<Executed<Root>>()
      expect(pipe(roots, Dispatcher.execute({ ordered: true }))).type.toBe<Executed<Root>>()
      expect(pipe(mixed, Dispatcher.execute({ ordered: true }))).type.toBe<Executed<Root | Double>>()
      expect(pipe(new Set(roots), Dispatcher.execute({ ordered: true }))).type.toBe<Executed<Root>>()
      expect(pipe(
        (function*() {
          yield root
          yield new Double({ n: 1 })
        })(),
        Dispatcher.execute({ chunkSize: 1 })
      )).type.toBe<Executed<Root | Double>>()
    })

    it("takes a Stream, and fails and requires as it does", () => {
      expect(stream.pipe(Dispatcher.execute())).type.toBe<Executed<Root>>()
      expect(failing.pipe(Dispatcher.execute({ ordered: true }))).type.toBe<Executed<Root, "unreadable", Database>>()
      expect(mixedStream.pipe(Dispatcher.execute({ idleTimeout: "1 minute" }))).type.toBe<
        Executed<Root | Read, "unreadable", Database>
      >()
    })

    it("goes on in a pipe", () => {
      expect(
        failing.pipe(
          Stream.map(({ n }) => new Double({ n })),
          Dispatcher.execute({ ordered: true }),
          Stream.map((doubled) => {
            expect(doubled).type.toBe<number>()
            return doubled
          }),
          Stream.runCollect
        )
      ).type.toBe<
        Effect.Effect<Array<number>, TaskFailure<Double> | Ends | "unreadable", Dispatcher.Dispatcher | Database>
      >()
    })

    // TypeScript infers nothing from an overloaded function that is passed by itself. The inferred type may be too wide
    // and never too narrow: no error and no requirement may be lost.
    it("claims nothing where it is not called", () => {
      expect(failing.pipe(Dispatcher.execute)).type.toBe<Stream.Stream<unknown, unknown, unknown>>()
      expect<Executed<Root, "unreadable", Database>>().type.toBeAssignableTo(failing.pipe(Dispatcher.execute))
      expect(Effect.runPromise).type.not.toBeCallableWith(Stream.runDrain(failing.pipe(Dispatcher.execute)))
    })

    it("takes nothing but tasks", () => {
      expect(Dispatcher.execute()).type.not.toBeCallableWith([1, 2])
      expect(Dispatcher.execute()).type.not.toBeCallableWith(Stream.make(1, 2))
      expect(Dispatcher.execute()).type.not.toBeCallableWith(root)
    })
  })

  describe("retry", () => {
    it("is a Schedule over the failures of the tasks", () => {
      expect(Dispatcher.execute(stream, { retry: rootSchedule })).type.toBe<Executed<Root>>()
      expect(stream.pipe(Dispatcher.execute({ retry: rootSchedule }))).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute(mixed, { retry: Schedule.recurs(3) })).type.toBe<Executed<Root | Double>>()
      expect(pipe(mixed, Dispatcher.execute({ retry: Schedule.recurs(3) }))).type.toBe<Executed<Root | Double>>()
    })

    it("is made of Effect's schedules", () => {
      const schedule = Schedule.exponential("10 millis").pipe(
        Schedule.setInputType<TaskFailure<Root>>(),
        Schedule.while(({ input }) => input.reason._tag === "Failed" && input.reason.error.n > 0)
      )
      expect(stream.pipe(Dispatcher.execute({ retry: schedule }))).type.toBe<Executed<Root>>()
      expect(stream.pipe(Dispatcher.execute({ retry: { schedule, times: 3 } }))).type.toBe<Executed<Root>>()
      expect(Dispatcher.execute(stream, { retry: { schedule, times: 3 } })).type.toBe<Executed<Root>>()
    })

    it("refuses a Schedule over other failures", () => {
      expect(Dispatcher.execute).type.not.toBeCallableWith([new Double({ n: 1 })], { retry: rootSchedule })
      expect(Dispatcher.execute).type.not.toBeCallableWith(mixed, { retry: rootSchedule })
      expect(Dispatcher.execute({ retry: rootSchedule })).type.not.toBeCallableWith([new Double({ n: 1 })])
      expect(Dispatcher.execute({ retry: rootSchedule })).type.not.toBeCallableWith(mixed)
      expect(Dispatcher.execute({ retry: rootSchedule })).type.toBeCallableWith(roots)
    })

    it("knows the failures after the tasks", () => {
      const executed = Dispatcher.execute(mixed, {
        retry: {
          while: (failure) => {
            expect(failure).type.toBe<TaskFailure<Root> | TaskFailure<Double>>()
            return failure.task._tag === "Root" && failure.task.n > 0
          },
          until: (failure) => {
            expect(failure).type.toBe<TaskFailure<Root> | TaskFailure<Double>>()
            if (failure.reason._tag === "Failed") {
              expect(failure.reason.error).type.toBe<NotPositive>()
            }
            return Effect.succeed(failure.attempt > 3)
          },
          times: 10
        }
      })
      expect(executed).type.toBe<Executed<Root | Double>>()
    })

    it("knows before the tasks only that they fail", () => {
      const executed = mixedStream.pipe(
        Dispatcher.execute({
          retry: {
            while: (failure) => {
              expect(failure).type.toBe<TaskFailure<Task.Any>>()
              return failure.reason._tag === "WorkerLost" && failure.attempt < 5
            },
            times: 10
          }
        })
      )
      expect(executed).type.toBe<Executed<Root | Read, "unreadable", Database>>()
    })

    it("uses a given type of failures before the tasks are known", () => {
      const onRoot = Dispatcher.execute({ retry: { while: (failure: TaskFailure<Root>) => failure.task.n > 0 } })
      expect(failing.pipe(onRoot)).type.toBe<Executed<Root, "unreadable", Database>>()
      expect(onRoot).type.not.toBeCallableWith(mixed)
      const onBoth = Dispatcher.execute({
        retry: { while: (failure: TaskFailure<Root | Read>) => failure.task._tag === "Root" }
      })
      expect(mixedStream.pipe(onBoth)).type.toBe<Executed<Root | Read, "unreadable", Database>>()
      expect(pipe(roots, onBoth)).type.toBe<Executed<Root>>()
    })

    it("needs no services and has no errors of its own", () => {
      expect(Dispatcher.execute).type.not.toBeCallableWith(roots, {
        retry: { while: () => Effect.map(Dispatcher.Dispatcher, () => true) }
      })
      expect(Dispatcher.execute).type.not.toBeCallableWith(roots, { retry: { while: () => Effect.fail("no") } })
      expect(Dispatcher.execute).type.not.toBeCallableWith(roots, { retry: { while: () => "yes" } })
    })
  })

  describe("options", () => {
    it("are refused where they are misspelt or of another type", () => {
      expect(Dispatcher.execute).type.not.toBeCallableWith({ orderd: true })
      expect(Dispatcher.execute).type.not.toBeCallableWith({ ordered: true, chunksize: 1 })
      expect(Dispatcher.execute).type.not.toBeCallableWith(roots, { orderd: true })
      expect(Dispatcher.execute).type.not.toBeCallableWith(roots, { chunkSize: "big" })
      expect(Dispatcher.execute).type.not.toBeCallableWith(roots, { bufferSize: "unbounded" })
      expect(Dispatcher.results).type.not.toBeCallableWith({ ordered: true, chunksize: 1 })
      expect(Dispatcher.results).type.not.toBeCallableWith(roots, { timeout: 1 })
    })

    it("may be undefined", () => {
      expect(Dispatcher.execute).type.toBeCallableWith(roots, {
        ordered: undefined,
        idleTimeout: undefined,
        taskTimeout: undefined,
        retry: undefined,
        chunkSize: undefined,
        bufferSize: undefined,
        bufferBytes: undefined
      })
    })
  })

  describe("results", () => {
    it("never fails because of a task", () => {
      const resulted = Dispatcher.results(failing)
      expect<Stream.Error<typeof resulted>>().type.toBe<
        Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed | "unreadable"
      >()
      expect<Stream.Services<typeof resulted>>().type.toBe<Dispatcher.Dispatcher | Database>()
    })

    it("gives each task with its index and its outcome", () => {
      expect<Dispatcher.TaskResult<Root>["index"]>().type.toBe<number>()
      expect<Dispatcher.TaskResult<Root>["task"]>().type.toBe<Root>()
      expect<Dispatcher.TaskResult<Root>["result"]>().type.toBe<Result.Result<string, TaskFailure<Root>>>()
      expect<Dispatcher.TaskResult<Root | Double>["result"]>().type.toBe<
        Result.Result<string | number, TaskFailure<Root> | TaskFailure<Double>>
      >()
    })

    it("takes its tasks first", () => {
      expect(Dispatcher.results(roots)).type.toBe<Resulted<Root>>()
      expect(Dispatcher.results(new Set(mixed), { ordered: true })).type.toBe<Resulted<Root | Double>>()
      expect(Dispatcher.results(mixedStream, { retry: Schedule.recurs(3) })).type.toBe<
        Resulted<Root | Read, "unreadable", Database>
      >()
      expect(Dispatcher.results((function*() {
        yield root
      })())).type.toBe<Resulted<Root>>()
      Dispatcher.results(mixedStream, {
        retry: {
          while: (failure) => {
            expect(failure).type.toBe<TaskFailure<Root> | TaskFailure<Read>>()
            return failure.reason._tag === "Failed" && failure.reason.error._tag === "NotFound"
          }
        }
      })
    })

    it("takes its tasks last", () => {
      expect(pipe(roots, Dispatcher.results())).type.toBe<Resulted<Root>>()
      expect(pipe(new Set(mixed), Dispatcher.results({ ordered: true }))).type.toBe<Resulted<Root | Double>>()
      expect(mixedStream.pipe(Dispatcher.results({ retry: Schedule.recurs(3) }))).type.toBe<
        Resulted<Root | Read, "unreadable", Database>
      >()
      expect(failing.pipe(Dispatcher.results({ retry: rootSchedule }))).type.toBe<
        Resulted<Root, "unreadable", Database>
      >()
      expect(Dispatcher.results({ retry: rootSchedule })).type.not.toBeCallableWith(mixed)
    })

    it("claims no less than it may where it is not called", () => {
      expect<Resulted<Root, "unreadable", Database>>().type.toBeAssignableTo(failing.pipe(Dispatcher.results))
    })

    it("takes nothing but tasks", () => {
      expect(Dispatcher.results).type.not.toBeCallableWith([1, 2])
      expect(Dispatcher.results).type.not.toBeCallableWith(root)
    })
  })

  describe("in errors of the compiler", () => {
    it("prints short", () => {
      // @ts-expect-error Type 'Stream<string, DispatchTimeout | DispatcherClosed | TaskFailureOf<Root>, Dispatcher>' is not
      const executed: string = Dispatcher.execute(roots)
      // @ts-expect-error Type 'Stream<TaskResult<Root>, DispatchTimeout | DispatcherClosed, Dispatcher>' is not
      const resulted: string = Dispatcher.results(roots)
      // @ts-expect-error Type 'Effect<string, DispatcherClosed | TaskFailureOf<Root>, Dispatcher>' is not
      const ran: string = Dispatcher.run(root)
      expect([executed, resulted, ran]).type.toBe<Array<string>>()
    })
  })

  it("tells its status", () => {
    expect(Dispatcher.status).type.toBe<Effect.Effect<Dispatcher.Status, never, Dispatcher.Dispatcher>>()
  })

  describe("RoutedDispatcher.layer", () => {
    const One = TaskGroup.make(Root)
    const Other = TaskGroup.make(Double)
    const plain = null as unknown as Layer.Layer<Dispatcher.Dispatcher>
    const needy = null as unknown as Layer.Layer<Dispatcher.Dispatcher, NotFound, TaskGroup.Handler<"Root">>
    const needier = null as unknown as Layer.Layer<Dispatcher.Dispatcher, NotPositive, Database>
    const noDispatcher = null as unknown as Layer.Layer<Database>

    it("fails with and requires what its layers do", () => {
      expect(RoutedDispatcher.layer([plain])).type.toBe<Layer.Layer<Dispatcher.Dispatcher>>()
      expect(RoutedDispatcher.layer([needy, plain])).type.toBe<
        Layer.Layer<Dispatcher.Dispatcher, NotFound, TaskGroup.Handler<"Root">>
      >()
      expect(RoutedDispatcher.layer([needy, needier])).type.toBe<
        Layer.Layer<Dispatcher.Dispatcher, NotFound | NotPositive, TaskGroup.Handler<"Root"> | Database>
      >()
    })

    it("refuses layers of anything else, and an empty list", () => {
      expect(RoutedDispatcher.layer).type.not.toBeCallableWith([noDispatcher])
      expect(RoutedDispatcher.layer).type.not.toBeCallableWith([])
    })

    it("takes no group, since that of a layer is known", () => {
      const layer = FiberDispatcher.layer(Other)
      expect(RoutedDispatcher.layer([layer])).type.toBe<
        Layer.Layer<Dispatcher.Dispatcher, never, TaskGroup.Handler<"Double">>
      >()
      expect(RoutedDispatcher.layer).type.not.toBeCallableWith([[Other, layer]])
      expect(RoutedDispatcher.layer).type.not.toBeCallableWith([[One, layer]])
    })
  })
})
