import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Tick extends Task.Class<Tick>()("Tick") {}
const Tasks = TaskGroup.make(Tick)
const layer = FiberDispatcher.layer(Tasks).pipe(Layer.provide(Tasks.toLayer({ Tick: () => Effect.void })))

const notATask = { n: 1 } as unknown as Tick

/** The defect of an Effect that dies of it. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.exit(effect), (exit) => Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "success")

describe("What is not a task", () => {
  it.effect("is a defect of the verb that was given it", () =>
    Effect.scoped(Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Tick>()
      const given = "was given something that is not a task: {\"n\":1}"
      assert.strictEqual(yield* defectOf(Dispatcher.run(notATask)), `TypeError: run ${given}`)
      assert.strictEqual(yield* defectOf(queue.push(notATask)), `TypeError: push ${given}`)
      assert.strictEqual(
        yield* defectOf(Stream.runDrain(Dispatcher.execute([new Tick(), notATask]))),
        `TypeError: execute ${given}`
      )
      yield* queue.push(new Tick())
      yield* queue.pop()
    })).pipe(Effect.provide(layer)))

  it.effect("is a value of a task class that its constructor has not made, or that cannot be read", () =>
    Effect.scoped(Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Tick>()
      const { proxy, revoke } = Proxy.revocable(new Tick(), {})
      revoke()
      for (const value of [Object.create(Tick.prototype) as Tick, proxy]) {
        const defects = [
          yield* defectOf(Dispatcher.run(value)),
          yield* defectOf(queue.push(value)),
          yield* defectOf(Stream.runDrain(Dispatcher.execute([value])))
        ]
        for (const defect of defects) assert.include(defect, "something that is not a task")
        // The dispatcher runs other tasks as before.
        yield* Dispatcher.run(new Tick())
      }
    })).pipe(Effect.provide(layer)))

  it("is a promise or an async iterable of tasks", () => {
    for (const tasks of [Promise.resolve([new Tick()]), (async function*() {})()]) {
      assert.throws(
        () => Dispatcher.execute(tasks as unknown as Array<Tick>),
        TypeError,
        "from an Iterable or a Stream"
      )
      assert.throws(
        () => Dispatcher.results(tasks as unknown as Array<Tick>),
        TypeError,
        "from an Iterable or a Stream"
      )
    }
  })
})
