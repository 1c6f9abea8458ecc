import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { type Timer, Timers } from "../../src/internal/timers.ts"

const make = Effect.gen(function*() {
  const context = yield* Effect.context<never>()
  return new Timers(yield* Clock.Clock, Effect.runForkWith(context))
})

const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }))

const Step = Schema.Union([
  Schema.Struct({ do: Schema.Literal("set"), millis: Millis }),
  Schema.Struct({ do: Schema.Literal("clear"), which: Millis }),
  Schema.Struct({ do: Schema.Literal("pass"), millis: Millis })
])

describe("Timers", () => {
  it.effect.prop(
    "fire once each, in the order of time, never early, unless they are cleared",
    { steps: Schema.Array(Step).check(Schema.isMinLength(30), Schema.isMaxLength(80)) },
    ({ steps }) =>
      Effect.gen(function*() {
        const timers = yield* make
        const fired: Array<number> = []
        const set: Array<{ readonly timer: Timer; readonly at: number }> = []
        const cleared = new Set<number>()
        for (const step of [...steps, { do: "pass", millis: 100 } as const]) {
          const now = timers.now()
          if (step.do === "set") {
            const id = set.length
            const at = now + step.millis
            set.push({
              at,
              timer: timers.set(step.millis, () => {
                assert.isAtLeast(timers.now(), at)
                fired.push(id)
              })
            })
          } else if (step.do === "clear") {
            if (set.length === 0) continue
            const id = step.which % set.length
            timers.clear(set[id].timer)
            if (!fired.includes(id)) cleared.add(id)
          } else {
            yield* TestClock.adjust(step.millis)
            const due = set.flatMap(({ at }, id) => at <= now + step.millis && !cleared.has(id) ? [id] : [])
            assert.deepStrictEqual(fired.toSorted((a, b) => a - b), due)
          }
        }
        const times = fired.map((id) => set[id].at)
        assert.deepStrictEqual(times, times.toSorted((a, b) => a - b))
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect("fire in the order of time after one in the middle was cleared", () =>
    Effect.gen(function*() {
      const timers = yield* make
      const fired: Array<number> = []
      // The last of the heap is sooner than the parent of the one that is cleared, so it has to move up.
      const set = [1, 10, 2, 11, 12, 20, 3].map((millis) => timers.set(millis, () => fired.push(millis)))
      timers.clear(set[3])
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(fired, [1, 2, 3])
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(fired, [1, 2, 3, 10, 12, 20])
    }))

  it.effect("leave no fiber asleep for a timer that was cleared, at a cost that does not grow with their number", () =>
    Effect.gen(function*() {
      let begun = 0
      let asleep = 0
      const clock = yield* Clock.Clock
      const counting: Clock.Clock = {
        ...clock,
        sleep: (duration) =>
          Effect.suspend(() => {
            begun++
            asleep++
            return Effect.ensuring(clock.sleep(duration), Effect.sync(() => asleep--))
          })
      }
      const timers = new Timers(counting, Effect.runForkWith(yield* Effect.context<never>()))
      for (const millis of [6000, 60, 6000]) {
        for (let i = 0; i < 1000; i++) timers.clear(timers.set(millis, () => assert.fail("fired")))
        assert.isAtMost(begun, 2)
        yield* TestClock.adjust(100)
        assert.strictEqual(asleep, 0)
        begun = 0
      }
      for (let i = 0; i < 1000; i++) {
        const timer = timers.set(6000, () => assert.fail("fired"))
        yield* TestClock.adjust(1)
        timers.clear(timer)
      }
      assert.isAtMost(begun, 2 * 10 + 2)
      let fired = 0
      timers.set(5000, () => fired++)
      yield* TestClock.adjust(5000)
      assert.deepStrictEqual([fired, asleep], [1, 0])
    }))

  it.effect("fire no more, and are not set any more, once closed", () =>
    Effect.gen(function*() {
      const timers = yield* make
      let fired = 0
      timers.set(10, () => fired++)
      timers.close()
      timers.set(10, () => fired++)
      yield* TestClock.adjust(100)
      assert.strictEqual(fired, 0)
    }))

  it.effect("never fire after an infinite time", () =>
    Effect.gen(function*() {
      const timers = yield* make
      const timer = timers.set(Infinity, () => assert.fail("fired"))
      yield* TestClock.adjust("365 days")
      timers.clear(timer)
    }))

  it.effect("may be set and cleared by the one that fires", () =>
    Effect.gen(function*() {
      const timers = yield* make
      const fired: Array<string> = []
      const later = timers.set(20, () => fired.push("later"))
      timers.set(10, () => {
        fired.push("first")
        timers.clear(later)
        timers.set(5, () => fired.push("set by the first"))
      })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(fired, ["first", "set by the first"])
    }))
})
