import { assert, describe, it } from "@effect/vitest"
import { Lifetime } from "../../../../src/internal/threads/main/lifetime.ts"

describe("Lifetime", () => {
  it("ends soon when the tasks that are left take no longer than the thread took to start", () => {
    const lifetime = new Lifetime(100, 1000)
    lifetime.ready(1200)
    // 10 ms per task, and 200 ms to start.
    assert.isFalse(lifetime.endsSoon(1, 1210))
    assert.isFalse(lifetime.endsSoon(79, 1990))
    assert.isTrue(lifetime.endsSoon(80, 2000))
  })

  it("never ends soon without a bound", () => {
    const lifetime = new Lifetime(Infinity, 0)
    lifetime.ready(100)
    assert.isFalse(lifetime.endsSoon(1_000_000, 200))
  })
})
