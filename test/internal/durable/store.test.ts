import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { storeLaws } from "papyros/testing"
import * as MemoryStore from "../../../src/internal/durable/memoryStore.ts"
import { stores } from "../../support/durable/stores.ts"

for (const [name, subject] of Object.entries(stores)) storeLaws(name, subject)

describe("The store memory", () => {
  it.effect("frees a run whose owner was silent for 8 seconds, and not before", () =>
    Effect.gen(function*() {
      const store = MemoryStore.make()
      yield* store.acquire("r", "one", undefined)
      yield* TestClock.adjust("7 seconds")
      assert.isTrue(yield* store.renew("r", "one"))
      yield* TestClock.adjust("7999 millis")
      assert.isFalse((yield* store.acquire("r", "two", undefined)).acquired)
      yield* TestClock.adjust("1 millis")
      assert.isTrue((yield* store.acquire("r", "two", undefined)).acquired)
      assert.isFalse(yield* store.append("r", "one", []))
    }))
})
