import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Dispatcher } from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as Task from "papyros/Task"
import * as TaskFailure from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"

class NotPositive extends Schema.TaggedError<NotPositive>()("NotPositive", { n: Schema.Int }) {}

class Root extends Task.Class<Root>()("Root", {
  payload: { n: Schema.Int },
  success: Schema.Finite,
  error: NotPositive
}) {}
class Stamp extends Task.Class<Stamp>()("Stamp", { payload: { at: Schema.Date } }) {}
class Tick extends Task.Class<Tick>()("Tick", { success: Schema.Int }) {}

/** Another task of the same name. */
const Other = class Root extends Task.Class<Root>()("Root") {}

const names = (group: TaskGroup.Any) => Array.from(group.tasks.keys())

describe("TaskGroup", () => {
  it("holds its classes by the names of their tasks", () => {
    const group = TaskGroup.make(Root, Tick)
    assert.deepStrictEqual(Array.from(group.tasks), [["Root", Root], ["Tick", Tick]])
    assert.isTrue(TaskGroup.isTaskGroup(group))
    assert.isFalse(TaskGroup.isTaskGroup({ tasks: group.tasks }))
    assert.isFalse(TaskGroup.isTaskGroup(null))
  })

  it("is not changed by add, merge and omit, which make groups of their own", () => {
    const group = TaskGroup.make(Root)
    assert.deepStrictEqual(names(group.add(Tick, Stamp)), ["Root", "Tick", "Stamp"])
    assert.deepStrictEqual(names(group.merge(TaskGroup.make(Tick), TaskGroup.make(Stamp))), ["Root", "Tick", "Stamp"])
    assert.deepStrictEqual(names(TaskGroup.make(Root, Tick, Stamp).omit("Root", "Stamp")), ["Tick"])
    assert.deepStrictEqual(names(group), ["Root"])
  })

  it("takes one class twice as one, and refuses two classes of one name", () => {
    const group = TaskGroup.make(Root)
    assert.deepStrictEqual(names(group.merge(TaskGroup.make(Root, Tick))), ["Root", "Tick"])
    const message = /Two tasks of a group are named Root/
    assert.throws(() => TaskGroup.make(Root, Other as never), message)
    assert.throws(() => group.add(Other as never), message)
    assert.throws(() => group.merge(TaskGroup.make(Other) as never), message)
  })

  it.effect("builds handlers from an Effect, and releases with the Layer what that acquired", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const group = TaskGroup.make(Tick)
      const handlers = group.toLayer(Effect.gen(function*() {
        yield* Effect.acquireRelease(
          Effect.sync(() => events.push("acquired")),
          () => Effect.sync(() => events.push("released"))
        )
        return group.of({ Tick: () => Effect.sync(() => events.push("handled")) })
      }))
      yield* new Tick().pipe(Effect.provide(DummyDispatcher.layer(group).pipe(Layer.provide(handlers))))
      assert.deepStrictEqual(events, ["acquired", "handled", "released"])
    }))

  it.effect("provides handlers one by one, each with the context of its own Layer", () =>
    Effect.gen(function*() {
      class Step extends Context.Service<Step, number>()("test/TaskGroup/Step") {}
      class Tock extends Task.Class<Tock>()("Tock", { success: Schema.Int }) {}
      const group = TaskGroup.make(Tick, Tock)
      const handlers = Layer.mergeAll(
        group.toLayerHandler("Tick", () => Step).pipe(Layer.provide(Layer.succeed(Step)(1))),
        group.toLayerHandler("Tock", Effect.succeed(() => Step)).pipe(Layer.provide(Layer.succeed(Step)(2)))
      )
      const both = Effect.all([new Tick(), new Tock()])
      assert.deepStrictEqual(
        yield* Effect.provide(both, DummyDispatcher.layer(group).pipe(Layer.provide(handlers))),
        [1, 2]
      )
    }))

  it.effect("fails to build where the Effect of its handlers fails", () =>
    Effect.gen(function*() {
      const group = TaskGroup.make(Tick)
      const handlers = group.toLayer(
        Effect.as(Effect.fail("no database" as const), group.of({ Tick: () => Effect.succeed(1) }))
      )
      const layer: Layer.Layer<Dispatcher, "no database"> = DummyDispatcher.layer(group).pipe(Layer.provide(handlers))
      assert.strictEqual(yield* Effect.flip(Effect.scoped(Layer.build(layer))), "no database")
    }))

  describe("failureSchema", () => {
    const codec = TaskGroup.failureSchema(TaskGroup.make(Root, Stamp))

    const reasons: ReadonlyArray<TaskFailure.Reason<unknown>> = [
      new TaskFailure.Failed({ error: new NotPositive({ n: -1 }) }),
      new TaskFailure.Defect({ defect: new TypeError("boom") }),
      new TaskFailure.TimedOut({ duration: Duration.seconds(2) }),
      new TaskFailure.WorkerLost({ outOfMemory: false, signal: "SIGKILL" }),
      new TaskFailure.WorkerLost({ outOfMemory: true, exitCode: 1 }),
      new TaskFailure.Interrupted(),
      new TaskFailure.Undecodable({ part: "success", message: "not a number" }),
      new TaskFailure.UnknownTask({ name: "Root", offered: "Stamp" }),
      new TaskFailure.NoWorker({ waited: Duration.millis(5) })
    ]

    it.effect.each(reasons.map((reason) => [reason._tag, reason] as const))(
      "carries a failure through JSON whose reason is %s",
      ([, reason]) =>
        Effect.gen(function*() {
          const failure = TaskFailure.make({
            task: new Root({ n: -1 }),
            attempt: 2,
            worker: "thread-1",
            trace: "at root",
            reason
          })
          const json = JSON.stringify(yield* Schema.encodeEffect(Schema.toCodecJson(codec))(failure as never))
          const decoded = yield* Schema.decodeEffect(Schema.toCodecJson(codec))(JSON.parse(json))
          assert.isTrue(TaskFailure.isTaskFailure(decoded))
          assert.isTrue(Equal.equals(decoded.task, failure.task))
          const { attempt, message, trace, worker } = decoded
          assert.deepStrictEqual({ attempt, message, trace, worker }, {
            attempt: 2,
            message: failure.message,
            trace: "at root",
            worker: "thread-1"
          })
          assert.strictEqual(decoded.reason._tag, reason._tag)
          assert.strictEqual(decoded.reason.constructor, reason.constructor)
        })
    )

    it.effect("refuses the failure of a task of another group", () =>
      Effect.gen(function*() {
        const failure = TaskFailure.make({
          task: new Tick(),
          attempt: 1,
          worker: "local",
          trace: "",
          reason: new TaskFailure.Interrupted()
        })
        const result = yield* Effect.exit(Schema.encodeEffect(codec)(failure as never))
        assert.strictEqual(result._tag, "Failure")
      }))
  })
})
