/**
 * The laws that every dispatcher satisfies, as a suite of tests. The author of a dispatcher calls `laws` with a
 * subject: the dispatcher and the capabilities that it declares.
 */
import { afterAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { allLaws } from "./allLaws.ts"
import { applies, patienceOf, SharedDispatcher, type Subject } from "./property.ts"

/**
 * Registers the laws as tests of a dispatcher: all laws, or those with the given numbers. Properties that need an
 * undeclared capability are left out.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const laws = (name: string, subject: Subject, numbers?: ReadonlyArray<number>): void => {
  const test = subject.sharesClock ? it.effect : it.live
  describe(name, () => {
    // Threads and connections are slow to start, so their tests share one dispatcher. A dispatcher on a TestClock cannot
    // be shared, because the clock ends with its test.
    const shared = subject.sharesClock ? undefined : new SharedDispatcher()
    if (shared !== undefined) afterAll(() => Effect.runPromise(shared.close(patienceOf(subject))))
    for (const law of allLaws) {
      const properties = law.properties.filter((property) => applies(property, subject))
      if (properties.length === 0 || numbers?.includes(law.number) === false) continue
      describe(`law ${law.number}: ${law.name}`, () => {
        for (const property of properties) test(property.name, () => property.check(subject, { shared }), 120_000)
      })
    }
  })
}
