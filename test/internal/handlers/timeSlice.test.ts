import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { TimeSlice } from "../../../src/internal/handlers/timeSlice.ts"

let now = 0
let readings = 0

beforeEach(() => {
  now = 0
  readings = 0
  vi.spyOn(performance, "now").mockImplementation(() => {
    readings++
    return now
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** Runs tasks of so many milliseconds until the slice is over; how long that took. */
const run = (slice: TimeSlice, millis: number): number => {
  slice.begin()
  const start = now
  do now += millis
  while (!slice.over())
  return now - start
}

describe("TimeSlice", () => {
  it("is over at most one task after its limit, once it knows how long tasks are", () => {
    for (const millis of [0.001, 0.1, 0.9, 3]) {
      const slice = new TimeSlice(8)
      run(slice, millis)
      for (let i = 0; i < 5; i++) {
        const took = run(slice, millis)
        assert.isAbove(took, 8)
        assert.isAtMost(took, 8 + Math.max(2, 64 * 0.001, millis))
      }
    }
  })

  it("is over after one task that is longer than its limit, also if the tasks before were short", () => {
    const slice = new TimeSlice(8)
    assert.isAtMost(run(slice, 20), 20)
    run(slice, 0.001)
    // The number of tasks between two readings falls by half at each.
    assert.isAtMost(run(slice, 20), 20 * 64)
    for (let i = 0; i < 8; i++) run(slice, 20)
    assert.strictEqual(run(slice, 20), 20)
  })

  it("is over at most one task after its limit, if the caller knows when time has passed", () => {
    const slice = new TimeSlice(8)
    for (let i = 0; i < 5; i++) run(slice, 0.001)
    slice.begin()
    const start = now
    do now += 3
    while (!slice.over(true))
    assert.strictEqual(now - start, 9)
    // It has learned how long tasks are now.
    assert.isAtMost(run(slice, 3), 24)
  })

  it("reads the clock for short tasks far less often than once a task", () => {
    const slice = new TimeSlice(8)
    run(slice, 0.01)
    readings = 0
    run(slice, 0.01)
    assert.isAtMost(readings, 40)
    assert.isAtLeast(readings, 8)
  })
})
