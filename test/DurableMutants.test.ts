/** Durable runs with one deliberate fault each, to show that their law can fail. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Durable from "papyros/Durable"
import { vi } from "vitest"
import * as MemoryStore from "../src/internal/durable/memoryStore.ts"
import { type KeyedTask, TaskKeys } from "../src/internal/durable/taskKeys.ts"
import { holds, Programs } from "../src/testing/resumption.ts"

/** Checks the law on a store that differs from the one in memory. */
const check = (change: (store: Durable.Store) => Partial<Durable.Store>) => {
  const store = Effect.map(Effect.sync(MemoryStore.make), (store) => ({ ...store, ...change(store) }))
  const input = Arbitrary.schema(Programs)
  const property = (programs: typeof Programs.Type) =>
    Effect.as(Effect.provide(holds(programs), Durable.layerStore(store)), true)
  return Effect.map(
    Arbitrary.checkEffect(input, property, { runs: 200, maxShrinks: 0, size: 20, seed: 1 }),
    (result) =>
      result._tag === "Falsified" && result.failure._tag === "PropertyError"
        ? String(result.failure.error)
        : result._tag
  )
}

/** Replaces the keys of tasks for the scope. `again` gives the task its key once more. */
const withKeys = (mutant: (keyed: KeyedTask, again: () => KeyedTask, keys: TaskKeys) => KeyedTask) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { key } = TaskKeys.prototype
      return vi.spyOn(TaskKeys.prototype, "key").mockImplementation(function(this: TaskKeys, task) {
        const again = () => key.call(this, task) as KeyedTask
        return mutant(again(), again, this)
      })
    }),
    (spy) => Effect.sync(() => spy.mockRestore())
  )

const indexes = () => {
  const next = new WeakMap<TaskKeys, number>()
  return (keys: TaskKeys): number => {
    const index = next.get(keys) ?? 0
    next.set(keys, index + 1)
    return index
  }
}

describe("The law of durable runs", () => {
  it.effect("holds where there is no fault", () =>
    Effect.map(check(() => ({})), (said) => assert.strictEqual(said, "Passed")))

  it.effect("catches outcomes that are delivered before they are stored", () =>
    Effect.map(
      // A write that is under way when the program ends is lost.
      check(({ append }) => {
        let last: Effect.Effect<unknown, Durable.DurableError> = Effect.void
        return {
          append: (...args) => {
            const write = last
            last = append(...args)
            return Effect.as(write, true)
          }
        }
      }),
      (said) => assert.match(said, /results that were delivered and are not stored/)
    ))

  it.effect("catches keys without an occurrence", () =>
    Effect.gen(function*() {
      yield* withKeys((keyed) => ({ ...keyed, key: keyed.key.replace(/\..*/, "") }))
      assert.match(yield* check(() => ({})), /different results|delivered and are not stored/)
    }))

  it.effect("catches keys with the index of the task", () =>
    Effect.gen(function*() {
      const index = indexes()
      yield* withKeys((keyed, _, keys) => ({ ...keyed, key: `${keyed.key}.${index(keys)}` }))
      assert.match(yield* check(() => ({})), /was started \d+ times, and \d+ were left/)
    }))

  it.effect("catches occurrences that are counted twice after a resume", () =>
    Effect.gen(function*() {
      let resumed = false
      yield* withKeys((keyed, again) => resumed ? again() : keyed)
      const said = yield* check(({ acquire }) => ({
        acquire: (...args) =>
          Effect.tap(acquire(...args), (taken) => Effect.sync(() => resumed = taken.acquired && !taken.empty))
      }))
      assert.match(said, /was started \d+ times, and \d+ were left/)
    }))

  it.effect("catches failures that are taken for successes", () =>
    Effect.map(
      check(({ lookup }) => ({
        lookup: (run, keys) =>
          Effect.map(lookup(run, keys), (rows) =>
            rows.map((row) => row.state === "failed" ? { ...row, state: "succeeded" as const } : row))
      })),
      (said) =>
        assert.match(said, /a task that failed/)
    ))

  it.effect("catches a store that accepts late outcomes", () =>
    Effect.map(
      check(({ append, runs }) => ({
        append: (run, _, rows) => Effect.flatMap(runs, ([{ owner }]) => append(run, owner!, rows))
      })),
      (said) => assert.match(said, /taken over/)
    ))
})
