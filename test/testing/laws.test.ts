import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { allLaws, applies, type Subject } from "papyros/testing"
import { broken, whole } from "./mutants/mutants.ts"

/** The messages of the properties that a subject breaks, up to the first message that matches `enough`. */
const breaches = (law: number, subject: Subject, runs: number, enough?: RegExp) =>
  Effect.gen(function*() {
    const said: Array<string> = []
    const { properties } = allLaws.find(({ number }) => number === law)!
    for (const property of properties) {
      if (!applies(property, subject)) continue
      const result = yield* Effect.result(property.check(subject, { runs, seed: 1, maxShrinks: 0 }))
      if (Result.isSuccess(result)) continue
      said.push(result.failure.message)
      if (enough?.test(result.failure.message) === true) break
    }
    return said
  })

describe("laws", () => {
  it("are twelve", () => {
    assert.deepStrictEqual(allLaws.map(({ number }) => number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it("are each broken by a dispatcher", () => {
    assert.deepStrictEqual(new Set(broken.map(({ law }) => law)), new Set(allLaws.map(({ number }) => number)))
  })

  for (const { law, name, says, subject } of broken) {
    it.effect(`law ${law} catches a dispatcher that ${name}`, () =>
      Effect.gen(function*() {
        const said = yield* breaches(law, subject, 100, says)
        assert.isTrue(said.length > 0 && says.test(said.at(-1)!), `law ${law} says: ${said.join("\n") || "nothing"}`)
      }), 60_000)
  }

  for (const { name, subject } of whole) {
    for (const law of new Set(broken.map(({ law }) => law))) {
      // A loss adds attempts, which only law 10 allows for.
      if (subject.losesWorkers !== (law === 10)) continue
      it.effect(
        `law ${law} finds nothing wrong with ${name}`,
        () => Effect.map(breaches(law, subject, 15), (said) => assert.deepStrictEqual(said, [])),
        60_000
      )
    }
  }
})
