import { assert, describe, it } from "@effect/vitest"
import { Estimate } from "../../../src/internal/progress/estimate.ts"

describe("Estimate", () => {
  it("has the rate of a constant stream from the first sample on, at any distance of samples", () => {
    for (const distance of [100, 1000, 60_000]) {
      const estimate = new Estimate(5000)
      for (let i = 1; i <= 50; i++) {
        estimate.sample(i * distance / 20, 5000 + i * distance)
        assert.closeTo(estimate.rate, 50, 1e-6)
      }
    }
  })

  it("forgets half of the past in 10 seconds", () => {
    const estimate = new Estimate(0)
    for (let at = 100; at <= 300_000; at += 100) estimate.sample(at / 10, at)
    for (const [seconds, rate] of [[10, 50], [20, 25], [30, 12.5]]) {
      for (let at = 300_100 + (seconds - 10) * 1000; at <= 300_000 + seconds * 1000; at += 100) {
        estimate.sample(30_000, at)
      }
      assert.closeTo(estimate.rate, rate, 0.01)
    }
  })

  it("knows the remaining time after 2 seconds and 0.5 % of the total, until the total is reached", () => {
    const estimate = new Estimate(0)
    estimate.sample(190, 1900)
    assert.isUndefined(estimate.remaining(1000))
    estimate.sample(200, 2000)
    assert.closeTo(estimate.remaining(1000)!, 8000, 1e-6)
    assert.closeTo(estimate.remaining(40_000)!, 398_000, 1e-6)
    assert.isUndefined(estimate.remaining(40_001))
    assert.isUndefined(estimate.remaining(200))
    assert.isUndefined(new Estimate(0).remaining(0))
  })

  it("has stalled after 10 seconds without an element, and ignores a clock that stands or goes back", () => {
    const estimate = new Estimate(0)
    estimate.sample(0, 9999)
    assert.isUndefined(estimate.stalled)
    estimate.sample(0, 10_000)
    assert.strictEqual(estimate.stalled, 10_000)
    estimate.sample(1, 10_000)
    estimate.sample(1, 9000)
    assert.strictEqual(estimate.stalled, 10_000)
    estimate.sample(1, 10_001)
    assert.isUndefined(estimate.stalled)
    assert.isAbove(estimate.rate, 0)
  })
})
