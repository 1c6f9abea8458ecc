/**
 * The promises of a store of durable runs as a suite of tests. The author of a store calls `storeLaws`.
 *
 * Must stay true: the expected results come from the promises of `Durable.Store` alone, which `StoreModel` states once.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { isDeepStrictEqual } from "node:util"
import * as Durable from "../Durable.ts"
import * as Resumption from "./resumption.ts"
import { StoreModel } from "./storeModel.ts"
import { type Result, runStep, Step } from "./storeSteps.ts"

/**
 * A store to be checked.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface StoreSubject {
  /** Opens a new, empty database twice: two clients, as two programs have them. */
  readonly open: Effect.Effect<readonly [Durable.Store, Durable.Store], unknown, Scope.Scope>
  /** Multiplies the number of inputs. Default 1. */
  readonly effort?: number | undefined
}

/** How a client fares with one step. */
const Client = Schema.Array(Schema.Struct({
  step: Step,
  /**
   * `cut`: the operation was done, but its client does not know that, and repeats it. `interrupted`: it is interrupted
   * after so many turns, done or not, and repeated.
   */
  fate: Schema.Literals(["done", "twice", "cut", "interrupted"]),
  turns: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
})).check(Schema.isMaxLength(5))

type Client = typeof Client.Type

/** The operations of a client with their results, in order. */
interface Done {
  readonly step: typeof Step.Type
  /** `unknown`: done or not. `ignored`: done, with a result that was lost. */
  readonly result: { readonly value: Result } | "ignored" | "unknown"
}

const PAUSE = "5 millis"

/** Of a test, in milliseconds, for a machine that is busy with other work. */
const TIMEOUT = 120_000

const isRetryable = (error: Durable.DurableError): boolean =>
  error.reason._tag === "StoreFailed" && error.reason.retryable

/** The store as durable runs use it: an operation that may succeed later is repeated. */
const patient = (store: Durable.Store): Durable.Store => {
  const persist = <A>(operation: Effect.Effect<A, Durable.DurableError>) =>
    Effect.retry(operation, { while: isRetryable, schedule: Schedule.spaced(PAUSE) })
  return {
    acquire: (...args) => persist(store.acquire(...args)),
    renew: (...args) => persist(store.renew(...args)),
    release: (...args) => persist(store.release(...args)),
    lookup: (...args) => persist(store.lookup(...args)),
    append: (...args) => persist(store.append(...args)),
    list: (...args) => persist(store.list(...args)),
    runs: persist(store.runs),
    expired: persist(store.expired),
    removeFailures: (...args) => persist(store.removeFailures(...args)),
    removeRun: (...args) => persist(store.removeRun(...args)),
    watch: store.watch
  }
}

const perform = (store: Durable.Store, client: Client): Effect.Effect<ReadonlyArray<Done>, unknown> =>
  Effect.gen(function*() {
    const done: Array<Done> = []
    for (const { fate, step, turns } of client) {
      // An operation that fails was done or not.
      const run = runStep(store, step).pipe(
        Effect.tapError(() => Effect.sync(() => done.push({ step, result: "unknown" }))),
        Effect.retry({ while: isRetryable, schedule: Schedule.spaced(PAUSE) })
      )
      if (fate === "cut") {
        yield* run
        done.push({ step, result: "ignored" })
      } else if (fate === "interrupted") {
        const fiber = yield* Effect.forkChild(run)
        for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        done.push({ step, result: "unknown" })
      }
      done.push({ step, result: { value: yield* run } })
      if (fate === "twice") done.push({ step, result: { value: yield* run } })
      yield* Effect.yieldNow
    }
    return done
  })

/** Whether the operations of the clients, one after the other in some order, explain their results and the rows that are left. */
const isExplained = (one: ReadonlyArray<Done>, two: ReadonlyArray<Done>, left: unknown): boolean => {
  const search = (model: StoreModel, i: number, j: number): boolean => {
    if (i === one.length && j === two.length) return isDeepStrictEqual(model.content(), left)
    const after = ({ result, step }: Done, i: number, j: number): boolean => {
      if (result === "unknown" && search(model, i, j)) return true
      const next = model.copy()
      const value = next.apply(step)
      if (typeof result === "object" && !isDeepStrictEqual(value, result.value)) return false
      return search(next, i, j)
    }
    return (i < one.length && after(one[i], i + 1, j)) || (j < two.length && after(two[j], i, j + 1))
  }
  return search(new StoreModel(), 0, 0)
}

const row = (key: string, change: Partial<Durable.Row> = {}): Durable.Row => ({
  key,
  name: "T",
  state: "succeeded",
  payload: null,
  outcome: "1",
  reason: null,
  ...change
})

/** Text that databases and JSON have trouble with, as the JSON of a value. */
const texts: ReadonlyArray<string> = [
  "a\0b",
  "\ud800",
  "\udc00\ud800",
  "é\u2028\u2029\ufeff\u{1f600}",
  "'; DROP TABLE papyros_task; --",
  "\\u0000 \\ \" $1 ? :a @b",
  "x".repeat(100_000)
].map((text) => JSON.stringify(text))

const values: ReadonlyArray<string> = [
  "null",
  "-0",
  "1e400",
  "12345678901234567890123456789",
  "{\"__proto__\":{\"a\":[]},\"\":0,\"a\":1,\"a\":2}",
  "[[[[[[[[]]]]]]]]",
  " 1 "
]

/**
 * Registers the promises of `Durable.Store` as tests of a store, but for those about time.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const storeLaws = (name: string, { effort = 1, open }: StoreSubject): void => {
  const times = (runs: number) => ({ arbitrary: { runs: Math.max(1, Math.ceil(runs * effort)) } })
  const opened = Effect.map(open, (stores) => stores.map(patient))
  describe(`The store ${name}`, { timeout: TIMEOUT }, () => {
    it.live.prop(
      "does what its operations promise for each of two clients, repeated, cut or interrupted",
      { one: Client, two: Client },
      ({ one, two }) =>
        Effect.gen(function*() {
          const stores = yield* open
          const [first, second] = yield* Effect.all([perform(stores[0], one), perform(stores[1], two)], {
            concurrency: 2
          })
          const left = yield* contentOf(patient(stores[0]))
          assert.isTrue(
            isExplained(first, second, left),
            `no order explains ${JSON.stringify({ first, second, left }, undefined, 1)}`
          )
        }).pipe(Effect.scoped),
      times(100)
    )

    it.live.prop(
      "has runs that are ended anywhere and run again, which give each result once, and start nothing that is stored",
      { programs: Resumption.Programs },
      ({ programs }) =>
        Effect.provide(
          Resumption.holds(programs),
          Durable.layerStore(Effect.map(open, ([store]) => store))
        ),
      times(100)
    )

    it.live("keeps text as it is", () =>
      Effect.gen(function*() {
        const [store, other] = yield* opened
        yield* store.acquire("r", "one", undefined)
        const rows = [...texts, ...values].map((text, i) =>
          row(`k${i}`, { state: "failed", payload: text, outcome: text, reason: "Défect's \"?\"", name: "Tâsk $1" })
        )
        assert.isTrue(yield* store.append("r", "one", rows))
        assert.deepStrictEqual((yield* other.list("r", 0, 100)).map(({ id: _, ...row }) => row), rows)
        assert.sameDeepMembers(
          (yield* other.lookup("r", rows.map(({ key }) => key))).map(({ key, outcome }) => [key, outcome]),
          rows.map(({ key, outcome }) => [key, outcome])
        )
      }).pipe(Effect.scoped))

    it.live("keeps an outcome of 8 MiB, and 1,000 rows of one write", () =>
      Effect.gen(function*() {
        const [store, other] = yield* opened
        yield* store.acquire("r", "one", undefined)
        const large = row("large", { outcome: JSON.stringify("é".repeat(2 ** 22)) })
        yield* store.append("r", "one", [large])
        const many = Array.from({ length: 1000 }, (_, i) => row(`k${i}`))
        yield* store.append("r", "one", many)
        const [found] = yield* other.lookup("r", ["large"])
        assert.isTrue(found.outcome === large.outcome)
        assert.lengthOf(yield* other.lookup("r", many.map(({ key }) => key)), 1000)
        assert.deepStrictEqual((yield* other.list("r", 0, 2000)).map(({ key }) => key), [
          "large",
          ...many.map(({ key }) => key)
        ])
      }).pipe(Effect.scoped))

    it.live("removes a run in parts", () =>
      Effect.gen(function*() {
        const [store] = yield* opened
        for (const run of ["r", "s"]) {
          yield* store.acquire(run, "one", undefined)
          yield* store.append(run, "one", Array.from({ length: 4 }, (_, i) => row(`k${i}`)))
        }
        const left = Effect.map(store.runs, (runs) => runs.map(({ run, succeeded }) => [run, succeeded]))
        assert.strictEqual(yield* store.removeRun("r", "one", 2), 2)
        assert.deepStrictEqual(yield* left, [["r", 2], ["s", 4]])
        assert.strictEqual(yield* store.removeRun("r", "one", 2), 2)
        assert.strictEqual(yield* store.removeRun("r", "one", 2), 0)
        assert.deepStrictEqual(yield* left, [["s", 4]])
      }).pipe(Effect.scoped))

    it.live("gives each stored row a place after all before it, which no later row gets", () =>
      Effect.gen(function*() {
        const [store] = yield* opened
        const places: Array<number> = []
        for (let round = 0; round < 3; round++) {
          for (const run of ["r", "s"]) {
            yield* store.acquire(run, "one", undefined)
            yield* store.append(run, "one", [row("k", { state: "failed" }), row("l", { state: "claimed" })])
            places.push(...(yield* store.list(run, 0, 10)).map(({ id }) => id))
            if (round === 1) yield* store.removeFailures(run, "one", undefined)
          }
        }
        assert.deepStrictEqual(places, places.toSorted((a, b) => a - b))
        assert.lengthOf(new Set(places), 12)
      }).pipe(Effect.scoped))

    it.live("stores the rows of one owner only, while another takes the run over", () =>
      Effect.gen(function*() {
        const [store, other] = yield* opened
        for (let round = 0; round < 10; round++) {
          const run = `r${round}`
          yield* store.acquire(run, "one", undefined)
          let stored = 0
          const appending = Effect.gen(function*() {
            while (yield* store.append(run, "one", [row(`k${stored}`)])) stored++
          })
          const taking = Effect.gen(function*() {
            for (let turn = 0; turn < round; turn++) yield* Effect.yieldNow
            yield* other.acquire(run, "two", "one")
            return (yield* other.list(run, 0, 1000)).length
          })
          const [, seen] = yield* Effect.all([appending, taking], { concurrency: 2 })
          assert.strictEqual(seen, stored)
        }
      }).pipe(Effect.scoped))

    it.live("ends a wait for a change of a run", () =>
      Effect.gen(function*() {
        const [store, other] = yield* opened
        if (store.watch === undefined) return
        yield* other.acquire("r", "one", undefined)
        const wait = yield* store.watch("r")
        for (let i = 0; i < 3; i++) {
          const waiting = yield* Effect.forkChild(wait)
          // It may not hear the first ones.
          const appending = Effect.forever(
            Effect.andThen(other.append("r", "one", [row(`k${i}`, { state: "failed" })]), Effect.sleep(20))
          )
          yield* Effect.raceFirst(Fiber.join(waiting), appending)
        }
      }).pipe(Effect.scoped))
  })
}

/** The state of a store, in the form of the model. */
const contentOf = Effect.fnUntraced(function*(store: Durable.Store) {
  const content: Array<unknown> = []
  const expired = yield* store.expired
  for (const { claimed, endedAt, expiresAt, failed, owner, run, succeeded } of yield* store.runs) {
    const rows = (yield* store.list(run, 0, 1000)).map(({ id: _, ...row }) => row)
    const found = yield* store.lookup(run, ["k", "l.1", "no such key"])
    content.push({
      run,
      owner: owner ?? undefined,
      ended: endedAt !== null,
      expires: expiresAt !== null,
      expired: expired.includes(run),
      counts: [claimed, succeeded, failed],
      rows,
      found: found.map(({ key, outcome, state }) => [key, state, outcome]).sort()
    })
  }
  return content
})
