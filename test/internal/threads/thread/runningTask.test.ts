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
      const set = vi.spyOn(globalThis, "setTimeout")
      const task = new RunningTask({} as ConstructorParameters<typeof RunningTask>[0], 0, performance.now())
      task.limit(timeout)
      vi.advanceTimersByTime(timeout - 1)
      assert.isUndefined(task.stopping)
      // A timer that fires at once would be set again and again.
      assert.isAtMost(set.mock.calls.length, 2)
      vi.advanceTimersByTime(2)
      assert.strictEqual(task.stopping, "timedOut")
      set.mockRestore()
    }
  })
})
