import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"

const make = () => {
  const shared = SharedState.make()
  return { main: new SharedState(shared), thread: new SharedState(shared) }
}

const { compareExchange } = Atomics

/** Runs `others`, one before each compareExchange: the other side acts between the read and the write of this one. */
const interleave = (others: Array<() => void>) => {
  let nested = false
  Atomics.compareExchange = ((...args: Parameters<typeof compareExchange>) => {
    const other = nested ? undefined : others.shift()
    if (other !== undefined) {
      nested = true
      other()
      nested = false
    }
    return compareExchange(...args)
  }) as typeof compareExchange
}

const restore = () => {
  Atomics.compareExchange = compareExchange
}

const Step = Schema.Literals(["claim", "revoke"])
const Steps = Schema.Array(Step).check(Schema.isMaxLength(12))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))

describe("SharedState", () => {
  afterEach(restore)

  it.prop(
    "gives each item to the thread or back to the main thread, however claims and revocations interleave",
    { size: Size, steps: Steps, between: Steps },
    ({ between, size, steps }) => {
      const { main, thread } = make()
      const slot = 3
      main.open(slot, size)
      const claimed: Array<number> = []
      let revokedFrom = size
      const run = (step: typeof Step.Type, state: { readonly main: SharedState; readonly thread: SharedState }) => {
        if (step === "claim") {
          const at = state.thread.claim(slot)
          if (at !== -1) claimed.push(at)
        } else {
          const from = state.main.revoke(slot)
          revokedFrom = Math.min(revokedFrom, from)
        }
      }
      interleave(between.map((step) => () => run(step, { main, thread })))
      for (const step of steps) run(step, { main, thread })
      restore()
      // In order and each once; nothing at or after the first revoked item.
      assert.deepStrictEqual(claimed.toSorted((a, b) => a - b), Array.from({ length: claimed.length }, (_, at) => at))
      for (const at of claimed) assert.isBelow(at, revokedFrom)
      assert.strictEqual(main.claimed(slot), claimed.length)
      // Nothing lies between: exactly the remaining items can still be claimed.
      const left = steps.includes("revoke") || revokedFrom < size ? 0 : size - claimed.length
      for (let at = claimed.length; at < claimed.length + left; at++) assert.strictEqual(thread.claim(slot), at)
      assert.strictEqual(thread.claim(slot), -1)
    },
    { arbitrary: { runs: 2000 } }
  )

  it("has slots for the requests of all items that a thread runs at once, and of as many that wait", () => {
    assert.strictEqual(new SharedState(SharedState.make(10)).requestSlots, 64)
    assert.strictEqual(new SharedState(SharedState.make(1000)).requestSlots, 2000)
  })

  it("keeps slots apart, and forgets the claims and ends of the request before", () => {
    const { main, thread } = make()
    const last = main.requestSlots - 1
    main.open(0, SharedState.maxItems)
    main.open(last, 2)
    for (let at = 0; at < SharedState.maxItems; at++) {
      assert.strictEqual(thread.claim(0), at)
      thread.markEnded(0, at)
    }
    assert.strictEqual(thread.claim(0), -1)
    assert.isTrue(main.hasEnded(0, SharedState.maxItems - 1))
    assert.isFalse(main.hasEnded(1, 0))
    assert.strictEqual(main.claimed(last), 0)
    thread.markEnded(last, 1)
    main.open(last, 1)
    main.open(0, 3)
    assert.isFalse(main.hasEnded(0, 2))
    assert.strictEqual(thread.claim(0), 0)
    // The ends of other slots stay.
    assert.isTrue(main.hasEnded(last, 1))
  })

  it("names the culprit that the thread has set, else the item that it is in", () => {
    const { main, thread } = make()
    assert.isUndefined(main.culprit())
    thread.enterItem(0, 0)
    assert.deepStrictEqual(main.culprit(), { requestSlot: 0, at: 0 })
    const last = { requestSlot: main.requestSlots - 1, at: SharedState.maxItems - 1 }
    thread.enterItem(last.requestSlot, last.at)
    assert.deepStrictEqual(main.culprit(), last)
    thread.leaveItem()
    assert.isUndefined(main.culprit())
    thread.setCulprit(5, 7)
    thread.enterItem(1, 2)
    assert.deepStrictEqual(main.culprit(), { requestSlot: 5, at: 7 })
  })

  it("bounds the telemetry in flight, and tells once that the thread withholds some", () => {
    const { main, thread } = make()
    for (let i = 0; i < SharedState.maxTelemetry; i++) assert.isTrue(thread.acquireTelemetry())
    assert.isFalse(thread.acquireTelemetry())
    assert.isFalse(main.releaseTelemetry())
    assert.isTrue(thread.acquireTelemetry())
    assert.isFalse(thread.acquireTelemetry())
    thread.withholdTelemetry()
    assert.isTrue(main.releaseTelemetry())
    assert.isFalse(main.releaseTelemetry())
  })
})
