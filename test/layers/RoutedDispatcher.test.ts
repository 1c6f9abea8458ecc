import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as RoutedDispatcher from "papyros/RoutedDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { handlers, laws, Tasks } from "papyros/testing"
import { Hold, Square, Stumble } from "../../src/testing/tasks.ts"
import { effort } from "../support/effort.ts"
import { settle } from "../support/time.ts"

const concurrency = 3

/** Tasks that go to the Dummy dispatcher: those by which a boundary shows, and half of the plain ones. */
const Encoded = Tasks.omit("Square", "Hold", "Sleep", "Nest", "Stumble", "Spin", "Perish", "Once")

laws("RoutedDispatcher of Dummy and Fiber", {
  layer: ({ capacity }) =>
    RoutedDispatcher.layer([
      DummyDispatcher.layer(Encoded),
      FiberDispatcher.layer(Tasks, { capacity, concurrency, codecs: true })
    ]).pipe(Layer.provide(handlers)),
  boundary: "codec",
  concurrency,
  slots: concurrency + 1,
  // The tests of DummyDispatcher and FiberDispatcher check the same properties with all inputs.
  effort: effort(0.3, 1),
  bounds: true,
  endsBusyLoops: false,
  losesWorkers: false,
  nests: true,
  sharesClock: true,
  sharesMemory: true
})

describe("RoutedDispatcher", () => {
  const Second = Tasks.omit("Transform", "Refuse", "Scribble", "Die", "GiveUp", "Misfit")
  const layer = RoutedDispatcher.layer([
    DummyDispatcher.layer(Encoded),
    FiberDispatcher.layer(Second, { concurrency: 2, codecs: true })
  ]).pipe(Layer.provide(handlers))

  it.effect("counts an execution once, and each of its tasks once, whichever route they are of", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const queue = yield* Dispatcher.makeQueue<Hold>()
      for (let id = 0; id < 5; id++) yield* queue.push(new Hold({ id }))
      const runs = yield* Effect.forkChild(
        Effect.forEach([5, 6, 7], (id) => Dispatcher.run(new Hold({ id })), { concurrency: "unbounded" })
      )
      yield* settle
      for (const state of [yield* Dispatcher.status, yield* queue.size]) seen.push([state.waiting, state.running])
      assert.deepStrictEqual(seen, [[6, 2], [3, 2]])
      assert.strictEqual((yield* Dispatcher.status).executions, 4)
      yield* Fiber.interrupt(runs)
      yield* queue.close
      const { executions, running, waiting } = yield* Dispatcher.status
      assert.deepStrictEqual([executions, running, waiting], [0, 0, 0])
    }).pipe(Effect.scoped, Effect.provide(layer)))

  it.effect("passes a task to the first dispatcher whose group has it, in nested routes too", () =>
    Effect.gen(function*() {
      class Here extends Task.Class<Here>()("Here", { success: Schema.String }) {}
      class There extends Task.Class<There>()("There", { success: Schema.String }) {}
      class Nowhere extends Task.Class<Nowhere>()("Nowhere") {}
      const Both = TaskGroup.make(Here, There)
      const First = TaskGroup.make(Here)
      const first = DummyDispatcher.layer(First).pipe(Layer.provide(First.toLayer({ Here: () => Effect.succeed("1") })))
      const second = DummyDispatcher.layer(Both).pipe(
        Layer.provide(Both.toLayer({ Here: () => Effect.succeed("2"), There: () => Effect.succeed("2") }))
      )
      const program = Effect.all([
        Dispatcher.run(new Here()),
        Dispatcher.run(new There()),
        Effect.map(
          Effect.flip(Dispatcher.run(new Nowhere())),
          (error) => error._tag === "TaskFailure" ? error.reason._tag : error._tag
        )
      ])
      for (const route of [[first, second], [RoutedDispatcher.layer([first]), second]] as const) {
        const layer = RoutedDispatcher.layer(route)
        assert.deepStrictEqual(yield* Effect.provide(program, layer), ["1", "2", "UnknownTask"])
        assert.deepStrictEqual(yield* Effect.provide(program, RoutedDispatcher.layer([layer, first])), [
          "1",
          "2",
          "UnknownTask"
        ])
      }
    }))

  it.effect("is a defect without a dispatcher", () =>
    Effect.gen(function*() {
      const layer = RoutedDispatcher.layer([] as unknown as [Layer.Layer<Dispatcher.Dispatcher>])
      const exit = yield* Effect.exit(Effect.provide(Dispatcher.status, layer))
      assert.isTrue(Exit.hasDies(exit))
      assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", /at least one dispatcher/)
    }))

  it.effect("delivers what comes before a task that fails for good, retries of earlier tasks included", () =>
    Effect.gen(function*() {
      const stumble = (n: number, failures: number, pauses: number) => new Stumble({ n, failures, pauses })
      const square = (n: number, pauses: number) => new Square({ n, pauses })
      const got: Array<unknown> = []
      const error = yield* Dispatcher.execute([
        stumble(0, 2, 3),
        square(3, 1),
        stumble(0, 3, 0),
        stumble(0, 2, 0),
        stumble(206, 3, 1),
        stumble(92, 2, 4),
        square(1916, 2),
        square(-4260, 0),
        stumble(-6, 0, 3)
      ], { ordered: true, chunkSize: 1, retry: { times: 2 } }).pipe(
        Stream.runForEach((n) => Effect.sync(() => got.push(n))),
        Effect.flip
      )
      assert.strictEqual(error._tag, "TaskFailure")
      assert.deepStrictEqual(got, [{ n: 0, attempt: 3 }, 9])
    }).pipe(Effect.provide(layer)))
})
