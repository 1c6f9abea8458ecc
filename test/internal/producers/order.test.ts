import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ResultOrder } from "../../../src/internal/producers/order.ts"
import { entryOf } from "../../support/scheduler/fixtures.ts"

/** The order in which the outcomes of some tasks come, as keys to sort them by. */
const Keys = Schema.Array(Schema.Int).check(Schema.isMaxLength(40))

const arrivals = (keys: ReadonlyArray<number>) =>
  keys.map((key, index) => ({ key, index })).toSorted((a, b) => a.key - b.key).map(({ index }) => index)

describe("ResultOrder", () => {
  it.effect.prop(
    "hands outcomes on in order, each as soon as all before it are known",
    { keys: Keys },
    ({ keys }) =>
      Effect.sync(() => {
        const order = new ResultOrder()
        const known = new Set<number>()
        const handed: Array<number> = []
        for (const index of arrivals(keys)) {
          known.add(index)
          for (let next = order.add(entryOf(index)); next !== undefined; next = order.advance()) handed.push(next.index)
          let complete = 0
          while (known.has(complete)) complete++
          assert.deepStrictEqual(handed, Array.from({ length: complete }, (_, i) => i))
        }
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect.prop(
    "counts the outcomes that are missing before a failed task",
    { keys: Keys, at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })) },
    ({ at, keys }) =>
      Effect.sync(() => {
        if (keys.length === 0) return
        const order = new ResultOrder()
        const known = new Set<number>()
        const failed = at % keys.length
        let dropped = false
        for (const index of arrivals(keys)) {
          // Once the task has failed, no later one has an outcome any more.
          if (dropped && index > failed) continue
          known.add(index)
          if (index === failed) {
            order.dropAfter(failed)
            dropped = true
          }
          for (let next = order.add(entryOf(index)); next !== undefined && next.index !== failed;) {
            next = order.advance()
          }
          if (!dropped) continue
          const missing = Array.from({ length: failed }, (_, i) => i).filter((i) => !known.has(i))
          assert.strictEqual(order.missingBefore(failed), missing.length)
        }
      }),
    { arbitrary: { runs: 300 } }
  )
})
