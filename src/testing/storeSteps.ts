/** The operations on a store that its laws try, and how they are done on a store. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Durable from "../Durable.ts"

const runs = Schema.Literals(["a", "it's \"b\"\u001b[31m"])
const owners = Schema.Literals(["one", "two"])
const keys = Schema.Literals(["k", "l", "l.1"])
const texts = Schema.Literals(["1", "\"\\u0000\"", "\"\\ud800 ' é\""])

const Rows = Schema.Array(
  Schema.Struct({ key: keys, state: Schema.Literals(["claimed", "succeeded", "failed"]), outcome: texts })
).check(Schema.isMaxLength(4))

/** One operation. */
export const Step = Schema.Union([
  Schema.Struct({ do: Schema.tag("acquire"), run: runs, owner: owners, instead: Schema.UndefinedOr(owners) }),
  Schema.Struct({ do: Schema.tag("renew"), run: runs, owner: owners }),
  Schema.Struct({
    do: Schema.tag("release"),
    run: runs,
    owner: owners,
    /** Milliseconds: none, or more than a test takes. */
    end: Schema.UndefinedOr(Schema.Struct({ keep: Schema.UndefinedOr(Schema.Literals([0, 3_600_000])) }))
  }),
  Schema.Struct({ do: Schema.tag("append"), run: runs, owner: owners, rows: Rows }),
  Schema.Struct({
    do: Schema.tag("removeFailures"),
    run: runs,
    owner: owners,
    name: Schema.UndefinedOr(Schema.Literals(["T", "U"]))
  }),
  Schema.Struct({ do: Schema.tag("removeRun"), run: runs, owner: owners })
])

/** Rows with different keys. */
export const rowsOf = (rows: typeof Rows.Type): ReadonlyArray<Durable.Row> =>
  Array.from(new Map(rows.map((row) => [row.key, { ...row, name: "T", payload: row.outcome, reason: null }])).values())

/** The result of an operation. */
export type Result = string | number | boolean | void

/** Does one operation. */
export const runStep = (store: Durable.Store, step: typeof Step.Type): Effect.Effect<Result, Durable.DurableError> => {
  switch (step.do) {
    case "acquire":
      return Effect.map(
        store.acquire(step.run, step.owner, step.instead),
        (taken) =>
          !taken.acquired ? taken.owner : `${taken.empty ? "empty" : "with rows"}${taken.expired ? ", expired" : ""}`
      )
    case "renew":
      return store.renew(step.run, step.owner)
    case "release":
      return store.release(step.run, step.owner, step.end)
    case "append":
      return store.append(step.run, step.owner, rowsOf(step.rows))
    case "removeFailures":
      return store.removeFailures(step.run, step.owner, step.name)
    case "removeRun":
      return store.removeRun(step.run, step.owner, 100)
  }
}
