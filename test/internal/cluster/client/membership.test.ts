import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Calls } from "../../../../src/internal/cluster/calls.ts"
import { Membership } from "../../../../src/internal/cluster/client/membership.ts"
import { PROTOCOL } from "../../../../src/internal/remote/protocol/messages.ts"
import { VERSION } from "../../../../src/internal/version.ts"

interface Runners {
  readonly keys: () => Iterable<string>
  readonly get: (id: string) => string | undefined
}

/** A group of runners by the ids that lead to them. Its `members` are those that it has found last. */
const group = Effect.fnUntraced(function*(runners: Runners) {
  const hello = (id: string) =>
    Effect.suspend(() => {
      const incarnation = runners.get(id)
      if (incarnation === undefined) return Effect.never
      const offer = { version: VERSION, slots: 1, maxTaskBytes: 1, fingerprints: [], valueFormat: 0, incarnation }
      const handshake = { ...offer, protocol: PROTOCOL, worker: incarnation }
      return Effect.succeed({ handshake, incarnation, leaving: false })
    })
  const membership = new Membership({
    workerGroup: "default",
    ids: Array.from(runners.keys()),
    at: (id) => ({ Hello: () => hello(id) }) as unknown as Calls
  })
  const found = { members: [] as ReadonlyArray<string> }
  yield* membership.members(() => Effect.never).pipe(
    Stream.runForEach((answer) =>
      Effect.sync(() => {
        if (Result.isSuccess(answer)) found.members = answer.success.map(({ address }) => address)
      })
    ),
    Effect.forkScoped
  )
  return { membership, found }
})

describe("Membership", () => {
  it.effect("finds the runner that took the only id of another one", () =>
    Effect.gen(function*() {
      const runners = new Map([["0", "a"]])
      const { found } = yield* group(runners)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(found.members, ["a (a)"])
      runners.set("0", "b")
      yield* TestClock.adjust(3000)
      assert.deepStrictEqual(found.members, ["b (b)"])
    }))

  it.effect("does not lose a runner when another one is not behind its id any more", () =>
    Effect.gen(function*() {
      const runners = new Map([["0", "a"], ["1", "b"]])
      const { found, membership } = yield* group(runners)
      yield* TestClock.adjust(100)
      runners.set("0", "b")
      yield* TestClock.adjust(5000)
      runners.set("1", "c")
      yield* TestClock.adjust(5000)
      assert.deepStrictEqual(found.members, ["b (b)", "c (c)"])
      // The answer to a call by the id from when "a" was behind it.
      membership.moved("0", "a")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(found.members, ["b (b)", "c (c)"])
    }))

  it.effect("asks a runner at most 20 times a second, if each answer has another incarnation", () =>
    Effect.gen(function*() {
      let asked = 0
      // A defect of the search must fail the test, and not keep it from ending.
      yield* group({ keys: () => ["0"], get: () => `runner ${Math.min(++asked, 1000)}` })
      yield* TestClock.adjust(5000)
      assert.isAtLeast(asked, 50)
      assert.isAtMost(asked, 101)
    }))
})
