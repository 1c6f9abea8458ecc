import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { RunningTask } from "../../../../src/internal/threads/thread/runningTask.ts"

describe("RunningTask", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it("is stopped when its time is over, also if that is longer than a timer of the platform can wait", () => {
    const month = 30 * 24 * 3600 * 1000
    for (const timeout of [10, month]) {
      const start = performance.now()
      const task = new RunningTask({} as ConstructorParameters<typeof RunningTask>[0], 0, start)
      task.limit(timeout)
      // A timer that fires at once would be set again and again.
      for (let timers = 0; timers < 2 && task.stopping === undefined; timers++) vi.advanceTimersToNextTimer()
      assert.strictEqual(task.stopping, "timedOut")
      assert.approximately(performance.now() - start, timeout, 1)
    }
  })
})
