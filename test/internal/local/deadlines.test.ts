import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import type * as Executor from "papyros/Executor"
import { Deadlines } from "../../../src/internal/local/deadlines.ts"
import type { RunningTask } from "../../../src/internal/local/runningTask.ts"
import { Timers } from "../../../src/internal/timers.ts"

const TIMEOUT = 6000

const make = Effect.gen(function*() {
  const timers = new Timers(yield* Clock.Clock, Effect.runForkWith(yield* Effect.context<never>()))
  const waiting = new Set<object>()
  const seen = { set: 0 }
  const deadlines = new Deadlines(
    {
      now: () => timers.now(),
      after: (millis: number, f: () => void) => {
        seen.set++
        const timer = timers.set(millis, () => {
          waiting.delete(timer)
          f()
        })
        waiting.add(timer)
        return () => {
          waiting.delete(timer)
          timers.clear(timer)
        }
      }
    } as unknown as Executor.Scheduler
  )
  /** Starts a task; the function that is returned ends it. */
  const start = () => {
    let interrupted = false
    const since = timers.now()
    const task = {
      item: { taskTimeout: TIMEOUT },
      fiber: { interruptUnsafe: () => (interrupted = true) }
    } as unknown as RunningTask
    deadlines.add(task, since + TIMEOUT)
    return () => {
      deadlines.end(task, since)
      return interrupted
    }
  }
  return { start, waiting, seen }
})

describe("Deadlines of this process", () => {
  it.effect("leave no timer when no task runs, and set none for each task", () =>
    Effect.gen(function*() {
      const { seen, start, waiting } = yield* make
      for (let i = 0; i < 1000; i++) start()()
      assert.isAtMost(seen.set, 2)
      yield* TestClock.adjust(100)
      assert.strictEqual(waiting.size, 0)
      seen.set = 0
      for (let i = 0; i < 1000; i++) {
        const end = start()
        yield* TestClock.adjust(1)
        end()
      }
      assert.isAtMost(seen.set, 2 * 10 + 2)
    }))

  it.effect("interrupt a task in time that starts when no other one has run for a moment", () =>
    Effect.gen(function*() {
      const { start } = yield* make
      for (const pause of [0, 50, 100, 150]) {
        start()()
        yield* TestClock.adjust(pause)
        const end = start()
        yield* TestClock.adjust(TIMEOUT - 1)
        const [early, late] = [start(), end]
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([early(), late()], [false, true])
      }
    }))
})
