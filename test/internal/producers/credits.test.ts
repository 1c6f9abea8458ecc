import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Credits } from "../../../src/internal/producers/credits.ts"

const workers = { slots: () => 3, window: () => 10 }

const Step = Schema.Union([
  Schema.Literals(["pull", "settle"]),
  Schema.Struct({ take: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8 })) })
])

describe("Credits", () => {
  it.effect.prop(
    "bound the tasks that are pulled and not returned by the consumer, and are all usable",
    {
      steps: Schema.Array(Step).check(Schema.isMinLength(60), Schema.isMaxLength(200)),
      bufferSize: Schema.Literals([1, 2, 5])
    },
    ({ bufferSize, steps }) =>
      Effect.sync(() => {
        const credits = new Credits(workers, bufferSize, undefined)
        let [pulled, settled, taken, returned, refused] = [0, 0, 0, 0, false]
        for (const step of steps) {
          if (step === "pull") {
            const available = credits.available()
            assert.strictEqual(available, pulled - returned < bufferSize + workers.slots())
            if (available) {
              credits.acquire()
              pulled++
            } else refused = true
          } else if (step === "settle") {
            if (settled === pulled) continue
            settled++
            credits.addResult(1)
          } else {
            // The consumer asks again, and so is done with the array before.
            assert.strictEqual(credits.returnTaken(), refused && taken > returned)
            if (taken > returned) refused = false
            returned = taken
            const count = Math.min(step.take, credits.arraySize, settled - taken)
            if (count === 0) continue
            credits.handOut(count)
            taken += count
          }
        }
      }),
    { arbitrary: { runs: 300 } }
  )

  const pullable = (credits: Credits) => {
    let count = 0
    for (; count < 100_000 && credits.available(); count++) credits.acquire()
    return count
  }

  it("are 1024 and the running slots by default, more if workers keep more busy", () => {
    assert.strictEqual(pullable(new Credits(workers, undefined, undefined)), 1024 + 3)
    assert.strictEqual(pullable(new Credits({ slots: () => 3, window: () => 4000 }, undefined, undefined)), 8000 + 3)
  })

  it("shrink with the size of the results, and grow again", () => {
    const credits = new Credits(workers, undefined, 1024 * 1024)
    credits.addResult(new Uint8Array(128 * 1024))
    assert.isAtMost(credits.arraySize, 4)
    assert.isAtMost(pullable(credits), 8 + 3)
    for (let i = 0; i < 1000; i++) credits.addResult(new Uint8Array(1024))
    assert.isAtLeast(pullable(credits), 100)
  })

  it("that are not used yet are gone when a large result comes", () => {
    const credits = new Credits(workers, undefined, 1024 * 1024)
    for (let i = 0; i < 100; i++) {
      assert.isTrue(credits.available())
      credits.acquire()
    }
    credits.addResult(new Uint8Array(1024 * 1024))
    assert.isFalse(credits.available())
  })

  it("leave one for a result of any size", () => {
    const credits = new Credits(workers, undefined, 1)
    credits.addResult(new Uint8Array(1024))
    assert.strictEqual(pullable(credits), 1 + 3)
    assert.strictEqual(credits.arraySize, 1)
  })
})
