import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { existsSync } from "node:fs"
import { hostname } from "node:os"
import { DatabaseSync } from "node:sqlite"
import * as Durable from "papyros/Durable"
import { emptyDatabase, onPostgres, temporaryFile } from "../support/durable/stores.ts"
import { isAvailable } from "../support/postgres/binaries.ts"
import { passing, settle } from "../support/time.ts"
import { fixture, handlers, papyrosWith, parsed, spawned, start } from "./harness.ts"

const numbers = (...numbers: ReadonlyArray<number>) => numbers.map((n) => `{"n":${n}}\n`).join("")

const byIndex = (line: unknown) => Reflect.get(Object(line), "index")

/** The cells of a table, but for the time. */
const cells = (stdout: string) =>
  stdout.trimEnd().split("\n").slice(1).map((line) =>
    line.split(/ {2,}/).filter((cell) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(cell))
  )

/** Factorizes 4, and fails for -4, in the run `nightly`. */
const nightly = Effect.fnUntraced(function*() {
  const file = yield* temporaryFile
  const papyros = (...args: ReadonlyArray<string>) => papyrosWith([...args, "--database", file])
  const first = yield* papyrosWith(["run", handlers, "Factorize", "--durable", "nightly", "--database", file], {
    stdin: numbers(4, -4)
  })
  assert.strictEqual(first.code, 1)
  return { file, papyros }
})

describe("papyros run --durable", () => {
  it.effect("executes only the tasks that have no outcome, and writes the outcomes of all", () =>
    Effect.gen(function*() {
      const env = { PAPYROS_DATABASE: yield* temporaryFile }
      const run = (stdin: string) => papyrosWith(["run", handlers, "Wait", "--durable", "nightly"], { stdin, env })
      const first = yield* passing(run("{\"millis\":60000}\n{\"millis\":1000}\n"))
      assert.strictEqual(first.code, 0)
      // These tasks would take time, and none passes.
      const second = yield* run("{\"millis\":1000}\n{\"millis\":60000}\n{\"millis\":0}\n")
      assert.strictEqual(second.code, 0)
      assert.deepStrictEqual(
        parsed(second.stdout).sort((a, b) => byIndex(a) - byIndex(b)),
        [0, 1, 2].map((index) => ({ index, success: null }))
      )
      const other = yield* papyrosWith(["runs"], { env })
      assert.deepStrictEqual(cells(other.stdout), [["nightly", "3", "0", "0", "complete"]])
    }).pipe(Effect.scoped))

  it.live("goes on after Ctrl-C", () =>
    Effect.gen(function*() {
      const file = yield* temporaryFile
      const args = ["run", handlers, "Wait", "--durable", "nightly", "--database", file]
      const { child, ended, written } = start(args)
      child.stdin.write("{\"millis\":0}\n{\"millis\":1}\n{}\n")
      yield* Effect.callback<void>((resume) => {
        child.stdout.on("data", () => written.stdout.split("\n").length === 3 && resume(Effect.void))
      })
      child.kill("SIGINT")
      assert.strictEqual((yield* ended).code, 130)
      const { stdout } = yield* papyrosWith(["runs", "--database", file])
      assert.deepStrictEqual(cells(stdout), [["nightly", "2", "0", "0", "interrupted"]])
      const again = yield* papyrosWith([...args, "--ordered"], { stdin: "{\"millis\":0}\n{\"millis\":1}\n" })
      assert.deepStrictEqual(parsed(again.stdout), [{ index: 0, success: null }, { index: 1, success: null }])
    }).pipe(Effect.scoped))

  it.effect("says how many tasks were stored before", () =>
    Effect.gen(function*() {
      const { file } = yield* nightly()
      const again = yield* papyrosWith(["run", handlers, "Factorize", "--durable", "nightly", "--database", file], {
        stdin: numbers(4, -4, 6)
      })
      assert.match(again.stderr, /^Factorize: 3 tasks .*, 2 succeeded, 1 failed, 1 of them stored before\n$/m)
    }).pipe(Effect.scoped))

  it.effect("refuses a password on the command line and the URL of another database, and repeats neither", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.forEach(
        [
          [["--database", "postgres://me:hunter2@db/x"], {}, "set the variable PAPYROS_DATABASE"],
          [["--database", "postgresql://db/x?user=me&password=hunter2"], {}, "set the variable PAPYROS_DATABASE"],
          [["--database", "mysql://me:hunter2@db/x"], {}, "not of the form postgres://"],
          [[], { PAPYROS_DATABASE: "mysql://me:hunter2@db/x" }, "not of the form postgres://"],
          [[], { PAPYROS_DATABASE: "postgres://me:hunter2@db:x" }, "not of the form postgres://"]
        ] as const,
        ([args, env, expected]) =>
          Effect.forEach(
            [["run", handlers, "Factorize", "--durable", "x"], ["runs"], ["durable", "migrate"]],
            (command) =>
              Effect.map(
                papyrosWith([...command, ...args], { stdin: numbers(4), env }),
                ({ code, stderr, stdout }) => ({ code, output: stderr + stdout, expected })
              )
          )
      )
      for (const { code, expected, output } of refused.flat()) {
        assert.strictEqual(code, 2)
        assert.include(output, expected)
        assert.notInclude(output, "hunter2")
      }
    }))

  it.live.skipIf(!isAvailable)(
    "keeps outcomes in Postgres, whose URL no handler finds in the environment",
    () =>
      Effect.gen(function*() {
        const env = { PAPYROS_DATABASE: yield* emptyDatabase }
        const missing = yield* papyrosWith(["runs"], { env })
        assert.strictEqual(missing.code, 2)
        assert.include(missing.stderr, "There are no durable runs in this database")
        const run = ["run", fixture("secretHandlers.ts"), "Reveal", "--durable", "nightly", "--dispatcher", "pool"]
        const first = yield* spawned(run, "{}\n", env)
        assert.deepStrictEqual(parsed(first.stdout), [{ index: 0, success: [] }], first.stderr)
        const again = yield* papyrosWith(["run", handlers, "Factorize", "--durable", "other"], {
          stdin: numbers(4, -4),
          env
        })
        assert.strictEqual(again.code, 1)
        assert.deepStrictEqual(cells((yield* papyrosWith(["runs"], { env })).stdout), [
          ["nightly", "1", "0", "0", "complete"],
          ["other", "1", "1", "0", "complete"]
        ])
        assert.include((yield* papyrosWith(["runs", "failures", "other"], { env })).stdout, "NotPositive")
        assert.include((yield* papyrosWith(["runs", "retry", "other"], { env })).stderr, "1 task failed")
      }).pipe(Effect.scoped)
  )

  it.effect("says that another program has the run, and ends with 2", () =>
    Effect.gen(function*() {
      const { file, papyros } = yield* nightly()
      const { store } = yield* Durable.Durable.pipe(
        Effect.provide(yield* Layer.build(Durable.layerSqlite({ filename: file })))
      )
      yield* store.acquire("nightly", `${hostname()} ${process.ppid} 1 x`, undefined)
      const fiber = yield* Effect.forkChild(
        papyrosWith(["run", handlers, "Factorize", "--durable", "nightly", "--database", file], { stdin: numbers(4) })
      )
      // The other one gives a sign of life while this one looks.
      while (fiber.pollUnsafe() === undefined) {
        yield* settle
        yield* store.renew("nightly", `${hostname()} ${process.ppid} 1 x`)
        yield* TestClock.adjust("500 millis")
      }
      const { code, stderr } = yield* Fiber.join(fiber)
      assert.strictEqual(code, 2)
      assert.include(stderr, `The run "nightly" is in use by process ${process.ppid} on`)
      assert.include((yield* papyros("runs")).stdout, `run by process ${process.ppid} on`)
    }).pipe(Effect.scoped))
})

describe("papyros runs", () => {
  it.effect("shows runs, and the failures of one as they are stored", () =>
    Effect.gen(function*() {
      const { papyros } = yield* nightly()
      assert.deepStrictEqual(cells((yield* papyros("runs")).stdout), [["nightly", "1", "1", "0", "complete"]])
      const { code, stdout } = yield* papyros("runs", "failures", "nightly")
      const [{ failure: { trace, ...failure }, ...line }] = parsed(stdout) as ReadonlyArray<any>
      assert.strictEqual(code, 0)
      assert.isString(trace)
      assert.deepStrictEqual(line, { task: "Factorize", reason: "Failed", payload: { _tag: "Factorize", n: -4 } })
      const error = { _tag: "NotPositive", n: -4, since: "1970-01-01T00:00:00.000Z" }
      assert.deepStrictEqual(failure, { attempt: 1, worker: "local", error })
    }).pipe(Effect.scoped))

  it.effect("removes failures, and old runs", () =>
    Effect.gen(function*() {
      const { papyros } = yield* nightly()
      assert.include((yield* papyros("runs", "retry", "nightly", "--task", "Wait")).stderr, "has no failures")
      assert.include(
        (yield* papyros("runs", "retry", "nightly")).stderr,
        "nightly: 1 task failed, and is executed again"
      )
      assert.strictEqual((yield* papyros("runs", "failures", "nightly")).stdout, "")
      // The clock of the test stands at 1970, before the run was used.
      assert.include((yield* papyros("runs", "clean", "--older-than", "1d")).stderr, "0 runs were removed")
      assert.deepStrictEqual(cells((yield* papyros("runs")).stdout), [["nightly", "1", "0", "0", "interrupted"]])
    }).pipe(Effect.scoped))

  it.live("removes runs that were not used for so long", () =>
    Effect.gen(function*() {
      const { papyros } = yield* nightly()
      assert.include((yield* papyros("runs", "clean", "--older-than", "1d")).stderr, "0 runs were removed")
      assert.include((yield* papyros("runs", "clean", "--older-than", "0ms")).stderr, "1 run was removed")
      assert.strictEqual((yield* papyros("runs")).stdout, "There is no run.\n")
      const { code, stderr } = yield* papyros("runs", "clean")
      assert.strictEqual(code, 2)
      assert.include(stderr, "--older-than")
    }).pipe(Effect.scoped))

  it.effect("says which run or file is missing, and makes none", () =>
    Effect.gen(function*() {
      const { file, papyros } = yield* nightly()
      for (const command of ["failures", "retry"]) {
        const { code, stderr } = yield* papyros("runs", command, "nigthly")
        assert.strictEqual(code, 2)
        assert.include(stderr, "There is no run nigthly. Did you mean nightly?")
      }
      for (let i = 0; i < 2; i++) {
        const { code, stderr } = yield* papyrosWith(["runs", "--database", `${file}.other`])
        assert.strictEqual(code, 2)
        assert.include(stderr, "There is no file")
      }
    }).pipe(Effect.scoped))

  it.effect("prints names without control characters", () =>
    Effect.gen(function*() {
      const file = yield* temporaryFile
      const name = "a\u001b[31m\u009b\nb"
      yield* papyrosWith(["run", handlers, "Factorize", "--durable", name, "--database", file], { stdin: numbers(4) })
      const { stdout } = yield* papyrosWith(["runs", "--database", file])
      assert.include(stdout, "a\\u001b[31m\\u009b\\u000ab")
      for (const control of ["\u001b", "\u009b"]) assert.notInclude(stdout, control)
    }).pipe(Effect.scoped))
})

describe("papyros durable migrate", () => {
  it.effect("makes the tables, as the SQL does that it prints", () =>
    Effect.gen(function*() {
      const schemaOf = (file: string) => {
        const database = new DatabaseSync(file)
        const rows = database.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all()
        database.close()
        return rows
      }
      const [file, other] = [yield* temporaryFile, yield* temporaryFile]
      assert.strictEqual((yield* papyrosWith(["durable", "migrate", "--database", file])).code, 0)
      const { stdout } = yield* papyrosWith(["durable", "migrate", "--print", "--database", other])
      assert.isFalse(existsSync(other))
      const database = new DatabaseSync(other)
      database.exec(stdout)
      database.close()
      assert.deepStrictEqual(schemaOf(other), schemaOf(file))
      assert.strictEqual((yield* papyrosWith(["runs", "--database", other])).stdout, "There is no run.\n")
    }).pipe(Effect.scoped))

  it.effect.skipIf(!isAvailable)("prints the SQL for Postgres, without connecting", () =>
    Effect.gen(function*() {
      const print = ["durable", "migrate", "--print", "--database", "postgres://nowhere.invalid/x"]
      const { stdout } = yield* papyrosWith(print)
      const env = { PAPYROS_DATABASE: yield* emptyDatabase }
      yield* Effect.forEach(
        stdout.split(";\n").slice(0, -1),
        (statement) => onPostgres(env.PAPYROS_DATABASE, statement)
      )
      assert.strictEqual((yield* papyrosWith(["runs"], { env })).stdout, "There is no run.\n")
      assert.include((yield* papyrosWith(["durable", "migrate"], { env })).stderr, "those of this version")
    }).pipe(Effect.scoped))
})
