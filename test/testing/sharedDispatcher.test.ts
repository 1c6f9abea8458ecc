import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { allLaws, handlers, type Property, SharedDispatcher, type Subject, Tasks } from "papyros/testing"

/** A subject that counts the dispatchers it opens and closes. */
const counted = (options: { readonly breaksFirst: boolean }) => {
  const count = { opened: 0, closed: 0 }
  const subject: Subject = {
    layer: ({ capacity }) => {
      const tasks = options.breaksFirst && count.opened === 0 ? Tasks.omit("Square") : Tasks
      const lifetime = Effect.acquireRelease(
        Effect.sync(() => count.opened++),
        () => Effect.sync(() => count.closed++)
      )
      return Layer.provideMerge(
        FiberDispatcher.layer(tasks as typeof Tasks, { capacity, concurrency: 4 }),
        Layer.effectDiscard(lifetime)
      ).pipe(Layer.provide(handlers))
    },
    boundary: "none",
    concurrency: 4,
    bounds: true,
    endsBusyLoops: false,
    losesWorkers: false,
    nests: true,
    sharesClock: true,
    sharesMemory: true
  }
  return { count, subject }
}

const properties = (law: number): ReadonlyArray<Property> =>
  allLaws.find(({ number }) => number === law)!.properties.filter(({ needs }) => needs.length === 0)

describe("SharedDispatcher", () => {
  it.effect("is opened once for all properties that use it, and closed by its owner", () =>
    Effect.gen(function*() {
      const { count, subject } = counted({ breaksFirst: false })
      const shared = new SharedDispatcher()
      const checked = [...properties(1), ...properties(3)]
      assert.isAbove(checked.length, 2)
      for (const property of checked) yield* property.check(subject, { shared, runs: 3 })
      assert.deepStrictEqual(count, { opened: 1, closed: 0 })
      yield* shared.close(10_000)
      yield* shared.close(10_000)
      assert.deepStrictEqual(count, { opened: 1, closed: 1 })
    }))

  it.effect("is not used by properties without it, nor by those that give each run a dispatcher", () =>
    Effect.gen(function*() {
      const { count, subject } = counted({ breaksFirst: false })
      const shared = new SharedDispatcher()
      yield* properties(1)[0].check(subject, { runs: 3 })
      assert.deepStrictEqual(count, { opened: 1, closed: 1 })
      const ofScope = properties(5).find(({ name }) => name.includes("scope"))!
      yield* ofScope.check(subject, { shared, runs: 3 })
      assert.deepStrictEqual(count, { opened: 4, closed: 4 })
      yield* shared.close(10_000)
      assert.deepStrictEqual(count, { opened: 4, closed: 4 })
    }))

  it.effect("is replaced after a run that fails", () =>
    Effect.gen(function*() {
      const { count, subject } = counted({ breaksFirst: true })
      const shared = new SharedDispatcher()
      const [property] = properties(1)
      const error = yield* Effect.flip(property.check(subject, { shared, runs: 20, maxShrinks: 0, seed: 1 }))
      assert.strictEqual(error._tag, "LawBroken")
      yield* property.check(subject, { shared, runs: 20, seed: 1 })
      assert.strictEqual(count.opened, 2)
      yield* shared.close(10_000)
      assert.deepStrictEqual(count, { opened: 2, closed: 2 })
    }))
})
