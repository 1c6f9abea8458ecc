import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Work extends Task.Class<Work>()("Work", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const Tasks = TaskGroup.make(Work)

const layer = FiberDispatcher.layer(Tasks).pipe(
  Layer.provide(Tasks.toLayer({ Work: ({ n }) => Effect.as(Effect.yieldNow, n) }))
)

const programs: Record<string, Effect.Effect<unknown, unknown, Dispatcher.Dispatcher>> = {
  "a pop": Effect.scoped(Effect.gen(function*() {
    const queue = yield* Dispatcher.makeQueue<Work>()
    yield* queue.push(new Work({ n: 1 }))
    return yield* queue.pop()
  })),
  "the consumer of an execution": Stream.runCollect(Dispatcher.execute([new Work({ n: 1 })]))
}

const operations = (count: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let i = 0; i < count; i++) yield* Effect.sync(() => {})
  })

// A fiber yields after 2048 operations, which may fall between its look for an outcome and its wait.
describe("a fiber that yields at any operation", () => {
  for (const [name, program] of Object.entries(programs)) {
    it.live(`${name} misses no outcome`, () =>
      Effect.gen(function*() {
        const hung: Array<number> = []
        for (let before = 2000; before <= 2050; before++) {
          const result = yield* Effect.yieldNow.pipe(
            Effect.andThen(operations(before)),
            Effect.andThen(program),
            Effect.forkChild,
            Effect.flatMap((fiber) => Effect.timeoutOption(Fiber.join(fiber), "1 second"))
          )
          if (Option.isNone(result)) hung.push(before)
        }
        assert.deepStrictEqual(hung, [])
      }).pipe(Effect.provide(layer)), 120_000)
  }

  it.live("leaves no queue open that it was about to open when it was interrupted", () =>
    Effect.gen(function*() {
      for (let before = 2000; before <= 2050; before++) {
        for (let turns = 1; turns <= 4; turns++) {
          const fiber = yield* Effect.yieldNow.pipe(
            Effect.andThen(operations(before)),
            Effect.andThen(Dispatcher.makeQueue<Work>()),
            Effect.andThen(Effect.never),
            Effect.scoped,
            Effect.forkChild
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
          assert.strictEqual((yield* Dispatcher.status).executions, 0, `after ${before} operations, ${turns} turns`)
        }
      }
    }).pipe(Effect.provide(layer)), 120_000)
})
