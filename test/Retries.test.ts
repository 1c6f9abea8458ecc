import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as Executor from "papyros/Executor"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import type { TaskFailure } from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"
import { settle, untilEnded } from "./support/time.ts"

/** Fails the first `failures` times. */
class Flaky extends Task.Class<Flaky>()("Flaky", {
  payload: { n: Schema.Int, failures: Schema.Int },
  success: Schema.Int,
  error: Schema.String
}) {}
/** Its payload cannot be copied. */
class Uncopied extends Task.Class<Uncopied>()("Uncopied", { payload: { f: Schema.Any } }) {}
/** A task that no group contains. */
class Unknown extends Task.Class<Unknown>()("Unknown") {}

const Tasks = TaskGroup.make(Flaky, Uncopied)

/** The attempts in the order of their starts, as `task#attempt`. */
const recorded = () => {
  const starts: Array<string> = []
  const handlers = Tasks.toLayer({
    Flaky: Effect.fnUntraced(function*({ failures, n }) {
      const attempt = yield* Task.CurrentAttempt
      starts.push(`${n}#${attempt}`)
      yield* Effect.yieldNow
      return attempt <= failures ? yield* Effect.fail("down") : n
    }),
    Uncopied: () => Effect.void
  })
  const fiber = (concurrency: number) => FiberDispatcher.layer(Tasks, { concurrency }).pipe(Layer.provide(handlers))
  return { starts, fiber, dummy: DummyDispatcher.layer(Tasks).pipe(Layer.provide(handlers)) }
}

const flaky = (n: number, failures = 0) => new Flaky({ n, failures })

/** Values that are not tasks of the group, in place of tasks. */
const given = (...values: ReadonlyArray<unknown>) => values as ReadonlyArray<Flaky>

const printed = (exit: Exit.Exit<unknown, unknown>) => exit._tag === "Failure" ? Cause.pretty(exit.cause) : "success"

const policyWithBug = {
  while: (): boolean => {
    throw new Error("a bug in the retry policy")
  }
}

describe("Retries", () => {
  it.effect("a task that cannot start is not retried: unknown, or with a payload that cannot be encoded", () =>
    Effect.gen(function*() {
      const { dummy } = recorded()
      const asked: Array<string> = []
      const results = yield* Dispatcher.results(given(new Unknown(), new Uncopied({ f: () => {} })), {
        retry: {
          while: ({ reason }: TaskFailure<Flaky>) => {
            asked.push(reason._tag)
            return asked.length < 10
          }
        }
      }).pipe(Stream.runCollect, Effect.provide(dummy))
      assert.deepStrictEqual(
        results.map(({ result }) => Result.isFailure(result) ? result.failure.reason._tag : "success").toSorted(),
        ["Undecodable", "UnknownTask"]
      )
      assert.deepStrictEqual(asked, [])
    }))

  it.effect("a task that found no worker is retried, and its retries leave the event loop to others", () =>
    Effect.gen(function*() {
      let asked = 0
      const layer = Executor.layer(Tasks, {
        name: "without workers",
        boundary: "none",
        maxChunk: 1,
        open: (scheduler) => Effect.sync(() => scheduler.unavailable("none can be had"))
      })
      yield* Dispatcher.results([flaky(1)], {
        retry: {
          while: () => {
            asked++
            return true
          }
        }
      }).pipe(Stream.runDrain, Effect.provide(layer), Effect.forkChild)
      yield* settle
      assert.isAbove(asked, 1)
    }))

  it.effect("a defect in the policy ends the stream with that defect, after the results that are complete", () =>
    Effect.gen(function*() {
      for (const ordered of [false, true]) {
        for (const verb of ["execute", "results"] as const) {
          for (
            const retry of [
              policyWithBug,
              { while: () => Effect.die(new Error("a bug in the retry policy")) },
              { while: () => Effect.andThen(Effect.yieldNow, Effect.die(new Error("a bug in the retry policy"))) }
            ]
          ) {
            const { fiber, starts } = recorded()
            let results = 0
            const tasks = [flaky(0), flaky(1, 1), flaky(2)]
            const options = { ordered, retry }
            const stream: Stream.Stream<unknown, unknown, Dispatcher.Dispatcher> = verb === "execute"
              ? Dispatcher.execute(tasks, options)
              : Dispatcher.results(tasks, options)
            const exit = yield* stream.pipe(
              Stream.runForEach(() => Effect.sync(() => results++)),
              Effect.exit,
              Effect.provide(fiber(1))
            )
            assert.include(printed(exit), "a bug in the retry policy")
            assert.strictEqual(results, 1)
            assert.notInclude(starts, "1#2")
          }
        }
      }
    }))

  it.effect("a defect in the policy of a queue ends its pushes and pops with it, after the outcomes that are ready", () =>
    Effect.gen(function*() {
      const { fiber, starts } = recorded()
      yield* Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Flaky>({ retry: policyWithBug })
        yield* Effect.forEach([flaky(0), flaky(1, 1), flaky(2)], (task) => queue.push(task))
        yield* settle
        assert.strictEqual(yield* queue.pop(), 0)
        const uses: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          queue.pop(),
          queue.popMany(),
          queue.push(flaky(3)),
          Stream.runDrain(queue.toStream)
        ]
        for (const use of uses) assert.include(printed(yield* Effect.exit(use)), "a bug in the retry policy")
        assert.deepStrictEqual(starts, ["0#1", "1#1"])
        yield* queue.close
        assert.include(printed(yield* Effect.exit(queue.pop())), "a bug in the retry policy")
      }).pipe(Effect.scoped, Effect.provide(fiber(1)))
    }))

  it.effect("immediate retries take turns with the tasks that have not started", () =>
    Effect.gen(function*() {
      const { fiber, starts } = recorded()
      const tasks = Array.from({ length: 10 }, (_, n) => flaky(n, n < 2 ? 1000 : 0))
      const outcomes = yield* Dispatcher.results(tasks, { retry: { times: 1000 } }).pipe(
        Stream.map(({ index }) => index),
        Stream.runCollect,
        Effect.provide(fiber(2))
      )
      assert.deepStrictEqual(outcomes.slice(-2).toSorted(), [0, 1])
      // Two starts for each of the eight tasks that succeed: one of its own and one of a retry.
      assert.isBelow(starts.indexOf("9#1"), 20)
    }))

  it.effect("tasks without end do not hold up a retry", () =>
    Effect.gen(function*() {
      const { fiber, starts } = recorded()
      const forever = function*() {
        yield flaky(-1, 3)
        for (let n = 0;; n++) yield flaky(n)
      }
      const first = yield* Dispatcher.execute(forever(), { retry: { times: 3 } }).pipe(
        Stream.filter((n) => n === -1),
        Stream.runHead,
        Effect.provide(fiber(2))
      )
      assert.deepStrictEqual(first, Option.some(-1))
      assert.isBelow(starts.indexOf("-1#4"), 20)
    }))

  it.effect("immediate retries of a queue come after the tasks that were pushed before", () =>
    Effect.gen(function*() {
      const { fiber, starts } = recorded()
      yield* Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Flaky>({ retry: { times: 1000 } })
        for (let n = 0; n < 10; n++) yield* queue.push(flaky(n, n < 2 ? 1000 : 0))
        yield* queue.end
        yield* Stream.runDrain(queue.toStream)
      }).pipe(Effect.scoped, Effect.provide(fiber(2)))
      assert.isBelow(starts.indexOf("9#1"), 10)
    }))

  it.effect("after something that is not a task nothing is pulled and nothing is retried", () =>
    Effect.gen(function*() {
      for (const ordered of [false, true]) {
        for (const retry of [{ times: 5 }, Schedule.spaced("1 minute")]) {
          const { fiber, starts } = recorded()
          const source = function*() {
            yield* given(flaky(0), flaky(1, 2), flaky(2, 2), "text")
            assert.fail("the source was pulled once more")
          }
          const ended: Array<number> = []
          const exit = yield* Dispatcher.results(source(), { ordered, retry }).pipe(
            Stream.runForEach(({ index }) => Effect.sync(() => ended.push(index))),
            Effect.exit,
            Effect.provide(fiber(4))
          )
          assert.include(printed(exit), "not a task: text")
          assert.deepStrictEqual(ended.toSorted(), [0, 1, 2])
          assert.deepStrictEqual(starts, ["0#1", "1#1", "2#1"])
        }
      }
    }))

  it.effect("a task that waits for its retry is not tried again after something that is not a task", () =>
    Effect.gen(function*() {
      const { fiber, starts } = recorded()
      const source = Stream.concat(
        Stream.make(flaky(0, 2)),
        Stream.fromEffect(Effect.as(Effect.sleep("10 seconds"), "text" as unknown as Flaky))
      )
      const run = yield* Dispatcher.results(source, { retry: Schedule.spaced("1 minute") }).pipe(
        Stream.runCollect,
        Effect.exit,
        Effect.provide(fiber(1)),
        Effect.forkChild
      )
      yield* settle
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.include(printed(yield* Fiber.join(run)), "not a task: text")
      assert.deepStrictEqual(starts, ["0#1"])
    }))

  it.effect("after the error of a source its tasks are retried", () =>
    Effect.gen(function*() {
      const { fiber, starts } = recorded()
      const source = Stream.concat(Stream.make(flaky(0, 1)), Stream.fail("the source broke"))
      const run = yield* Dispatcher.execute(source, { retry: Schedule.spaced("1 minute") }).pipe(
        Stream.runDrain,
        Effect.exit,
        Effect.provide(fiber(1)),
        Effect.forkChild
      )
      yield* untilEnded(run)
      assert.include(printed(yield* Fiber.join(run)), "the source broke")
      assert.deepStrictEqual(starts, ["0#1", "0#2"])
    }))
})
