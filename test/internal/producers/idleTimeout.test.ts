import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { IdleTimeout } from "../../../src/internal/producers/idleTimeout.ts"
import { Timers } from "../../../src/internal/timers.ts"

const BOUND = 100

const Step = Schema.Struct({
  pass: Schema.Literals([0, 10, 30, 60]),
  action: Schema.Literals(["run", "pause", "complete"])
})

describe("IdleTimeout", () => {
  it.effect.prop(
    "expires when it has run for its bound since the last completed task",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(30)) },
    ({ steps }) =>
      Effect.gen(function*() {
        const context = yield* Effect.context<never>()
        const timers = new Timers(yield* Clock.Clock, Effect.runForkWith(context))
        let expired = 0
        const idle = new IdleTimeout(BOUND, timers, () => {
          expired++
          idle.stop()
        })
        let [spent, running] = [0, false]
        for (const { action, pass } of steps) {
          yield* TestClock.adjust(pass)
          if (running) spent += pass
          assert.strictEqual(expired, spent >= BOUND ? 1 : 0)
          if (expired > 0) return
          if (action === "complete") {
            idle.completed()
            spent = 0
          } else {
            running = action === "run"
            idle.run(running)
          }
        }
      }),
    { arbitrary: { runs: 300 } }
  )
})
