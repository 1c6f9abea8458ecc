import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { backoff, spread } from "../../../../src/internal/remote/transport/backoff.ts"

describe("backoff", () => {
  it.effect("doubles up to its bound, and each pause is random", () =>
    Effect.gen(function*() {
      const pauses = yield* Effect.forEach(
        Array.from({ length: 50 }),
        () =>
          Effect.gen(function*() {
            const step = yield* Schedule.toStep(backoff(1000))
            const delays: Array<number> = []
            for (let i = 0; i < 8; i++) delays.push(Duration.toMillis((yield* step(0, undefined))[1]))
            return delays
          })
      )
      for (const delays of pauses) {
        delays.forEach((delay, i) => {
          const whole = Math.min(100 * 2 ** i, 1000)
          assert.isTrue(delay >= whole / 2 && delay <= whole, `${delay} of ${whole}`)
        })
      }
      assert.isAbove(new Set(pauses.map((delays) => delays[7])).size, 25)
    }))

  it.effect("spread waits for at most its bound", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(spread(50), { startImmediately: true })
      yield* TestClock.adjust(50)
      yield* Fiber.join(fiber)
    }))
})
