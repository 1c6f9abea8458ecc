/**
 * The laws of dispatchers without a test runner, for runtimes in which vitest does not run: Bun, Deno and browsers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { allLaws } from "./allLaws.ts"
import {
  applies,
  type Law,
  type LawBroken,
  patienceOf,
  type Property,
  SharedDispatcher,
  type Subject
} from "./property.ts"

export { allLaws } from "./allLaws.ts"
export { default as handlers } from "./handlers.ts"
export { type Capability, type Law, LawBroken, type Property, type Subject, type SubjectOptions } from "./property.ts"
export { Tasks } from "./tasks.ts"

/**
 * The result of checking one property of a law.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface CheckedProperty {
  readonly law: Law
  readonly property: Property
  /** Fails with the smallest input found that breaks the property. */
  readonly exit: Exit.Exit<void, LawBroken>
}

/**
 * Checks the laws of a dispatcher one after the other: all laws, or those with the given numbers. Properties that need
 * an undeclared capability are left out.
 *
 * **Example** (Checking a law without vitest)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 * import * as FiberDispatcher from "papyros/FiberDispatcher"
 * import { checkLaws, handlers, Tasks } from "papyros/testing/check"
 *
 * const checked = checkLaws({
 *   layer: () => FiberDispatcher.layer(Tasks, { concurrency: 2 }).pipe(Layer.provide(handlers)),
 *   boundary: "none",
 *   concurrency: 2,
 *   bounds: false,
 *   endsBusyLoops: false,
 *   losesWorkers: false,
 *   nests: true,
 *   sharesClock: true,
 *   sharesMemory: true
 * }, [1])
 *
 * console.log(await Effect.runPromise(Stream.runFold(checked, () => true, (kept, { exit }) => kept && exit._tag === "Success")))
 * // => true
 * ```
 *
 * @stability experimental
 * @category laws
 * @since 0.1.0
 */
export const checkLaws = (subject: Subject, numbers?: ReadonlyArray<number>): Stream.Stream<CheckedProperty> => {
  const checks = allLaws.flatMap((law) =>
    numbers?.includes(law.number) === false
      ? []
      : law.properties.filter((property) => applies(property, subject)).map((property) => ({ law, property }))
  )
  // A dispatcher on a TestClock cannot be shared, because the clock ends with its check.
  const shared = subject.sharesClock ? undefined : new SharedDispatcher()
  const checked = Stream.mapEffect(Stream.fromIterable(checks), ({ law, property }) => {
    const check = property.check(subject, { shared })
    const onClock = subject.sharesClock ? Effect.provide(check, TestClock.layer()) : check
    return Effect.map(Effect.exit(onClock), (exit): CheckedProperty => ({ law, property, exit }))
  })
  return shared === undefined
    ? checked
    : Stream.ensuring(checked, Effect.ignore(shared.close(patienceOf(subject))))
}
