import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Root extends Task.Class<Root>()("Root", { payload: { n: Schema.Int }, success: Schema.Finite }) {}
class Stamp extends Task.Class<Stamp>()("Stamp", { payload: { at: Schema.Date } }) {}
class Tick extends Task.Class<Tick>()("Tick") {}

const Tasks = TaskGroup.make(Root, Stamp, Tick)

describe("Task", () => {
  it("is a value: equal to another of the same class and payload", () => {
    const task = new Root({ n: 9 })
    assert.isTrue(Equal.equals(task, new Root({ n: 9 })))
    assert.strictEqual(Hash.hash(task), Hash.hash(new Root({ n: 9 })))
    assert.isFalse(Equal.equals(task, new Root({ n: 4 })))
    assert.isFalse(Equal.equals(new Tick(), task))
  })

  it("prints as the value it is, not as an Effect", () => {
    const task = new Root({ n: 9 })
    assert.strictEqual(String(task), "Root({\"_tag\":\"Root\",\"n\":9})")
    assert.strictEqual(JSON.stringify(task), "{\"_tag\":\"Root\",\"n\":9}")
    assert.include(inspect(task), "n: 9")
    assert.notInclude(inspect(task), "~effect")
  })

  it("validates its payload when it is made, and names the field", () => {
    const result = Result.try({ try: () => new Root({ n: 0.5 }), catch: (error) => (error as Error).cause })
    assert(Result.isFailure(result))
    assert(SchemaIssue.isIssue(result.failure) && result.failure._tag === "Composite")
    const [issue] = result.failure.issues
    assert.deepStrictEqual(issue._tag === "Pointer" ? issue.path : issue, ["n"])
  })

  it("keeps properties of its class", () => {
    class Area extends Task.Class<Area>()("Area", { payload: { width: Schema.Int, height: Schema.Int } }) {
      get size(): number {
        return this.width * this.height
      }
    }
    assert.strictEqual(new Area({ width: 3, height: 4 }).size, 12)
  })

  it.effect.prop("survives its own codec", { task: Stamp }, ({ task }) =>
    Effect.gen(function*() {
      const encoded = yield* Schema.encodeEffect(Stamp)(task)
      const decoded = yield* Schema.decodeEffect(Stamp)(structuredClone(encoded))
      assert.isTrue(Equal.equals(decoded, task))
      assert.instanceOf(decoded, Stamp)
    }))

  it("has a definition on every value of its class", () => {
    class Once
      extends Task.Class<Once>()("Once", { idempotent: false, taskTimeout: "2 seconds", transfer: "success" })
    {}
    const { error, idempotent, name, success, taskTimeout, transfer } = new Once()["~papyros/Task"]
    assert.deepStrictEqual({ name, idempotent, taskTimeout, transfer }, {
      name: "Once",
      idempotent: false,
      taskTimeout: 2000,
      transfer: "success"
    })
    assert.strictEqual(success, Schema.Void)
    assert.strictEqual(error, Schema.Never)
    assert.isTrue(new Tick()["~papyros/Task"].idempotent)
    assert.isFalse(Object.hasOwn(new Tick(), "~papyros/Task"), "it is not a field of the payload")
  })

  it.each(["_tag", "pipe", "asEffect", "toJSON", "toString"])("refuses a payload field named %s", (name) => {
    assert.throws(
      () => Task.Class<never>()("Hidden", { payload: { [name]: Schema.String } as {} }),
      new RegExp(`Task Hidden: a payload field cannot be named ${name}`)
    )
  })

  it.each([-1, NaN, "-5 seconds" as const])("refuses a taskTimeout of %s, by its name", (taskTimeout) => {
    assert.throws(() => Task.Class<never>()("Late", { taskTimeout }), /taskTimeout/)
  })

  it("is recognised by isTask", () => {
    assert.isTrue(Task.isTask(new Root({ n: 1 })))
    for (const other of [Root, { _tag: "Root", n: 1 }, Effect.void, null, undefined, "Root"]) {
      assert.isFalse(Task.isTask(other))
    }
  })

  it.effect("runs on the dispatcher in context when it is yielded", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* new Root({ n: 9 }), 3)
      assert.strictEqual(yield* new Root({ n: 9 }).pipe(Effect.map((root) => root + 1)), 4)
      assert.strictEqual(yield* Dispatcher.run(new Root({ n: 16 })), 4)
    }).pipe(Effect.provide(layer)))

  it.effect("runs nothing when it is made, and again each time it is yielded", () =>
    Effect.gen(function*() {
      const task = new Tick()
      assert.strictEqual(ticks.length, 0)
      yield* task
      yield* task
      assert.deepStrictEqual(ticks, [1, 1])
    }).pipe(Effect.provide(layer), Effect.ensuring(Effect.sync(() => ticks.splice(0)))))

  it.effect("shows its handler which attempt runs", () =>
    Effect.gen(function*() {
      class Flaky extends Task.Class<Flaky>()("Flaky", { success: Schema.Int, error: Schema.Int }) {}
      const Group = TaskGroup.make(Flaky)
      const handlers = Group.toLayer({
        Flaky: () =>
          Effect.flatMap(Task.CurrentAttempt, (attempt) => attempt < 3 ? Effect.fail(attempt) : Effect.succeed(attempt))
      })
      const results = yield* Dispatcher.results([new Flaky()], { retry: { times: 5 } }).pipe(
        Stream.runCollect,
        Effect.provide(DummyDispatcher.layer(Group).pipe(Layer.provide(handlers)))
      )
      assert.deepStrictEqual(results.map(({ result }) => result), [Result.succeed(3)])
    }))

  it("says attempt 1 where nothing runs", () => {
    assert.strictEqual(Context.get(Context.empty(), Task.CurrentAttempt), 1)
  })
})

/** The attempts in which `Tick` has run. */
const ticks: Array<number> = []

const layer = DummyDispatcher.layer(Tasks).pipe(Layer.provide(Tasks.toLayer({
  Root: ({ n }) => Effect.succeed(Math.sqrt(n)),
  Stamp: () => Effect.void,
  Tick: () => Effect.map(Task.CurrentAttempt, (attempt) => void ticks.push(attempt))
})))
