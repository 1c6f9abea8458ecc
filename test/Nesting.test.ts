import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as Local from "../src/internal/local/executor.ts"

class Nap extends Task.Class<Nap>()("Nap", { payload: { millis: Schema.Int } }) {}
class Parent extends Task.Class<Parent>()("Parent") {}

const Tasks = TaskGroup.make(Nap, Parent)
const nap = (millis: number) => new Nap({ millis })

/** A Fiber dispatcher whose `Parent` handler is given by the test. */
const withParent = (
  options: FiberDispatcher.FiberOptions,
  parent: () => Effect.Effect<void, unknown, Dispatcher.Dispatcher>
) =>
  FiberDispatcher.layer(Tasks, options).pipe(
    Layer.provide(Tasks.toLayer({ Nap: ({ millis }) => Effect.sleep(millis), Parent: () => Effect.orDie(parent()) }))
  )

describe("Nesting", () => {
  it.effect("a handler interrupted while it waits to have its slot back costs no slot", () => {
    const layer = withParent({ concurrency: 1 }, () =>
      Effect.gen(function*() {
        const empty = yield* Dispatcher.makeQueue<Nap>()
        const child = yield* Dispatcher.makeQueue<Nap>()
        yield* child.push(nap(500))
        yield* Effect.exit(empty.pop({ timeout: 100 }))
      }).pipe(Effect.scoped))
    return Effect.gen(function*() {
      const parent = yield* Effect.forkChild(new Parent(), { startImmediately: true })
      // Its wait has timed out, and its child has the only slot.
      yield* TestClock.adjust(200)
      assert.isUndefined(parent.pollUnsafe())
      const interruption = yield* Effect.forkChild(Fiber.interrupt(parent))
      yield* TestClock.adjust(500)
      yield* Fiber.join(interruption)
      const next = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute([nap(10), nap(10)])))
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* Dispatcher.status).running, 1)
      yield* TestClock.adjust(10)
      yield* Fiber.join(next)
    }).pipe(Effect.provide(layer))
  })

  it.effect("a parent that lent its slot counts as running, and not against the capacity", () => {
    const layer = withParent({ concurrency: 1, capacity: 2 }, () => Effect.asVoid(Dispatcher.run(nap(1000))))
    return Effect.gen(function*() {
      const parent = yield* Effect.forkChild(new Parent(), { startImmediately: true })
      yield* TestClock.adjust(10)
      const { running, waiting } = yield* Dispatcher.status
      assert.deepStrictEqual({ running, waiting }, { running: 2, waiting: 0 })
      const queue = yield* Dispatcher.makeQueue<Nap>()
      yield* queue.push(nap(1), { timeout: 0 })
      yield* queue.push(nap(1), { timeout: 0 })
      const full = yield* Effect.flip(queue.push(nap(1), { timeout: 0 }))
      assert.strictEqual(full._tag, "DispatchTimeout")
      assert.strictEqual((yield* Dispatcher.status).waiting, 2)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(parent)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("parents that start together are no more than concurrency times depth", () =>
    Effect.gen(function*() {
      class Gated extends Task.Class<Gated>()("Gated") {}
      const Group = TaskGroup.make(Gated, Parent)
      const concurrency = 2
      const gate = yield* Deferred.make<void>()
      let started = 0
      let most = 0
      const layer = FiberDispatcher.layer(Group, { concurrency }).pipe(
        Layer.provide(Group.toLayer({
          Gated: () => Deferred.await(gate),
          Parent: () =>
            Effect.gen(function*() {
              most = Math.max(most, ++started)
              const queue = yield* Dispatcher.makeQueue<Gated>()
              yield* queue.push(new Gated())
              yield* queue.push(new Gated())
              yield* queue.pop()
              yield* queue.pop()
              yield* Effect.exit(queue.pop({ timeout: 300 }))
              started--
            }).pipe(Effect.scoped, Effect.orDie)
        }))
      )
      yield* Effect.gen(function*() {
        // Its children take both slots, and end together while two other executions wait for a slot each.
        const runs = yield* Effect.forEach(
          [1, 2, 3],
          () =>
            Effect.andThen(Effect.forkChild(new Parent(), { startImmediately: true }), (run) =>
              Effect.as(TestClock.adjust(0), run))
        )
        assert.strictEqual(started, 1)
        yield* Deferred.succeed(gate, undefined)
        yield* Effect.repeat(TestClock.adjust(100), { times: 20 })
        yield* Effect.forEach(runs, Fiber.join)
        assert.strictEqual(most, concurrency)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("one timer watches all tasks that have a timeout, however often they are restarted", () => {
    class Short extends Task.Class<Short>()("Short", { taskTimeout: 5 }) {}
    class Long extends Task.Class<Long>()("Long", { taskTimeout: "1 hour" }) {}
    const Timed = TaskGroup.make(Short, Long)
    let set = 0
    let waiting = 0
    const local = Local.make<TaskGroup.Handler<"Short" | "Long">>(Timed, {
      name: "counted",
      concurrency: 8,
      boundary: "none"
    })
    const counted: typeof local = {
      ...local,
      open: (scheduler, dispatcher) => {
        const after = scheduler.after.bind(scheduler)
        scheduler.after = (millis, f) => {
          set++
          waiting++
          let waits = true
          const over = () => {
            if (waits) waiting--
            waits = false
          }
          const cancel = after(millis, () => {
            over()
            f()
          })
          return () => {
            over()
            cancel()
          }
        }
        return local.open(scheduler, dispatcher)
      }
    }
    const layer = Executor.layer(Timed, counted).pipe(
      Layer.provide(Timed.toLayer({ Short: () => Effect.never, Long: () => Effect.never }))
    )
    return Effect.gen(function*() {
      const long = yield* Effect.forkChild(new Long(), { startImmediately: true })
      const short = yield* Dispatcher.results([new Short(), new Short(), new Short()], { retry: { times: 50 } }).pipe(
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      yield* Effect.repeat(TestClock.adjust(5), { times: 60 })
      const results = yield* Fiber.join(short)
      assert.strictEqual(results.length, 3)
      assert.isAbove(set, 50, "they were watched")
      assert.strictEqual(waiting, 1, "the one for the long task")
      yield* TestClock.adjust("1 hour")
      const error = yield* Effect.flip(Fiber.join(long))
      assert(error._tag === "TaskFailure")
      assert.strictEqual(error.reason._tag, "TimedOut")
    }).pipe(Effect.provide(layer))
  })
})
