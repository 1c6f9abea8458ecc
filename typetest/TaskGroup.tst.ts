import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { describe, expect, it } from "tstyche"
import { Double, NotFound, NotPositive, Read, Root, Tick } from "./fixtures/tasks.ts"

/** Another task with the name of `Double`. */
class Twin extends Task.Class<Twin>()("Double", { payload: { text: Schema.String }, success: Schema.String }) {}

class Files extends Context.Service<Files, { readonly read: (path: string) => Effect.Effect<string> }>()("Files") {}

const One = TaskGroup.make(Double)
const Two = TaskGroup.make(Root, Double)

describe("TaskGroup", () => {
  describe("make, add, merge, omit", () => {
    it("know their tasks", () => {
      expect(Two).type.toBe<TaskGroup.TaskGroup<Root | Double>>()
      expect<TaskGroup.Tasks<typeof Two>>().type.toBe<Root | Double>()
      expect(Two.add(Tick, Read)).type.toBe<TaskGroup.TaskGroup<Root | Double | Tick | Read>>()
      expect(Two.merge(TaskGroup.make(Tick), TaskGroup.make(Read))).type.toBe<
        TaskGroup.TaskGroup<Root | Double | Tick | Read>
      >()
      expect(Two.omit("Root")).type.toBe<TaskGroup.TaskGroup<Double>>()
      expect(Two.add(Tick).omit("Root", "Tick")).type.toBe<TaskGroup.TaskGroup<Double>>()
    })

    it("refuse two tasks of one name, and say which", () => {
      // @ts-expect-error Two tasks of a group are named Double
      TaskGroup.make(Double, Root, Twin)
      // @ts-expect-error Two tasks of a group are named Double
      Two.add(Twin)
      // @ts-expect-error Two tasks of a group are named Double
      TaskGroup.make(Root).add(Double, Twin)
      // @ts-expect-error Two tasks of a group are named Double
      Two.merge(TaskGroup.make(Twin))
      // @ts-expect-error Two tasks of a group are named Double
      TaskGroup.make(Root).merge(TaskGroup.make(Double), TaskGroup.make(Twin))
    })

    it("merge groups that share a task", () => {
      expect(Two.merge(TaskGroup.make(Double, Tick))).type.toBe<TaskGroup.TaskGroup<Root | Double | Tick>>()
    })

    it("leave out only names that are there", () => {
      expect(Two.omit).type.toBeCallableWith("Root", "Double")
      expect(Two.omit).type.not.toBeCallableWith("Rot")
    })

    it("take nothing but task classes", () => {
      expect(TaskGroup.make).type.not.toBeCallableWith(NotPositive)
      expect(TaskGroup.make).type.not.toBeCallableWith(new Root({ n: 1 }))
    })

    it("give a group that is no other group", () => {
      expect(Two).type.not.toBeAssignableTo<TaskGroup.TaskGroup<Double>>()
      expect(One).type.not.toBeAssignableTo<TaskGroup.TaskGroup<Root | Double>>()
      expect(Two).type.toBeAssignableTo<TaskGroup.Any>()
    })
  })

  describe("toLayer", () => {
    it("gives the handlers of all tasks", () => {
      const layer = Two.toLayer({
        Root: (task) => {
          expect(task).type.toBe<Root>()
          return task.n > 0 ? Effect.succeed("yes") : Effect.fail(new NotPositive({ n: task.n }))
        },
        Double: ({ n }) => {
          expect(n).type.toBe<number>()
          return Effect.succeed(n * 2)
        }
      })
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Root" | "Double">>>()
    })

    it("takes handlers that ignore their task, and handlers of fewer errors than declared", () => {
      expect(Two.toLayer).type.toBeCallableWith({
        Root: () => Effect.succeed("yes"),
        Double: () => Effect.die("no")
      })
    })

    it("refuses a missing handler", () => {
      // @ts-expect-error Property 'Root' is missing in type
      Two.toLayer({ Double: ({ n }) => Effect.succeed(n) })
    })

    it("refuses a misspelt handler", () => {
      // @ts-expect-error 'Duoble' does not exist in type
      One.toLayer({ Duoble: () => Effect.succeed(1) })
    })

    it("refuses an excess handler, and says so", () => {
      One.toLayer({
        Double: ({ n }) => Effect.succeed(n),
        // @ts-expect-error No task of this group is named Typo
        Typo: () => Effect.succeed(1)
      })
    })

    it("refuses an excess handler of an Effect", () => {
      // @ts-expect-error No task of this group is named Typo
      One.toLayer(Effect.succeed({ Double: ({ n }: Double) => Effect.succeed(n), Typo: () => Effect.succeed(1) }))
    })

    it("refuses a handler of another payload", () => {
      // @ts-expect-error Types of property 'n' are incompatible.
      One.toLayer({ Double: (task: { readonly n: string }) => Effect.succeed(task.n.length) })
      // @ts-expect-error Property 'm' does not exist on type 'Double'
      One.toLayer({ Double: ({ m }) => Effect.succeed(m) })
    })

    it("refuses a handler of another success", () => {
      // @ts-expect-error Type 'string' is not assignable to type 'number'
      One.toLayer({ Double: () => Effect.succeed("2") })
    })

    it("refuses a handler of another error", () => {
      // @ts-expect-error Type 'string' is not assignable to type 'never'
      One.toLayer({ Double: () => Effect.fail("no") })
      expect(TaskGroup.make(Root).toLayer).type.not.toBeCallableWith({
        Root: () => Effect.fail(new NotFound({ path: "/" }))
      })
    })

    it("refuses a handler that is no Effect", () => {
      expect(One.toLayer).type.not.toBeCallableWith({ Double: () => 2 })
      expect(One.toLayer).type.not.toBeCallableWith({ Double: () => Promise.resolve(2) })
    })

    it("gives each run of a handler a scope, so that its Layer requires none", () => {
      const resource = Effect.acquireRelease(Effect.succeed(2), () => Effect.void)
      expect(One.toLayer({ Double: () => resource })).type.toBe<Layer.Layer<TaskGroup.Handler<"Double">>>()
      expect(One.toLayerHandler("Double", () => resource)).type.toBe<Layer.Layer<TaskGroup.Handler<"Double">>>()
    })

    it("has the requirements of its handlers", () => {
      const layer = Two.toLayer({
        Root: () => Files.use((files) => files.read("/")),
        Double: ({ n }) => Effect.succeed(n)
      })
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Root" | "Double">, never, Files>>()
    })

    it("requires no Dispatcher for handlers that run tasks", () => {
      const layer = Two.toLayer({
        Root: Effect.fnUntraced(function*({ n }) {
          const doubled = yield* Effect.orDie(new Double({ n }))
          const files = yield* Files
          return yield* files.read(String(doubled))
        }),
        Double: ({ n }) => Effect.orDie(Dispatcher.run(new Double({ n })))
      })
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Root" | "Double">, never, Files>>()
    })

    it("takes an Effect of handlers, whose scope is the Layer's", () => {
      const layer = Two.toLayer(Effect.gen(function*() {
        const files = yield* Files
        yield* Effect.addFinalizer(() => Effect.void)
        if (Math.random() > 2) return yield* new NotFound({ path: "/" })
        return Two.of({
          Root: () => files.read("/"),
          Double: ({ n }) => Effect.succeed(n)
        })
      }))
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Root" | "Double">, NotFound, Files>>()
    })

    it("has the requirements of the handlers of an Effect", () => {
      const layer = One.toLayer(Effect.sync(() => ({
        Double: ({ n }: Double) => Effect.as(Files, n)
      })))
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Double">, never, Files>>()
    })
  })

  describe("toLayerHandler", () => {
    it("gives one handler", () => {
      const layer = Two.toLayerHandler("Root", (task) => {
        expect(task).type.toBe<Root>()
        return Effect.succeed("yes")
      })
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Root">>>()
    })

    it("takes an Effect of a handler, and has the requirements of both", () => {
      const layer = Two.toLayerHandler(
        "Double",
        Effect.gen(function*() {
          yield* Effect.addFinalizer(() => Effect.void)
          if (Math.random() > 2) return yield* new NotFound({ path: "/" })
          return ({ n }: Double) => Effect.as(Files, n)
        })
      )
      expect(layer).type.toBe<Layer.Layer<TaskGroup.Handler<"Double">, NotFound, Files>>()
    })

    it("requires no Dispatcher", () => {
      expect(Two.toLayerHandler("Root", ({ n }) => Effect.map(Effect.orDie(new Double({ n })), String))).type.toBe<
        Layer.Layer<TaskGroup.Handler<"Root">>
      >()
    })

    it("refuses another name, payload, success or error", () => {
      // @ts-expect-error Argument of type '"Rot"' is not assignable to parameter of type
      Two.toLayerHandler("Rot", () => Effect.succeed("yes"))
      expect(Two.toLayerHandler).type.not.toBeCallableWith("Double", (task: Root) => Effect.succeed(task.n))
      expect(Two.toLayerHandler).type.not.toBeCallableWith("Double", () => Effect.succeed("2"))
      expect(Two.toLayerHandler).type.not.toBeCallableWith("Double", () => Effect.fail("no"))
      expect(Two.toLayerHandler).type.toBeCallableWith("Double", () => Effect.succeed(2))
    })
  })

  describe("of", () => {
    it("types handlers where they are written", () => {
      const handlers = Two.of({
        Root: ({ n }) => Effect.fail(new NotPositive({ n })),
        Double: ({ n }) => Effect.as(Files, n)
      })
      expect(handlers.Root).type.toBe<(task: Root) => Effect.Effect<never, NotPositive>>()
      expect(handlers.Double).type.toBe<(task: Double) => Effect.Effect<number, never, Files>>()
      expect(Two.toLayer(handlers)).type.toBe<Layer.Layer<TaskGroup.Handler<"Root" | "Double">, never, Files>>()
    })

    it("refuses the same handlers as toLayer", () => {
      // @ts-expect-error Property 'Root' is missing in type
      Two.of({ Double: ({ n }) => Effect.succeed(n) })
      // @ts-expect-error No task of this group is named Typo
      One.of({ Double: ({ n }) => Effect.succeed(n), Typo: () => Effect.succeed(1) })
      // @ts-expect-error Type 'string' is not assignable to type 'number'
      One.of({ Double: () => Effect.succeed("2") })
    })
  })

  it("guards", () => {
    const u: unknown = Two
    if (TaskGroup.isTaskGroup(u)) {
      expect(u).type.toBe<TaskGroup.Any>()
    }
  })
})
