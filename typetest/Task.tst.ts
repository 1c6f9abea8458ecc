import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import type { TaskFailure } from "papyros/TaskFailure"
import { describe, expect, it } from "tstyche"
import { Double, type NotFound, type NotPositive, type Read, Root, Tick } from "./fixtures/tasks.ts"

declare const NeedsService: Schema.Codec<string, string, Dispatcher.Dispatcher, never>
declare const NeedsServiceToEncode: Schema.Codec<string, string, never, Dispatcher.Dispatcher>

describe("Task", () => {
  describe("Class", () => {
    it("infers payload, success and error from the schemas", () => {
      const task = new Root({ n: 1 })
      expect(task).type.toBe<Root>()
      expect(task._tag).type.toBe<"Root">()
      expect(task.n).type.toBe<number>()
      expect<Task.Success<Root>>().type.toBe<string>()
      expect<Task.Error<Root>>().type.toBe<NotPositive>()
      expect(task["~papyros/Task"].success).type.toBe<Schema.String>()
    })

    it("constructs from a payload that fits, and from no other", () => {
      expect(Root).type.toBeConstructableWith({ n: 1 })
      expect(Root).type.not.toBeConstructableWith()
      expect(Root).type.not.toBeConstructableWith({})
      expect(Root).type.not.toBeConstructableWith({ n: "1" })
      expect(Root).type.not.toBeConstructableWith({ n: 1, m: 2 })
    })

    it("defaults to no payload, void and no error", () => {
      expect(Tick).type.toBeConstructableWith()
      expect(Tick).type.not.toBeConstructableWith({ n: 1 })
      expect<Task.Success<Tick>>().type.toBe<void>()
      expect<Task.Error<Tick>>().type.toBe<never>()
      expect<Task.Error<Double>>().type.toBe<never>()
    })

    it("takes an empty set of options, and all of them", () => {
      expect(Task.Class<Tick>()).type.toBeCallableWith("Tick", {})
      expect(Task.Class<Tick>()).type.toBeCallableWith("Tick", {
        payload: {},
        success: Schema.Void,
        error: Schema.Never,
        idempotent: false,
        taskTimeout: "10 seconds",
        transfer: "payload"
      })
      expect(Task.Class<Tick>()).type.not.toBeCallableWith("Tick", { transfer: "error" })
      expect(Task.Class<Tick>()).type.not.toBeCallableWith("Tick", { idempotant: false })
    })

    it("is a schema of its tasks that needs no services", () => {
      expect(Root).type.toBeAssignableTo<Schema.Codec<Root, { readonly _tag: "Root"; readonly n: number }>>()
      expect(Schema.Struct({ root: Root }).Type).type.toBe<{ readonly root: Root }>()
    })

    it("does not compile without Self, and says how to write it", () => {
      // @ts-expect-error Missing Self type parameter: write `class MyTask extends Task.Class<MyTask>()(…)`
      class NoSelf extends Task.Class()("NoSelf", { payload: { n: Schema.Int } }) {}
      expect<NoSelf>().type.not.toHaveProperty("n")
    })

    it("refuses payload keys that would hide a member, and says which", () => {
      // @ts-expect-error A payload field cannot be named _tag: it would hide a member of the task
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, _tag: Schema.String } })
      // @ts-expect-error A payload field cannot be named pipe: it would hide a member of the task
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, pipe: Schema.String } })
      // @ts-expect-error A payload field cannot be named asEffect: it would hide a member of the task
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, asEffect: Schema.String } })
      // @ts-expect-error A payload field cannot be named toJSON: it would hide a member of the task
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, toJSON: Schema.String } })
      // @ts-expect-error A payload field cannot be named toString: it would hide a member of the task
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, toString: Schema.String } })
    })

    it("refuses schemas that need services, wherever they are", () => {
      // @ts-expect-error The schemas of a task cannot need services
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, s: NeedsService } })
      // @ts-expect-error The schemas of a task cannot need services
      Task.Class<Tick>()("Tick", { payload: { n: Schema.Int, s: NeedsServiceToEncode } })
      // @ts-expect-error The schemas of a task cannot need services
      Task.Class<Tick>()("Tick", { success: NeedsService })
      // @ts-expect-error The schemas of a task cannot need services
      Task.Class<Tick>()("Tick", { success: NeedsServiceToEncode })
      // @ts-expect-error The schemas of a task cannot need services
      Task.Class<Tick>()("Tick", { error: NeedsService })
      // @ts-expect-error The schemas of a task cannot need services
      Task.Class<Tick>()("Tick", { error: NeedsServiceToEncode })
    })

    it("offers no extend", () => {
      // @ts-expect-error This expression is not callable.
      Double.extend<Tick>("Extended")({ m: Schema.Int })
    })

    it("shares fields by spreading them", () => {
      const shared = { n: Schema.Int, path: Schema.String }
      class Scale extends Task.Class<Scale>()("Scale", { payload: { ...shared, by: Schema.Number } }) {}
      expect(Scale).type.toBeConstructableWith({ n: 1, path: "/", by: 2 })
      expect(Scale).type.not.toBeConstructableWith({ by: 2 })
      expect<Scale["path"]>().type.toBe<string>()
    })
  })

  it("distributes Success and Error over unions", () => {
    expect<Task.Success<Root | Double>>().type.toBe<string | number>()
    expect<Task.Success<Root | Read | Double | Tick>>().type.toBe<string | Uint8Array | number | void>()
    expect<Task.Error<Root | Double>>().type.toBe<NotPositive>()
    expect<Task.Error<Root | Read | Double>>().type.toBe<NotPositive | NotFound>()
    expect<Task.Error<Double | Tick>>().type.toBe<never>()
  })

  it("is an Effect that runs itself on the dispatcher in context, like Dispatcher.run", () => {
    const yielded = Effect.gen(function*() {
      return yield* new Root({ n: 1 })
    })
    expect(yielded).type.toBe<
      Effect.Effect<string, TaskFailure<Root> | Dispatcher.DispatcherClosed, Dispatcher.Dispatcher>
    >()
    expect(yielded).type.toBe(Dispatcher.run(new Root({ n: 1 })))
    expect(new Tick().pipe(Effect.asVoid)).type.toBe<
      Effect.Effect<void, TaskFailure<Tick> | Dispatcher.DispatcherClosed, Dispatcher.Dispatcher>
    >()
    expect(Effect.runPromise).type.not.toBeCallableWith(new Root({ n: 1 }))
  })

  it("joins the errors of several tasks in one Effect", () => {
    const both = Effect.gen(function*() {
      const text = yield* new Root({ n: 1 })
      const number = yield* new Double({ n: 1 })
      return { text, number }
    })
    expect(both).type.toBe<
      Effect.Effect<
        { text: string; number: number },
        TaskFailure<Root> | TaskFailure<Double> | Dispatcher.DispatcherClosed,
        Dispatcher.Dispatcher
      >
    >()
  })

  it("guards", () => {
    const u: unknown = new Tick()
    if (Task.isTask(u)) {
      expect(u).type.toBe<Task.Any>()
      expect(u._tag).type.toBe<string>()
    }
  })

  it("tells handlers the attempt without needing anything", () => {
    expect(Task.CurrentAttempt).type.toBe<Context.Reference<number>>()
    expect(Effect.gen(function*() {
      return yield* Task.CurrentAttempt
    })).type.toBe<Effect.Effect<number>>()
  })
})
