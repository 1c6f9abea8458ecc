import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { spawnSync } from "node:child_process"
import { hostname } from "node:os"
import { dirname } from "node:path"
import { isDeepStrictEqual } from "node:util"
import * as Dispatcher from "papyros/Dispatcher"
import * as Durable from "papyros/Durable"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as MemoryStore from "../src/internal/durable/memoryStore.ts"
import { processSpace } from "../src/internal/durable/ownership.ts"
import * as SqliteClient from "../src/internal/durable/sqliteClient.ts"
import { layers, temporaryFile } from "./support/durable/stores.ts"
import { settle } from "./support/time.ts"

/** Values that JSON, JavaScript or a database have trouble with. */
const Anything = {
  text: Schema.String,
  record: Schema.Record(Schema.String, Schema.Finite),
  bytes: Schema.Uint8Array,
  at: Schema.Date,
  big: Schema.BigInt
}

class Odd extends Schema.TaggedError<Odd>()("Odd", { n: Schema.Int, at: Schema.Date }) {}
/** Doubles even numbers, and fails for odd ones. */
class Double extends Task.Class<Double>()("Double", {
  payload: { n: Schema.Int, note: Schema.optionalKey(Schema.Uint8Array) },
  success: Schema.Struct({ n: Schema.Int, big: Schema.BigInt, at: Schema.Date }),
  error: Odd
}) {}
/** A task that must not start twice. */
class Charge extends Task.Class<Charge>()("Charge", {
  payload: { n: Schema.Int },
  success: Schema.Int,
  error: Schema.String,
  idempotent: false
}) {}
/** Never ends by itself. */
class Hold extends Task.Class<Hold>()("Hold", { payload: { n: Schema.Int }, idempotent: false }) {}
class Flaky extends Task.Class<Flaky>()("Flaky", { payload: {}, success: Schema.Int, error: Schema.String }) {}
/** Its result has no JSON form. */
class Loop extends Task.Class<Loop>()("Loop", { success: Schema.Unknown }) {}
class Handle {}
class NoForm extends Task.Class<NoForm>()("NoForm", {
  payload: { handle: Schema.optionalKey(Schema.instanceOf(Handle)) }
}) {}

/** Gives its payload back. */
class Echo extends Task.Class<Echo>()("Echo", { payload: Anything, success: Schema.Struct(Anything) }) {}
class Text extends Task.Class<Text>()("Text", { payload: { megabytes: Schema.Int }, success: Schema.String }) {}

const Tasks = TaskGroup.make(Double, Charge, Hold, Flaky, Loop, NoForm, Echo, Text)

const at = new Date(0)
const doubled = (n: number) => ({ n: 2 * n, big: 2n * BigInt(n), at })

/** A dispatcher that records the tasks that start. */
const recorded = (options: { readonly concurrency?: number; readonly fails?: (n: number) => boolean } = {}) => {
  const starts: Array<number> = []
  const fails = options.fails ?? ((n) => n % 2 !== 0)
  const handlers = Tasks.toLayer({
    Double: ({ n }) =>
      Effect.andThen(
        Effect.sync(() => starts.push(n)),
        Effect.andThen(Effect.yieldNow, fails(n) ? Effect.fail(new Odd({ n, at })) : Effect.succeed(doubled(n)))
      ),
    Charge: ({ n }) =>
      Effect.suspend(() => {
        starts.push(n)
        return fails(n) ? n < 0 ? Effect.die(new Error("broke")) : Effect.fail("refused") : Effect.succeed(n)
      }),
    Hold: ({ n }) => Effect.andThen(Effect.sync(() => starts.push(n)), Effect.never),
    Flaky: () =>
      Effect.flatMap(Task.CurrentAttempt, (attempt) => {
        starts.push(attempt)
        return attempt < 3 ? Effect.fail(`attempt ${attempt}`) : Effect.succeed(attempt)
      }),
    Loop: () => Effect.succeed(1n),
    Echo: ({ at, big, bytes, record, text }) => Effect.succeed({ at, big, bytes, record, text }),
    Text: ({ megabytes }) => Effect.succeed("x".repeat(megabytes * 2 ** 20)),
    NoForm: () => Effect.void
  })
  const { concurrency = 4 } = options
  return { starts, layer: FiberDispatcher.layer(Tasks, { concurrency }).pipe(Layer.provide(handlers)) }
}

const evens = (...numbers: ReadonlyArray<number>) => numbers.map((n) => new Double({ n }))

const all = { fails: () => false }

/** A store in memory, to look into and to change what it does. */
const memory = (change: (store: Durable.Store) => Partial<Durable.Store> = () => ({})) => {
  const store = MemoryStore.make()
  return { store, layer: Durable.layerStore(Effect.succeed({ ...store, ...change(store) })) }
}

const tally = (values: Iterable<unknown>) => {
  const counts = new Map<unknown, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

for (const [name, store] of Object.entries(layers)) {
  describe(`A durable run, kept in ${name}`, () => {
    it.effect("knows 4,000 tasks again, of which it runs only those that were changed or added", () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded(all)
        const numbers = Array.from({ length: 4000 }, (_, i) => i % 2800)
        yield* Effect.gen(function*() {
          const first = yield* Stream.runCollect(Durable.execute(evens(...numbers), { run: "r" }))
          assert.strictEqual(starts.length, 4000)
          starts.length = 0
          const changed = [7001, ...numbers.toReversed().filter((n) => n !== 13), 7002]
          const second = yield* Stream.runCollect(Durable.execute(evens(...changed), { run: "r" }))
          assert.sameMembers(starts, [7001, 7002])
          const expected = (numbers: ReadonlyArray<number>) => tally(numbers.map((n) => 2 * n))
          assert.deepStrictEqual(tally(first.map(({ n }) => n)), expected(numbers))
          assert.deepStrictEqual(tally(second.map(({ n }) => n)), expected(changed))
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("gives back any value as it was, and knows it again", () =>
      Effect.gen(function*() {
        const { layer } = recorded()
        const values = [
          "",
          "a\0b",
          "\ud800",
          "\udfff\ud800",
          "\u2028\ufeff\u{1f600}",
          "' \" \\ $1 ?",
          "é".repeat(2 ** 17)
        ]
          .map((text) => ({
            text,
            record: Object.fromEntries([["__proto__", -0], ["", 1e308], ["constructor", 5e-324], ["\0", 2 ** 53]]),
            bytes: new Uint8Array([0, 255, 128]),
            at: new Date(-1),
            big: -(2n ** 70n)
          }))
        const run = Stream.runCollect(
          Durable.execute(values.map((value) => new Echo(value)), { run: "it's \"r\" \u{1f600}", ordered: true })
        )
        yield* Effect.gen(function*() {
          for (let i = 0; i < 2; i++) {
            const results = yield* run
            assert.isTrue(isDeepStrictEqual(results, values), `program ${i}`)
            assert.strictEqual((yield* Durable.runs)[0].succeeded, values.length)
          }
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("runs failed tasks again, or delivers their failures as they were", () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded()
        const run = (rerun?: "none") =>
          Effect.map(
            Stream.runCollect(Durable.results(evens(1, 2, 3), { run: "r", rerun, ordered: true })),
            (results) => results.map(({ result }) => Result.isSuccess(result) ? result.success : result.failure)
          )
        yield* Effect.gen(function*() {
          const [first, two] = yield* run()
          assert.deepStrictEqual(two, doubled(2))
          assert.strictEqual(starts.length, 3)
          const [again] = yield* run("none")
          assert.strictEqual(starts.length, 3)
          assert.deepStrictEqual(again, first)
          assert.deepStrictEqual((again as any).reason.error, new Odd({ n: 1, at }))
          assert.deepStrictEqual((again as any).trace, (first as any).trace)
          yield* run()
          assert.sameMembers(starts, [1, 2, 3, 1, 3])
          const failed = yield* Effect.flip(Stream.runDrain(Durable.execute(evens(2, 3), { run: "r", rerun: "none" })))
          assert.strictEqual(failed._tag, "TaskFailure")
          assert.strictEqual(starts.length, 5)
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("can be looked at, retried and forgotten", () =>
      Effect.gen(function*() {
        const { layer } = recorded()
        yield* Effect.gen(function*() {
          yield* Stream.runDrain(Durable.results(evens(1, 2), { run: "r", ordered: true }))
          const [{ endedAt, openedAt: _, seenAt: __, ...status }] = yield* Durable.runs
          assert.deepStrictEqual(status, {
            run: "r",
            succeeded: 1,
            failed: 1,
            claimed: 0,
            expiresAt: undefined,
            activeBy: undefined
          })
          assert.isDefined(endedAt)
          const outcomes = yield* Stream.runCollect(Durable.outcomes(Tasks, "r"))
          assert.sameDeepMembers(
            outcomes.map(({ result }) => Result.isSuccess(result) ? result.success : result.failure.task),
            [doubled(2), new Double({ n: 1 })]
          )
          const rest = yield* Stream.runCollect(Durable.outcomes(Tasks, "r", { after: outcomes[0].cursor }))
          assert.deepStrictEqual(rest, outcomes.slice(1))
          assert.strictEqual(yield* Durable.retry("r", { name: "Charge" }), 0)
          assert.strictEqual(yield* Durable.retry("r"), 1)
          assert.strictEqual(yield* Durable.forget("r"), 1)
          assert.deepStrictEqual(yield* Durable.runs, [])
          assert.deepStrictEqual([yield* Durable.retry("r"), yield* Durable.forget("r")], [0, 0])
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("is kept as long as its program says after it has ended, and begins anew after that", () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded(all)
        const run = (run: string, keep?: Duration.Input) => Stream.runDrain(Durable.execute(evens(2, 4), { run, keep }))
        yield* Effect.gen(function*() {
          yield* run("always")
          yield* run("long", "1 hour")
          // What was not executed to its end is kept.
          yield* Stream.runDrain(Stream.take(Durable.execute(evens(2, 4), { run: "ended early", keep: 0 }), 1))
          assert.isAbove((yield* Durable.runs).find(({ run }) => run === "long")!.expiresAt!.epochMilliseconds, 0)
          yield* run("none", 0)
          const names = Effect.map(Durable.runs, (runs) => runs.map(({ run }) => run))
          assert.deepStrictEqual(yield* names, ["always", "ended early", "long"])
          assert.strictEqual(yield* Durable.forget("none"), 0)
          const { store } = yield* Durable.Durable
          assert.deepStrictEqual(yield* store.expired, ["none"])
          // It begins anew.
          starts.length = 0
          yield* run("none")
          yield* run("long")
          assert.sameMembers(starts, [2, 4])
          assert.strictEqual(yield* Durable.clean, 0)
          assert.deepStrictEqual(yield* names, ["always", "ended early", "long", "none"])
          // Any program removes it.
          yield* run("none", 0)
          assert.deepStrictEqual(yield* store.expired, ["none"])
          yield* run("long")
          while ((yield* store.expired).length > 0) yield* run("always")
          assert.lengthOf(yield* store.list("none", 0, 10), 0)
          yield* run("none", 0)
          assert.strictEqual(yield* Durable.clean, 1)
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("never starts a task twice that must not, and says that its outcome is unknown", () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded({ concurrency: 1 })
        const tasks = [new Hold({ n: 1 }), new Hold({ n: 2 }), new Hold({ n: 3 })]
        yield* Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Stream.runDrain(Durable.results(tasks, { run: "r" })))
          while (starts.length === 0) yield* settle
          yield* Fiber.interrupt(fiber)
          const again = yield* Effect.forkChild(
            Stream.runCollect(Stream.take(Durable.results(tasks, { run: "r", ordered: true }), 1))
          )
          const [{ result, task }] = yield* Fiber.join(again)
          assert.strictEqual(task.n, 1)
          assert.strictEqual(Result.isFailure(result) && result.failure.reason._tag, "WorkerLost")
          assert.deepStrictEqual(starts.filter((n) => n === 1), [1])
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("runs a task that must not start twice again only if its handler failed with its error", () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded()
        const tasks = [new Charge({ n: 1 }), new Charge({ n: 2 }), new Charge({ n: -1 })]
        const run = Effect.map(
          Stream.runCollect(Durable.results(tasks, { run: "r", ordered: true })),
          (results) => results.map(({ result }) => Result.isSuccess(result) ? "ok" : result.failure.reason._tag)
        )
        yield* Effect.gen(function*() {
          assert.deepStrictEqual(yield* run, ["Failed", "ok", "Defect"])
          assert.deepStrictEqual(yield* run, ["Failed", "ok", "Defect"])
          assert.sameMembers(starts, [1, 2, -1, 1])
          assert.strictEqual(yield* Durable.retry("r"), 2)
          yield* run
          assert.sameMembers(starts, [1, 2, -1, 1, 1, -1])
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))

    it.effect("of single tasks gives each outcome again, and lets them run at the same time", () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded()
        const run = (n: number, key?: string) => Durable.run(new Double({ n }), { run: "r", key })
        yield* Effect.gen(function*() {
          const first = yield* Effect.forEach([2, 4, 6], (n) => run(n), { concurrency: "unbounded" })
          assert.deepStrictEqual(first, [doubled(2), doubled(4), doubled(6)])
          assert.deepStrictEqual(yield* run(4), doubled(4))
          assert.sameMembers(starts, [2, 4, 6])
          assert.deepStrictEqual(yield* run(4, "once more"), doubled(4))
          assert.deepStrictEqual(yield* run(8, "once more"), doubled(4))
          assert.lengthOf(starts, 4)
          const failure = yield* Effect.flip(run(1))
          assert.strictEqual(failure._tag, "TaskFailure")
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }).pipe(Effect.scoped))
  })
}

describe("Durable.execute", () => {
  it.effect("stores one outcome of tasks that the user gives the same key, and a success before a failure", () =>
    Effect.gen(function*() {
      for (const store of Object.values(layers)) {
        const { layer } = recorded()
        const run = Stream.runCollect(Durable.results(evens(1, 2, 3, 2), { run: "r", key: () => "same" }))
        yield* Effect.gen(function*() {
          assert.lengthOf(yield* run, 4)
          const [{ failed, succeeded }] = yield* Durable.runs
          assert.deepStrictEqual([succeeded, failed], [1, 0])
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }
    }).pipe(Effect.scoped))

  it.effect("writes outcomes that are large together in several parts, and a larger one by itself", () =>
    Effect.gen(function*() {
      const writes: Array<ReadonlyArray<number>> = []
      const { layer: durable } = memory(({ append }) => ({
        append: (run, owner, rows) => {
          writes.push(rows.map(({ outcome }) => outcome!.length / 2 ** 20))
          return append(run, owner, rows)
        }
      }))
      const tasks = [3, 3, 3, 20, 1, 1].map((megabytes) => new Text({ megabytes }))
      const { layer } = recorded({ concurrency: 8 })
      const results = yield* Stream.runCollect(Durable.execute(tasks, { run: "r", ordered: true })).pipe(
        Effect.provide(Layer.merge(layer, durable))
      )
      assert.deepStrictEqual(results.map(({ length }) => length / 2 ** 20), [3, 3, 3, 20, 1, 1])
      for (const sizes of writes) {
        assert.isTrue(sizes.length === 1 || sizes.reduce((a, b) => a + b) <= 8.001, String(sizes))
      }
      assert.isAtLeast(writes.length, 4)
    }))

  it.effect("delivers an outcome only after it is stored", () =>
    Effect.gen(function*() {
      const { layer } = recorded(all)
      const gate = yield* Latch.make()
      const { layer: durable, store } = memory(({ append }) => ({
        append: (...args) => Effect.andThen(gate.await, append(...args))
      }))
      const seen: Array<number> = []
      const run = Durable.execute(evens(2, 4), { run: "r" }).pipe(
        Stream.runForEach(({ n }) =>
          Effect.map(store.list("r", 0, 10), (rows) => {
            assert.include(rows.map((row) => JSON.parse(row.outcome!).n), n)
            seen.push(n)
          })
        )
      )
      const fiber = yield* Effect.forkChild(Effect.provide(run, Layer.merge(layer, durable)))
      yield* settle
      assert.deepStrictEqual(seen, [])
      yield* gate.open
      yield* Fiber.join(fiber)
      assert.sameMembers(seen, [4, 8])
    }))

  it.effect("stores what has completed when it is interrupted, though its consumer has not seen it", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded(all)
      yield* Effect.gen(function*() {
        const slow = Durable.execute(evens(2, 4, 6), { run: "r" }).pipe(Stream.runForEach(() => Effect.never))
        const fiber = yield* Effect.forkChild(slow)
        yield* settle
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* Durable.runs)[0].succeeded, 3)
        yield* Stream.runDrain(Durable.execute(evens(2, 4, 6), { run: "r" }))
        assert.lengthOf(starts, 3)
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("stores the outcome of the last attempt, not those before it", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded()
      const { layer: durable, store } = memory()
      yield* Effect.gen(function*() {
        const tasks = [new Flaky({})]
        yield* Stream.runDrain(Durable.execute(tasks, { run: "r", retry: { times: 5 } }))
        assert.deepStrictEqual(starts, [1, 2, 3])
        assert.deepStrictEqual((yield* store.list("r", 0, 10)).map(({ id, state }) => [id, state]), [[1, "succeeded"]])
      }).pipe(Effect.provide(Layer.merge(layer, durable)))
    }))

  it.effect("goes on when the store is back, without an error and without a timeout, and says so in the log", () =>
    Effect.gen(function*() {
      const { layer } = recorded(all)
      const logs: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => logs.push(`${logLevel} ${String(message)}`))
      let away = true
      let silent = true
      const cause = new Error("the server restarts")
      const failed = new Durable.DurableError({
        reason: new Durable.StoreFailed({ operation: "write", retryable: true, cause })
      })
      const { layer: durable } = memory(({ append, lookup, renew }) => ({
        append: (...args) => Effect.suspend(() => away ? Effect.fail(failed) : append(...args)),
        renew: (...args) => Effect.suspend(() => silent ? Effect.fail(failed) : renew(...args)),
        lookup: (...args) => Effect.suspend(() => away ? Effect.fail(failed) : lookup(...args))
      }))
      const run = Stream.runCollect(Durable.execute(evens(2, 4), { run: "r", idleTimeout: "1 second" }))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(run)
        // The tasks have completed, before time passes.
        yield* settle
        for (let seconds = 0; seconds < 20; seconds++) yield* Effect.andThen(TestClock.adjust("1 second"), settle)
        assert.isUndefined(fiber.pollUnsafe())
        const warning =
          "Warn The store of the run \"r\" could not be written: the server restarts. Trying again until it succeeds."
        assert.deepStrictEqual(logs, [warning])
        silent = false
        yield* TestClock.adjust("6 seconds")
        assert.deepStrictEqual(logs, [warning, "Info The store of the run \"r\" answers again."])
        away = false
        yield* TestClock.adjust("6 seconds")
        assert.lengthOf(yield* Fiber.join(fiber), 2)
        // The same for lookups.
        away = true
        const again = yield* Effect.forkChild(run)
        yield* settle
        for (let seconds = 0; seconds < 20; seconds++) yield* Effect.andThen(TestClock.adjust("1 second"), settle)
        away = false
        yield* TestClock.adjust("6 seconds")
        assert.lengthOf(yield* Fiber.join(again), 2)
      }).pipe(Effect.provide(Layer.mergeAll(layer, durable, Logger.layer([logger]))))
    }))

  for (const [what, limit] of [["its disk is full", "max_page_count = 1"], ["it is read-only", "query_only = 1"]]) {
    it.live(`ends with an error if the store refuses to write, because ${what}, and loses nothing delivered`, () =>
      Effect.gen(function*() {
        const { layer, starts } = recorded(all)
        const sql = yield* SqliteClient.make({ filename: yield* temporaryFile, synchronous: "NORMAL" })
        const durable = Durable.layerSql().pipe(Layer.provide(Layer.succeed(SqlClient.SqlClient, sql)))
        const tasks = Stream.map(Stream.range(1, 5000), (n) => new Double({ n }))
        yield* Effect.gen(function*() {
          const seen: Array<number> = []
          const error = yield* Durable.execute(tasks, { run: "r" }).pipe(
            Stream.runForEach(({ n }) => {
              seen.push(n)
              return seen.length === 1 ? Effect.asVoid(sql.unsafe(`PRAGMA ${limit}`)) : Effect.void
            }),
            Effect.flip
          )
          assert.strictEqual(error._tag === "DurableError" && error.reason._tag, "StoreFailed")
          assert.match(error.message, /could not be written: .*(full|readonly).*run the program again/)
          yield* sql.unsafe("PRAGMA max_page_count = 1000000")
          yield* sql.unsafe("PRAGMA query_only = 0")
          starts.length = 0
          const results = yield* Stream.runCollect(Durable.execute(tasks, { run: "r" }))
          assert.lengthOf(results, 5000)
          const again = new Set(starts)
          assert.isTrue(seen.every((n) => !again.has(n / 2)))
          assert.isAtLeast(starts.length, 1)
        }).pipe(Effect.provide(Layer.merge(layer, durable)))
      }).pipe(Effect.scoped))
  }

  it.effect("reads few large outcomes together, and many small ones", () =>
    Effect.gen(function*() {
      const { layer } = recorded(all)
      const text = JSON.stringify("x".repeat(2 ** 21))
      const reads: Array<number> = []
      const enlarged = <A extends Durable.Row>(rows: ReadonlyArray<A>) => {
        reads.push(rows.length)
        return rows.map((row) => row.name === "Text" ? { ...row, outcome: text } : row)
      }
      const { layer: durable } = memory(({ list, lookup }) => ({
        lookup: (...args) => Effect.map(lookup(...args), enlarged),
        list: (...args) => Effect.map(list(...args), enlarged)
      }))
      const most = () => {
        const [most, rest] = [Math.max(...reads), Math.max(...reads.slice(1))]
        reads.length = 0
        return [most, rest]
      }
      yield* Effect.gen(function*() {
        const large = Array.from({ length: 64 }, () => new Text({ megabytes: 0 }))
        yield* Stream.runDrain(Durable.execute(large, { run: "large" }))
        const results = yield* Stream.runCollect(Durable.execute(large, { run: "large" }))
        assert.isTrue(results.every(({ length }) => length === 2 ** 21))
        assert.deepStrictEqual(most(), [16, 3])
        assert.lengthOf(yield* Stream.runCollect(Durable.outcomes(Tasks, "large")), 64)
        assert.deepStrictEqual(most(), [16, 3])
        const small = evens(...Array.from({ length: 1500 }, (_, n) => n))
        yield* Stream.runDrain(Durable.execute(small, { run: "small" }))
        yield* Stream.runDrain(Durable.execute(small, { run: "small" }))
        assert.deepStrictEqual(most(), [256, 256])
        yield* Stream.runDrain(Durable.outcomes(Tasks, "small"))
        assert.deepStrictEqual(most(), [512, 512])
      }).pipe(Effect.provide(Layer.merge(layer, durable)))
    }))

  it.effect("ends when an operation of the store has a defect", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded(all)
      const broken = Effect.die(new Error("broken"))
      const run = (tasks: ReadonlyArray<Double | Charge>) =>
        Effect.map(Effect.exit(Stream.runDrain(Durable.execute(tasks, { run: "r" }))), String)
      const { layer: unwritable } = memory(() => ({ append: () => broken }))
      const { layer: unreadable } = memory(() => ({ lookup: () => broken }))
      assert.match(
        yield* Effect.provide(run(evens(2)), Layer.merge(layer, unwritable)),
        /could not be written: broken/
      )
      assert.match(yield* Effect.provide(run([new Charge({ n: 2 })]), Layer.merge(layer, unwritable)), /Die.*broken/)
      assert.deepStrictEqual(starts, [2])
      yield* Effect.gen(function*() {
        yield* run(evens(2))
        assert.match(yield* run(evens(2)), /Die.*broken/)
      }).pipe(Effect.provide(Layer.merge(layer, unreadable)))
    }))

  it.effect("keeps without a limit what is to be kept for longer than there are dates", () =>
    Effect.gen(function*() {
      for (const store of Object.values(layers)) {
        const { layer } = recorded(all)
        yield* Effect.gen(function*() {
          yield* Stream.runDrain(Durable.execute(evens(2), { run: "r", keep: 1e300 }))
          const [{ activeBy, endedAt, expiresAt }] = yield* Durable.runs
          assert.deepStrictEqual([activeBy, expiresAt], [undefined, undefined])
          assert.isDefined(endedAt)
        }).pipe(Effect.provide(Layer.merge(layer, store)))
      }
    }).pipe(Effect.scoped))

  it.effect("tells keys of the user apart by all their characters, and refuses what is no string", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded(all)
      const run = (key: (task: Double) => string) =>
        Effect.exit(Stream.runDrain(Durable.execute(evens(2, 4, 6), { run: "r", key })))
      yield* Effect.gen(function*() {
        yield* run(({ n }) => String.fromCharCode(0xd800 + n).padStart(10_000, "x"))
        assert.strictEqual((yield* Durable.runs)[0].succeeded, 3)
        starts.length = 0
        assert.match(String(yield* run((task) => ({ task }) as never)), /Die.*the key of a task must be a string/)
        assert.deepStrictEqual(starts, [])
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("refuses a run that another execution has, and names it", () =>
    Effect.gen(function*() {
      const { layer } = recorded()
      yield* Effect.gen(function*() {
        const first = yield* Effect.forkChild(Stream.runDrain(Durable.results([new Hold({ n: 1 })], { run: "r" })))
        yield* settle
        const error = yield* Effect.flip(Stream.runDrain(Durable.execute(evens(2), { run: "r" })))
        assert.strictEqual(
          error.message,
          "The run \"r\" is in use by this program: wait until that has ended, or use another run."
        )
        assert.strictEqual((yield* Durable.runs)[0].activeBy, "this program")
        for (const change of [Durable.retry("r"), Durable.forget("r")]) {
          assert.strictEqual((yield* Effect.flip(change)).reason._tag, "RunBusy")
        }
        yield* Fiber.interrupt(first)
        yield* Stream.runDrain(Durable.execute(evens(2), { run: "r" }))
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("takes over the run of another host after 8 seconds of silence", () =>
    Effect.gen(function*() {
      const { layer } = recorded()
      const { layer: durable, store } = memory()
      yield* store.acquire("r", "elsewhere 1 0 x", undefined)
      const run = Stream.runDrain(Durable.execute(evens(2), { run: "r" }))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(run)
        yield* settle
        yield* TestClock.adjust("7900 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("600 millis")
        yield* Fiber.join(fiber)
        // One that gives signs of life keeps it.
        yield* store.acquire("r", "elsewhere 1 0 y", undefined)
        const refused = yield* Effect.forkChild(Effect.flip(run))
        yield* TestClock.adjust("3 seconds")
        yield* store.renew("r", "elsewhere 1 0 y")
        yield* TestClock.adjust("1 second")
        assert.match((yield* Fiber.join(refused)).message, /process 1 on elsewhere/)
      }).pipe(Effect.provide(Layer.merge(layer, durable)))
    }))

  it.effect("takes over at once the run of a process of this host that has ended, or had the same id", () =>
    Effect.gen(function*() {
      const { layer } = recorded()
      const { layer: durable, store } = memory()
      const ended = spawnSync(process.execPath, ["-e", ""]).pid
      for (const pid of [ended, process.pid]) {
        yield* store.acquire("r", `${hostname()} ${pid} 1 x ${processSpace()} use`, undefined)
        yield* Stream.runDrain(Durable.execute(evens(2), { run: "r" })).pipe(
          Effect.provide(Layer.merge(layer, durable))
        )
      }
    }))

  it.effect("stops when its run was taken over", () =>
    Effect.gen(function*() {
      const { layer } = recorded()
      const { layer: durable, store } = memory()
      yield* Effect.gen(function*() {
        const run = Stream.runDrain(Durable.results([new Hold({ n: 1 })], { run: "r" }))
        const fiber = yield* Effect.forkChild(Effect.flip(run))
        yield* settle
        const [{ owner }] = yield* store.runs
        yield* store.acquire("r", "elsewhere 1 0 x", owner!)
        yield* TestClock.adjust("2 seconds")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag === "DurableError" && error.reason._tag, "RunBusy")
        assert.strictEqual((yield* store.runs)[0].owner, "elsewhere 1 0 x")
      }).pipe(Effect.provide(Layer.merge(layer, durable)))
    }))

  it.effect("refuses a task whose schemas have no JSON form, by name, before it starts", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded(all)
      const seen: Array<unknown> = []
      const error = yield* Durable.execute([new Double({ n: 2 }), new NoForm({}), new Double({ n: 4 })], { run: "r" })
        .pipe(
          Stream.runForEach((value) => Effect.sync(() => seen.push(value))),
          Effect.flip,
          Effect.provide(Layer.merge(layer, memory().layer))
        )
      assert.match(error.message, /^Task NoForm cannot be in a durable run: the schema of its payload contains /)
      assert.deepStrictEqual(seen, [doubled(2)])
      assert.deepStrictEqual(starts, [2])
    }))

  it.effect("fails a task whose result has no JSON form", () =>
    Effect.gen(function*() {
      const { layer } = recorded()
      const [{ result }] = yield* Stream.runCollect(Durable.results([new Loop()], { run: "r" })).pipe(
        Effect.provide(Layer.merge(layer, memory().layer))
      )
      assert.strictEqual(Result.isFailure(result) && result.failure.reason._tag, "Undecodable")
    }))

  it.effect("refuses a payload that changes while it is looked up", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded(all)
      const note = new Uint8Array(1)
      const source = function*() {
        for (let n = 2; n < 10; n += 2) {
          note[0] = n
          yield new Double({ n, note })
        }
      }
      yield* Effect.gen(function*() {
        yield* Stream.runDrain(Durable.execute(source(), { run: "new" }))
        assert.sameMembers(starts, [2, 4, 6, 8])
        yield* Stream.runDrain(Durable.execute(evens(100), { run: "r" }))
        starts.length = 0
        const error = yield* Effect.flip(Stream.runDrain(Durable.execute(source(), { run: "r" })))
        assert.match(error.message, /^Task Double .*changed after it was pulled/)
        assert.deepStrictEqual(starts, [])
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("gives stored results while all slots are taken", () =>
    Effect.gen(function*() {
      const { layer } = recorded({ concurrency: 1, fails: () => false })
      yield* Effect.gen(function*() {
        yield* Stream.runDrain(Durable.execute(evens(2, 4), { run: "r" }))
        const blocked = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute([new Hold({ n: 1 })])))
        yield* settle
        assert.lengthOf(yield* Stream.runCollect(Durable.execute(evens(2, 4), { run: "r" })), 2)
        yield* Fiber.interrupt(blocked)
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("pulls stored tasks no further ahead of a slow consumer than its buffer and one lookup", () =>
    Effect.gen(function*() {
      const { layer } = recorded({ concurrency: 3, fails: () => false })
      const numbers = Array.from({ length: 2000 }, (_, n) => n)
      yield* Effect.gen(function*() {
        yield* Stream.runDrain(Durable.execute(evens(...numbers), { run: "r" }))
        let [pulled, taken, ahead] = [0, 0, 0]
        const source = function*() {
          for (const n of numbers) {
            pulled++
            yield new Double({ n })
          }
        }
        yield* Durable.execute(source(), { run: "r", bufferSize: 4 }).pipe(
          Stream.runForEachArray((array) =>
            Effect.map(Effect.yieldNow, () => {
              ahead = Math.max(ahead, pulled - taken)
              taken += array.length
            })
          )
        )
        assert.strictEqual(taken, 2000)
        // The buffer, the slots, the array of the consumer, and what is looked up together.
        assert.isAtMost(ahead, 4 + 3 + 2 + 256)
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("delivers the outcomes of all tasks before an error of the source, stored or not", () =>
    Effect.gen(function*() {
      const { layer } = recorded(all)
      const source = (...numbers: ReadonlyArray<number>) =>
        Stream.concat(Stream.fromIterable(evens(...numbers)), Stream.fail("unreadable"))
      yield* Effect.gen(function*() {
        for (const [numbers, last] of [[[2, 4], 4], [[2, 4, 6], 6]] as const) {
          const seen: Array<number> = []
          const error = yield* Durable.execute(source(...numbers), { run: "r", ordered: true }).pipe(
            Stream.runForEach(({ n }) => Effect.sync(() => seen.push(n / 2))),
            Effect.flip
          )
          assert.strictEqual(error, "unreadable")
          assert.strictEqual(seen.at(-1), last)
          assert.lengthOf(seen, numbers.length)
          assert.isUndefined((yield* Durable.runs)[0].endedAt)
        }
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("delivers what comes before something that is not a task, on a run that has outcomes", () =>
    Effect.gen(function*() {
      const { layer } = recorded(all)
      yield* Effect.gen(function*() {
        yield* Stream.runDrain(Durable.execute(evens(2), { run: "r" }))
        const seen: Array<unknown> = []
        const exit = yield* Durable.execute([...evens(2, 4), "six" as never, ...evens(8)], { run: "r" }).pipe(
          Stream.runForEach((value) => Effect.sync(() => seen.push(value))),
          Effect.exit
        )
        assert.match(String(exit), /something that is not a task: six/)
        assert.sameDeepMembers(seen, [doubled(2), doubled(4)])
      }).pipe(Effect.provide(Layer.merge(layer, memory().layer)))
    }))

  it.effect("refuses a name that no run can have", () =>
    Effect.gen(function*() {
      const { layer } = recorded()
      for (const run of ["", "x".repeat(201), "a\0b", "\ud800"]) {
        const exit = yield* Effect.exit(Stream.runDrain(Durable.execute(evens(2), { run }))).pipe(
          Effect.provide(Layer.merge(layer, memory().layer))
        )
        assert.match(String(exit), /run must be a name of 1 to 200 characters/)
      }
    }))
})

describe("Durable.layerSql", () => {
  it.effect("makes tables where they are missing, and says so where it must not", () =>
    Effect.gen(function*() {
      const sql = yield* SqliteClient.make({ filename: ":memory:", synchronous: "NORMAL" })
      const open = (options: Durable.SqlOptions) =>
        Layer.build(Durable.layerSql(options)).pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.scoped)
      const refused = yield* Effect.flip(open({ migrate: false }))
      assert.deepInclude(refused.reason, { _tag: "Incompatible", found: 0, wanted: 1 })
      yield* open({})
      yield* open({ migrate: false })
      yield* sql.unsafe("INSERT INTO papyros_migrations (migration_id, name) VALUES (2, 'later')")
      const later = yield* Effect.flip(open({}))
      assert.deepInclude(later.reason, { _tag: "Incompatible", found: 2, wanted: 1 })
      yield* open({ prefix: "other_" })
    }).pipe(Effect.scoped))

  it.effect("finds its tables by a prefix in other letters, as SQLite does", () =>
    Effect.gen(function*() {
      const sql = yield* SqliteClient.make({ filename: ":memory:", synchronous: "NORMAL" })
      const open = (options: Durable.SqlOptions) =>
        Layer.build(Durable.layerSql(options)).pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.scoped)
      yield* open({ prefix: "Jobs_" })
      yield* open({ prefix: "jobs_" })
      yield* open({ prefix: "JOBS_", migrate: false })
    }).pipe(Effect.scoped))

  // The clock stands: it does not try again.
  it.effect("fails at once if there can be no such file", () =>
    Effect.gen(function*() {
      const file = yield* temporaryFile
      for (const filename of [dirname(file), `${file}/none/runs.db`]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Durable.layerSqlite({ filename }))))
        assert.deepInclude(error.reason, { _tag: "StoreFailed", operation: "open", retryable: false })
      }
    }).pipe(Effect.scoped))

  it.effect("refuses to store within a transaction of the program, which may be rolled back", () =>
    Effect.gen(function*() {
      const { layer, starts } = recorded(all)
      const sql = yield* SqliteClient.make({ filename: ":memory:", synchronous: "NORMAL" })
      const durable = Durable.layerSql().pipe(Layer.provide(Layer.succeed(SqlClient.SqlClient, sql)))
      yield* Effect.gen(function*() {
        const execute = Stream.runDrain(Durable.execute(evens(2), { run: "r" }))
        const single = Durable.run(new Charge({ n: 2 }), { run: "r" })
        assert.match(String(yield* Effect.exit(sql.withTransaction(execute))), /within a transaction of the client/)
        assert.match(String(yield* Effect.exit(sql.withTransaction(single))), /within a transaction of the client/)
        assert.deepStrictEqual(starts, [])
        yield* single
        // The run is still there from the call before.
        const another = Durable.run(new Charge({ n: 4 }), { run: "r" })
        assert.match(String(yield* Effect.exit(sql.withTransaction(another))), /within a transaction of the client/)
        assert.deepStrictEqual(starts, [2])
        yield* execute
      }).pipe(Effect.provide(Layer.merge(layer, durable)))
    }).pipe(Effect.scoped))

  it.live("waits for a file that another program has locked", () =>
    Effect.gen(function*() {
      const filename = yield* temporaryFile
      const other = yield* SqliteClient.make({ filename, synchronous: "NORMAL" })
      const { layer } = recorded(all)
      const locked = yield* Latch.make()
      const free = yield* Latch.make()
      const lock = other.withTransaction(Effect.andThen(locked.open, free.await))
      const holder = yield* Effect.forkChild(lock)
      yield* locked.await
      const run = Stream.runCollect(Durable.execute(evens(2, 4), { run: "r" })).pipe(
        Effect.provide(Layer.merge(layer, Durable.layerSqlite({ filename })))
      )
      const fiber = yield* Effect.forkChild(run)
      // Turns in which it tries.
      yield* settle
      assert.isUndefined(fiber.pollUnsafe())
      yield* free.open
      yield* Fiber.join(holder)
      assert.lengthOf(yield* Fiber.join(fiber), 2)
    }).pipe(Effect.scoped))
})
