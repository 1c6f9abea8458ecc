import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as MemoryStore from "../../../src/internal/durable/memoryStore.ts"
import type { Row, Store } from "../../../src/internal/durable/store.ts"
import { sqlite, stores } from "../../support/durable/stores.ts"

const names = Schema.Literals(["a", "it's \"b\"\u001b[31m"])
const owners = Schema.Literals(["one", "two"])
const keys = Schema.Literals(["k", "l", "l.1"])
/** Text that databases and JSON have trouble with. */
const texts = Schema.Literals(["1", "-0", "null", "\"\\u0000\"", "{\"__proto__\":[1e400]}", "\"\\ud800 ' é\""])

const rows = Schema.Array(
  Schema.Struct({ key: keys, state: Schema.Literals(["claimed", "succeeded", "failed"]), outcome: texts })
)

const Step = Schema.Union([
  Schema.Struct({ do: Schema.tag("acquire"), run: names, owner: owners, instead: Schema.UndefinedOr(owners) }),
  Schema.Struct({ do: Schema.tag("renew"), run: names, owner: owners }),
  Schema.Struct({ do: Schema.tag("release"), run: names, owner: owners, ended: Schema.Boolean }),
  Schema.Struct({ do: Schema.tag("append"), run: names, owner: owners, rows }),
  Schema.Struct({ do: Schema.tag("removeFailures"), run: names, name: Schema.UndefinedOr(Schema.Literal("T")) }),
  Schema.Struct({ do: Schema.tag("removeRun"), run: names })
])
const steps = Schema.Array(Step).check(Schema.isMaxLength(30))

type Rows = Map<string, Omit<Row, "key">>

/** Runs by their promises: who owns each, whether it has ended, and its rows in the order in which they were stored. */
class Model {
  readonly runs = new Map<string, { owner: string | undefined; ended: boolean; rows: Rows }>()

  apply(step: typeof Step.Type): unknown {
    const run = this.runs.get(step.run)
    switch (step.do) {
      case "acquire": {
        if (run === undefined) {
          this.runs.set(step.run, { owner: step.owner, ended: false, rows: new Map() })
          return "empty"
        }
        if (run.owner !== undefined && run.owner !== step.owner && run.owner !== step.instead) return run.owner
        run.owner = step.owner
        run.ended = false
        return run.rows.size === 0 ? "empty" : "has rows"
      }
      case "renew":
        return run?.owner === step.owner
      case "release":
        if (run?.owner === step.owner) {
          run.owner = undefined
          run.ended = step.ended
        }
        return undefined
      case "append": {
        if (run?.owner !== step.owner) return false
        for (const row of distinct(step.rows)) {
          if (run.rows.get(row.key)?.state === "succeeded") continue
          run.rows.delete(row.key)
          run.rows.set(row.key, row)
        }
        return true
      }
      case "removeFailures": {
        const gone = Array.from(run?.rows ?? []).filter(([, { state }]) => state !== "succeeded")
        for (const [key] of gone) run!.rows.delete(key)
        return gone.length
      }
      case "removeRun":
        this.runs.delete(step.run)
        return run?.rows.size ?? 0
    }
  }
}

const distinct = (rows: ReadonlyArray<Pick<Row, "key" | "state" | "outcome">>): ReadonlyArray<Row> =>
  Array.from(new Map(rows.map((row) => [row.key, { ...row, name: "T", payload: row.outcome, reason: null }])).values())

const apply = (store: Store, step: typeof Step.Type): Effect.Effect<unknown, unknown> => {
  switch (step.do) {
    case "acquire":
      return Effect.map(
        store.acquire(step.run, step.owner, step.instead),
        (taken) => !taken.acquired ? taken.owner : taken.empty ? "empty" : "has rows"
      )
    case "renew":
      return store.renew(step.run, step.owner)
    case "release":
      return store.release(step.run, step.owner, step.ended)
    case "append":
      return store.append(step.run, step.owner, distinct(step.rows))
    case "removeFailures":
      return store.removeFailures(step.run, step.name)
    case "removeRun":
      return store.removeRun(step.run)
  }
}

describe("A store of durable runs", () => {
  for (const [name, make] of Object.entries(stores)) {
    it.effect.prop(
      `does what its operations promise, repeated or not (${name})`,
      { steps, twice: Schema.Boolean },
      ({ steps, twice }) =>
        Effect.gen(function*() {
          const store = yield* make
          const model = new Model()
          for (const step of steps) {
            assert.deepStrictEqual(yield* apply(store, step), model.apply(step), step.do)
            if (twice) {
              assert.deepStrictEqual(yield* apply(store, step), model.apply(step), `${step.do}, repeated`)
            }
          }
          const count = (rows: Rows, state: string) =>
            Array.from(rows.values()).filter((row) => row.state === state).length
          assert.deepStrictEqual(
            (yield* store.runs).map(({ claimed, endedAt, failed, owner, run, succeeded }) => ({
              run,
              owner: owner ?? undefined,
              ended: endedAt !== null,
              counts: [claimed, succeeded, failed]
            })),
            Array.from(model.runs, ([run, { ended, owner, rows }]) => ({
              run,
              owner,
              ended,
              counts: ["claimed", "succeeded", "failed"].map((state) => count(rows, state))
            })).sort((a, b) => a.run < b.run ? -1 : 1)
          )
          for (const [run, { rows }] of model.runs) {
            const expected = Array.from(rows.values())
            const listed = yield* store.list(run, 0, 100)
            assert.deepStrictEqual(listed.map(({ id: _, ...row }) => row), expected as ReadonlyArray<unknown>)
            const found = yield* store.lookup(run, ["l.1", "k", "no such key"])
            assert.sameDeepMembers(
              found.map(({ key, outcome, state }) => ({ key, outcome, state })),
              Array.from(rows).filter(([key]) => key !== "l").map(([key, { outcome, state }]) => ({
                key,
                outcome,
                state
              }))
            )
            if (listed.length > 0) assert.deepStrictEqual(yield* store.list(run, listed[0].id, 1), listed.slice(1, 2))
          }
        }).pipe(Effect.scoped),
      { arbitrary: { runs: name === "memory" ? 200 : 60 } }
    )
  }

  it.effect("frees a run whose owner was silent for 8 seconds, and not before (memory)", () =>
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

  it.effect("never gives an id twice, so that a reader can go on after the last one (sqlite)", () =>
    Effect.gen(function*() {
      const store = yield* sqlite
      yield* store.acquire("r", "one", undefined)
      const row: Row = { key: "k", name: "T", state: "failed", payload: null, outcome: "1", reason: "Defect" }
      yield* store.append("r", "one", [row])
      const [first] = yield* store.list("r", 0, 1)
      yield* store.removeFailures("r", undefined)
      yield* store.append("r", "one", [row])
      assert.lengthOf(yield* store.list("r", first.id, 10), 1)
    }))
})
