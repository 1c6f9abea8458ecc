import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { stripVTControlCharacters } from "node:util"
import { remedies } from "../../src/cli/remedies.ts"
import { passing, settle, turn } from "../support/time.ts"
import { primeFactors } from "./fixtures/primeFactors.ts"
import { fixture, handlers, papyrosWith, parsed, spawned, start } from "./harness.ts"

const ndjson = (payloads: Iterable<unknown>): string =>
  Array.from(payloads, (payload) => `${JSON.stringify(payload)}\n`).join("")

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const byIndex = (a: unknown, b: unknown): number =>
  Number(Reflect.get(Object(a), "index")) - Number(Reflect.get(Object(b), "index"))

/** The failures in lines of output, without their traces, which have paths and line numbers. */
const failures = (stdout: string): Array<unknown> =>
  parsed(stdout).map((line) => {
    const { trace, ...failure } = Reflect.get(Object(line), "failure")
    assert.isString(trace)
    return failure
  })

/** Where a count stands when it has begun and gone on no further. */
const standing = Effect.fnUntraced(function*(count: () => number) {
  while (count() === 0) yield* turn
  for (let last = 0; last !== count();) {
    last = count()
    yield* settle
  }
  return count()
})

describe("papyros run", () => {
  describe("outcomes", () => {
    it.effect("writes what running the handler directly gives, in order if asked", () =>
      Effect.gen(function*() {
        const numbers = Array.from({ length: 5000 }, (_, i) => 7 * i + 1)
        const expected = numbers.map((n, index) => ({ index, success: primeFactors(n) }))
        const stdin = ndjson(numbers.map((n) => ({ n })))
        for (const dispatcher of ["dummy", "fiber", "pool"]) {
          const run = (...flags: Array<string>) =>
            papyrosWith(["run", handlers, "Factorize", "--dispatcher", dispatcher, ...flags], { stdin })
          const ordered = yield* run("--ordered", "--chunk-size", "7")
          assert.deepStrictEqual(parsed(ordered.stdout), expected)
          assert.strictEqual(ordered.code, 0)
          const unordered = yield* run()
          assert.deepStrictEqual(parsed(unordered.stdout).sort(byIndex), expected)
          assert.strictEqual(unordered.code, 0)
        }
      }))

    it.effect("writes outcomes as they complete, or with --ordered in the order of the input", () =>
      Effect.gen(function*() {
        const indexes = (...flags: Array<string>) =>
          Effect.map(
            passing(papyrosWith(["run", handlers, "Wait", ...flags], {
              stdin: ndjson([{ millis: 3000 }, { millis: 1000 }, { millis: 2000 }])
            })),
            ({ stdout }) => parsed(stdout).map((line) => Reflect.get(Object(line), "index"))
          )
        assert.deepStrictEqual(yield* indexes(), [1, 2, 0])
        assert.deepStrictEqual(yield* indexes("--ordered"), [0, 1, 2])
      }))

    it.effect("ends stdout, which waits until all has been taken, before it says how the run went", () =>
      Effect.gen(function*() {
        for (const line of [`{"n":-1}`, `nonsense`]) {
          const { events } = yield* papyrosWith(["run", handlers, "Factorize"], { stdin: `{"n":6}\n${line}` })
          assert.deepStrictEqual(events.filter((event) => event === "end"), ["end"])
          assert.isAbove(events.indexOf("end"), events.lastIndexOf("stdout"))
          assert.isBelow(events.indexOf("end"), events.indexOf("stderr"))
        }
      }))

    it.effect("encodes payloads and successes by the schemas of the task", () =>
      Effect.gen(function*() {
        const { stdout } = yield* papyrosWith(["run", handlers, "Tomorrow"], {
          stdin: `{"at":"2020-02-28T12:00:00.000Z"}`
        })
        assert.deepStrictEqual(parsed(stdout), [{
          index: 0,
          success: { at: "2020-02-29T12:00:00.000Z", nanos: "1582891200000000000", bytes: "AQL/" }
        }])
        const nothing = yield* papyrosWith(["run", handlers, "Wait"], { stdin: `{"millis":0}` })
        assert.deepStrictEqual(parsed(nothing.stdout), [{ index: 0, success: null }])
      }))

    it.effect("writes failures with their reason and the encoded error, and ends with 1", () =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* papyrosWith(["run", handlers, "Factorize", "--ordered"], {
          stdin: ndjson([{ n: 4 }, { n: -4 }])
        })
        const [first, second] = stdout.split("\n")
        assert.deepStrictEqual(parsed(first!), [{ index: 0, success: [2, 2] }])
        assert.deepStrictEqual(failures(second!), [{
          reason: "Failed",
          message: "Task Factorize on local failed: NotPositive: {\"n\":-4,\"since\":1970-01-01T00:00:00.000Z}",
          attempt: 1,
          worker: "local",
          error: { _tag: "NotPositive", n: -4, since: "1970-01-01T00:00:00.000Z" }
        }])
        assert.strictEqual(code, 1)
        assert.include(stderr, "Factorize: 2 tasks in ")
        assert.include(stderr, "1 succeeded, 1 failed")
      }))

    it.effect("says of each task that breaks how it did, and goes on", () =>
      Effect.gen(function*() {
        for (const dispatcher of ["dummy", "fiber", "pool"]) {
          const { code, stdout } = yield* papyrosWith(
            ["run", handlers, "Break", "--ordered", "--dispatcher", dispatcher],
            { stdin: ndjson(["throw", "lie", "misfail", "interrupt"].map((how) => ({ how }))) }
          )
          assert.deepStrictEqual(
            failures(stdout).map((failure) => Reflect.get(Object(failure), "reason")),
            ["Defect", "Undecodable", "Undecodable", "Interrupted"]
          )
          assert.strictEqual(code, 1)
        }
      }))

    it.effect("tries a failed task again as often as --retries says", () =>
      Effect.gen(function*() {
        const stdin = ndjson([{ attempts: 3 }])
        const enough = yield* papyrosWith(["run", handlers, "Flaky", "--retries", "2"], { stdin })
        assert.deepStrictEqual(parsed(enough.stdout), [{ index: 0, success: 3 }])
        assert.strictEqual(enough.code, 0)
        const tooFew = yield* papyrosWith(["run", handlers, "Flaky", "--retries", "1"], { stdin })
        assert.deepStrictEqual(failures(tooFew.stdout), [{
          reason: "Failed",
          message: "Task Flaky on local (attempt 2) failed: attempt 2",
          attempt: 2,
          worker: "local",
          error: "attempt 2"
        }])
        assert.strictEqual(tooFew.code, 1)
      }))

    it.effect("ends a task after --task-timeout, and a run in which none completes after --idle-timeout", () =>
      Effect.gen(function*() {
        const run = (...flags: Array<string>) =>
          passing(papyrosWith(["run", handlers, "Wait", ...flags], { stdin: "{}" }))
        const task = yield* run("--task-timeout", "1.5m")
        assert.deepStrictEqual(failures(task.stdout), [{
          reason: "TimedOut",
          message: "Task Wait on local ran longer than its taskTimeout of 1m 30s",
          attempt: 1,
          worker: "local"
        }])
        assert.strictEqual(task.code, 1)
        const idle = yield* run("--idle-timeout", "30 seconds")
        assert.strictEqual(idle.stdout, "")
        assert.include(idle.stderr, "No task completed within 30s")
        assert.include(idle.stderr, "0 succeeded, 0 failed, 1 not finished")
        assert.strictEqual(idle.code, 1)
      }))

    it.effect("runs at most --concurrency tasks at once", () =>
      Effect.gen(function*() {
        const stdin = ndjson([{ millis: 1000 }, { millis: 1000 }, { millis: 1000 }])
        const { code, stderr } = yield* passing(
          papyrosWith(["run", handlers, "Wait", "--concurrency", "2"], { stdin })
        )
        assert.include(stderr, "3 tasks in 2.0 s")
        assert.strictEqual(code, 0)
      }))
  })

  describe("input", () => {
    const Line = Schema.Struct({
      text: Schema.String,
      tagged: Schema.Boolean,
      end: Schema.Literals(["\n", "\r\n", "\n\n", "\n \t\r\n"])
    })

    const lineOf = ({ tagged, text }: typeof Line.Type, id: number): string =>
      JSON.stringify(tagged ? { _tag: "Measure", id, text } : { text, id })

    const outcomeOf = ({ text }: typeof Line.Type, index: number) => ({
      index,
      success: { id: index, text, length: text.length }
    })

    /** Cuts bytes at places that need not be between lines, or between characters. */
    const cut = (all: Uint8Array, cuts: ReadonlyArray<number>): Stream.Stream<Uint8Array> => {
      const at = [0, ...cuts.map((n) => Math.abs(n) % (all.length + 1)).sort((a, b) => a - b), all.length]
      return Stream.fromIterable(at.slice(1).map((end, i) => all.subarray(at[i], end)), { chunkSize: 2 })
    }

    const measure = (stdin: Stream.Stream<Uint8Array>) =>
      papyrosWith(["run", handlers, "Measure", "--ordered"], { stdin })

    it.effect.prop(
      "reads payloads however bytes are cut, with or without their tag, past blank lines",
      { lines: Schema.Array(Line), cuts: Schema.Array(Schema.Int), bom: Schema.Boolean },
      ({ bom, cuts, lines }) =>
        Effect.gen(function*() {
          const text = lines.map((line, i) => lineOf(line, i) + line.end).join("")
          const { code, stdout } = yield* measure(cut(bytes((bom ? "\ufeff" : "") + text), cuts))
          assert.deepStrictEqual(parsed(stdout), lines.map(outcomeOf))
          assert.strictEqual(code, 0)
        }),
      { arbitrary: { runs: 100 } }
    )

    const bad: ReadonlyArray<readonly [Uint8Array, string]> = [
      [bytes("{\"id\":"), "the line is not JSON: "],
      [bytes("\ufeff{}"), "the line is not JSON: "],
      [bytes("\u001b[31m"), "the line is not JSON: "],
      [bytes("[{}]"), "the line is not the payload of a Measure: Expected object"],
      [bytes("{\"id\":1}"), "the line is not the payload of a Measure: Missing key at [\"text\"]"],
      [
        bytes("{\"id\":1,\"text\":\"\",\"_tag\":\"Other\"}"),
        "the line is not the payload of a Measure: Expected \"Measure\" at [\"_tag\"]"
      ],
      [Uint8Array.of(0x22, 0xc3, 0x28, 0x22), "the line is not UTF-8"]
    ]

    it.effect.prop(
      "stops at the first line that holds no payload, names it, and executes what came before",
      {
        before: Schema.Array(Line),
        bad: Schema.Literals([0, 1, 2, 3, 4, 5, 6]),
        after: Schema.Array(Line),
        cuts: Schema.Array(Schema.Int)
      },
      ({ after, bad: which, before, cuts }) =>
        Effect.gen(function*() {
          const head = `\n${before.map((line, i) => lineOf(line, i) + line.end).join("")}`
          const tail = `\n${after.map((line, i) => lineOf(line, i) + line.end).join("")}`
          const [line, why] = bad[which]!
          const { code, stderr, stdout } = yield* measure(
            cut(Buffer.concat([bytes(head), line, bytes(tail)]), cuts)
          )
          assert.deepStrictEqual(parsed(stdout), before.map(outcomeOf))
          assert.include(stderr, `stdin, line ${head.split("\n").length}: ${why}`)
          assert.notInclude(stderr, "\u001b", "what comes from outside must not reach the terminal as it is")
          assert.strictEqual(code, 2)
        }),
      { arbitrary: { runs: 100 } }
    )

    it.effect("takes a line of many megabytes, and refuses one of more than 64 MiB", () =>
      Effect.gen(function*() {
        const MiB = 1024 * 1024
        const text = (mebibytes: number) =>
          Stream.concat(
            Stream.make(bytes("{\"id\":0,\"text\":\"")),
            Stream.concat(
              Stream.fromIterable(Array.from({ length: mebibytes }, () => new Uint8Array(MiB).fill(0x78))),
              Stream.make(bytes("\"}\n"))
            )
          )
        let length = 0
        const large = yield* papyrosWith(["run", handlers, "Measure"], {
          stdin: text(20),
          stdout: Sink.forEach((text) => Effect.sync(() => length += text.length))
        })
        assert.strictEqual(large.code, 0)
        assert.isAbove(length, 20 * MiB)
        const tooLarge = yield* measure(Stream.concat(Stream.make(bytes("{\"id\":0,\"text\":\"\"}\n\n")), text(65)))
        assert.strictEqual(parsed(tooLarge.stdout).length, 1)
        assert.include(tooLarge.stderr, "stdin, line 3: the line is longer than 64 MiB")
        assert.strictEqual(tooLarge.code, 2)
      }))

    it.effect("is empty without a fault", () =>
      Effect.gen(function*() {
        for (const stdin of ["", "\n \n"]) {
          const { code, stderr, stdout } = yield* papyrosWith(["run", handlers, "Wait"], { stdin })
          assert.deepStrictEqual([code, stdout], [0, ""])
          assert.include(stderr, "Wait: 0 tasks in ")
        }
      }))

    it.effect("comes from the file that --input names", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const input = `${directory}/numbers.ndjson`
        yield* fs.writeFileString(input, ndjson([{ n: 6 }, { n: "six" }]))
        const { code, stderr, stdout } = yield* papyrosWith(["run", handlers, "Factorize", "--input", input])
        assert.deepStrictEqual(parsed(stdout), [{ index: 0, success: [2, 3] }])
        assert.include(stderr, `${input}, line 2: `)
        assert.strictEqual(code, 2)
        const missing = yield* papyrosWith(["run", handlers, "Factorize", "--input", `${directory}/none`])
        assert.include(missing.stderr, `Cannot read ${directory}/none: there is no such file.`)
        const folder = yield* papyrosWith(["run", handlers, "Factorize", "--input", directory])
        assert.include(folder.stderr, "it is a directory.")
        assert.deepStrictEqual([missing.code, folder.code], [2, 2])
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  })

  describe("backpressure", () => {
    /** Lines without end, and how many of them have been taken. */
    const endless = (line: string) => {
      const taken = { lines: 0 }
      const next = bytes(line)
      const stdin = Stream.fromIterable(
        (function*() {
          for (;;) {
            taken.lines++
            yield next
          }
        })(),
        { chunkSize: 1 }
      )
      return { stdin, taken }
    }

    it.effect("reads no further while nobody takes the results, and goes on when somebody does", () =>
      Effect.gen(function*() {
        const { stdin, taken } = endless(`{"n":12}\n`)
        const reader = yield* Latch.make(false)
        const running = yield* Effect.forkChild(papyrosWith(["run", handlers, "Factorize", "--concurrency", "4"], {
          stdin,
          stdout: Sink.forEach(() => reader.await)
        }))
        const read = yield* standing(() => taken.lines)
        // The credits of an execution: 1024 results, the running slots, and one array of the source.
        assert.isAtMost(read, 1024 + 4 + 1 + 1)
        assert.isAtLeast(read, 4)
        yield* reader.open
        while (taken.lines < 10 * read) {
          yield* turn
        }
        yield* Fiber.interrupt(running)
      }))

    it.effect("reads no more than fits into the memory, however long the lines", () =>
      Effect.gen(function*() {
        const MiB = 1024 * 1024
        const { stdin, taken } = endless(`{"millis":1000,"pad":"${"x".repeat(MiB)}"}\n`)
        const running = yield* Effect.forkChild(
          papyrosWith(["run", handlers, "Wait", "--concurrency", "200"], { stdin })
        )
        const read = yield* standing(() => taken.lines)
        assert.isAtMost(read, 66)
        assert.isAtLeast(read, 60)
        yield* TestClock.adjust("1 second")
        assert.isAbove(yield* standing(() => taken.lines), read)
        yield* Fiber.interrupt(running)
      }))
  })

  describe("arguments", () => {
    const refused = Effect.fnUntraced(function*(args: ReadonlyArray<string>, why: string) {
      const { code, stderr, stdout } = yield* papyrosWith(args)
      assert.include(stderr, why)
      assert.deepStrictEqual([code, stdout], [2, ""])
    })

    it.effect("are refused with what was expected, on stderr", () =>
      Effect.gen(function*() {
        const run = ["run", handlers, "Factorize"]
        yield* refused(["run", handlers], "Missing required argument: TASK")
        yield* refused(["walk"], "walk")
        yield* refused([...run, "--retrys", "2"], "--retries")
        yield* refused([...run, "--dispatcher", "cloud"], "\"cloud\". Expected: one of dummy, fiber, pool")
        for (const text of ["-1", "1.5", "many", ""]) {
          yield* refused([...run, `--retries=${text}`], "a whole number of at least 0")
        }
        yield* refused([...run, "--concurrency", "0"], "a whole number of at least 1")
        yield* refused([...run, "--chunk-size", "0"], "auto or a whole number of at least 1")
        for (const text of ["5", "soon", "5 parsecs", "-5s"]) {
          yield* refused([...run, `--task-timeout=${text}`], "a duration such as 500ms, 30s or 5m")
        }
      }))

    it.effect("name the tasks there are when there is no such task, and the one that was meant", () =>
      Effect.gen(function*() {
        yield* refused(
          ["run", handlers, "factorise"],
          "no task named factorise. Did you mean Factorize? Its tasks: Fac"
        )
        const { stderr } = yield* papyrosWith(["run", handlers, "Summarize"])
        assert.notInclude(stderr, "Did you mean")
        assert.include(stderr, "Its tasks: Factorize, Tomorrow, Flaky, Wait, Break, Chatter, Measure")
      }))

    it.effect("come from the environment where the command line leaves them out", () =>
      Effect.gen(function*() {
        const env = { PAPYROS_RETRIES: "2", PAPYROS_ORDERED: "true", PAPYROS_DISPATCHER: "dummy" }
        const stdin = ndjson([{ attempts: 3 }])
        const fromEnv = yield* papyrosWith(["run", handlers, "Flaky"], { stdin, env })
        assert.strictEqual(fromEnv.code, 0)
        const flagWins = yield* papyrosWith(["run", handlers, "Flaky", "--retries", "0"], { stdin, env })
        assert.strictEqual(flagWins.code, 1)
        for (
          const [variable, text] of Object.entries({
            PAPYROS_INPUT: "/no/such/file",
            PAPYROS_DISPATCHER: "cloud",
            PAPYROS_ORDERED: "perhaps",
            PAPYROS_TASK_TIMEOUT: "soon",
            PAPYROS_IDLE_TIMEOUT: "soon",
            PAPYROS_CHUNK_SIZE: "0",
            PAPYROS_RETRIES: "-1",
            PAPYROS_CONCURRENCY: "0"
          })
        ) {
          const { code, stderr } = yield* papyrosWith(["run", handlers, "Flaky"], { env: { [variable]: text } })
          assert.strictEqual(code, 2)
          assert.include(stderr, variable === "PAPYROS_INPUT" ? text : variable)
        }
      }))
  })

  describe("handlers modules", () => {
    const refusal = (module: string) =>
      Effect.map(papyrosWith(["run", module, "Wait"]), ({ code, stderr, stdout }) => {
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.include(stderr, `Cannot use ${module} as a handlers module: `)
        return stderr
      })

    it.effect("can be named by a path or by a file: URL", () =>
      Effect.gen(function*() {
        for (const module of [`${process.cwd()}/test/../test/cli/fixtures/handlers.ts`, `file://${handlers}`]) {
          const { code } = yield* papyrosWith(["run", module, "Wait"], { stdin: `{"millis":0}` })
          assert.strictEqual(code, 0)
        }
      }))

    it.effect("are refused where there is none, with what to do", () =>
      Effect.gen(function*() {
        assert.include(yield* refusal("no/such.ts"), `there is no file ${process.cwd()}/no/such.ts.`)
        assert.include(yield* refusal("file:///no/such.ts"), "there is no file /no/such.ts.")
        assert.include(yield* refusal("file://["), "it is not a valid URL.")
        assert.include(yield* refusal(fixture("broken")), "is a directory.")
        assert.include(yield* refusal(fixture("broken/throws.ts")), "could not be loaded.\nError: no database today")
        const instead = "Export the Layer of its handlers: export default Tasks.toLayer({ … })"
        assert.include(yield* refusal(fixture("broken/noDefault.ts")), `it has no default export. ${instead}`)
        assert.include(yield* refusal(fixture("broken/group.ts")), `is a group of tasks, not a Layer. ${instead}`)
        assert.include(yield* refusal(fixture("broken/noHandlers.ts")), "its Layer provides no handlers of tasks.")
      }))

    it.effect("are refused where their Layer fails, or needs what it does not provide", () =>
      Effect.gen(function*() {
        assert.include(yield* refusal(fixture("broken/failing.ts")), "could not be built.\nError: no connection")
        assert.include(yield* refusal(fixture("broken/needsService.ts")), "needs the service app/Database, which")
        assert.include(yield* refusal(fixture("broken/needsFiles.ts")), "needs the service effect/FileSystem, which")
      }))
  })

  describe("progress", () => {
    const ERASED = "\r\u001b[J\u001b[?25h"
    const watch = (options: { readonly columns: number; readonly args?: ReadonlyArray<string> }) =>
      passing(papyrosWith(["run", handlers, "Wait", "--concurrency", "1", ...options.args ?? []], {
        stdin: ndjson([{ millis: 3000 }, { millis: 3000 }]),
        terminal: { stdout: true, columns: options.columns }
      }))

    it.effect("is a line on a terminal that fits its width, and is erased before the summary", () =>
      Effect.gen(function*() {
        const wide = yield* watch({ columns: 200 })
        const [drawn, summary] = wide.stderr.split(ERASED)
        const lines = drawn.split("\u001b[?25l\u001b[?7l\r").slice(1).map(stripVTControlCharacters)
        assert.include(lines.map((line) => line.trim()), "Wait  1 · 0.3/s")
        assert.match(
          summary,
          /^Wait: 2 tasks in 6\.0 s \(0\.3\/s\), 2 succeeded, 0 failed\n1 slot: 100 % running tasks\. Main thread: \d+ % busy\.\n$/
        )
        assert.strictEqual(wide.stdout, `{"index":0,"success":null}\n{"index":1,"success":null}\n`)
        const narrow = yield* watch({ columns: 8 })
        const fitting = narrow.stderr.split(ERASED)[0].split("\r").slice(1).map(stripVTControlCharacters)
        assert.isAbove(fitting.length, 1)
        assert.isTrue(fitting.every((line) => line.trim().length < 8))
      }))

    it.effect("says at the end where the time of slots went, and what would save some of it", () =>
      Effect.gen(function*() {
        const millis = [...Array.from({ length: 40 }, () => 100), 5000]
        const args = ["run", handlers, "Wait", "--concurrency", "2"]
        const { stderr } = yield* passing(papyrosWith(args, { stdin: ndjson(millis.map((millis) => ({ millis }))) }))
        // Two slots for 7 s: 9 s of tasks, and one slot free for 5 s. With the long task first it would take 5 s.
        const shares = /^2 slots: 64 % running tasks, 36 % no tasks left.*$/m.exec(stderr)
        assert.isNotNull(shares, stderr)
        assert.match(
          stderr,
          /^Advice: At the end, slots had no task left .* of Wait, took [45]\.\d s\. Long tasks first/m
        )
        const short = yield* passing(papyrosWith(args, { stdin: ndjson([{ millis: 1500 }]) }))
        assert.notInclude(short.stderr, "slot")
        const quiet = yield* passing(papyrosWith([...args, "--quiet"], { stdin: ndjson([{ millis: 3000 }]) }))
        assert.strictEqual(quiet.stderr, "")
      }))

    it.effect("has the number of payloads in a file as its total, and is not written with --quiet", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/input.ndjson`
        yield* fs.writeFileString(file, `\n{"millis":3000}\r\n  \n{"millis":3000}\n\t\r\n\n{"millis":3000}`)
        const total = yield* watch({ columns: 200, args: ["--input", file] })
        assert.include(stripVTControlCharacters(total.stderr), "1 of 3")
        assert.notInclude(stripVTControlCharacters(total.stderr).split("\n")[0], "of 2")
        const quiet = yield* watch({ columns: 200, args: ["--input", file, "--quiet"] })
        assert.strictEqual(quiet.stderr, "")
        assert.lengthOf(parsed(quiet.stdout), 3)
      }).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))))
  })

  describe("the process", { timeout: 120_000 }, () => {
    it.live("reads stdin, writes results to stdout and nothing else, and exits with 0, 1 or 2", () =>
      Effect.gen(function*() {
        const all = yield* spawned(["run", handlers, "Chatter"], "{}\n{}\n")
        assert.deepStrictEqual(parsed(all.stdout), [{ index: 0, success: "quiet" }, { index: 1, success: "quiet" }])
        for (const by of ["loading", "by console", "'table'", "by Console", "by log"]) assert.include(all.stderr, by)
        assert.strictEqual(all.code, 0)
        const some = yield* spawned(["run", handlers, "Factorize"], ndjson([{ n: 8 }, { n: 0 }]), {
          PAPYROS_ORDERED: "1",
          PAPYROS_DISPATCHER: "dummy"
        })
        assert.deepStrictEqual(parsed(some.stdout)[0], { index: 0, success: [2, 2, 2] })
        assert.strictEqual(some.code, 1)
        const none = yield* spawned(["run", handlers, "Factorize"], `{"n":8}\nnonsense\n`)
        assert.deepStrictEqual(parsed(none.stdout), [{ index: 0, success: [2, 2, 2] }])
        assert.include(none.stderr, "stdin, line 2: the line is not JSON")
        assert.notInclude(none.stderr, "\u001b")
        assert.strictEqual(none.code, 2)
      }))

    it.live("writes all results before it exits, also when some have failed", () =>
      Effect.gen(function*() {
        const numbers = Array.from({ length: 50_000 }, (_, i) => i)
        const { code, stdout } = yield* spawned(
          ["run", handlers, "Factorize", "--ordered"],
          ndjson(numbers.map((n) => ({ n })))
        )
        const [failed, ...outcomes] = parsed(stdout)
        assert.strictEqual(Reflect.get(Object(failed), "index"), 0)
        assert.deepStrictEqual(
          outcomes,
          numbers.slice(1).map((n) => ({ index: n, success: primeFactors(n) }))
        )
        assert.strictEqual(code, 1)
      }))

    it.live("refuses a module that is not JavaScript, and unusable arguments, with 2", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const module = `${yield* fs.makeTempDirectoryScoped()}/syntax.mjs`
        yield* fs.writeFileString(module, "export default {")
        const syntax = yield* spawned(["run", module, "Wait"], "")
        assert.include(syntax.stderr, "could not be loaded.\nSyntaxError: ")
        assert.strictEqual(syntax.code, 2)
        const flags = yield* spawned(["run", handlers, "Wait", "--concurrency", "none"], "")
        assert.deepStrictEqual([flags.code, flags.stdout], [2, ""])
      }).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))))

    it.live("helps with examples, on stdout, and has the flags that its advice names", () =>
      Effect.gen(function*() {
        const { code, stdout } = yield* spawned(["run", "--help"], "")
        const named = JSON.stringify({ ...remedies, slots: remedies.slots(8) }).match(/--[a-z-]+/g)
        assert.strictEqual(named?.length, 6)
        for (const flag of named!) assert.match(stdout, new RegExp(`^ +${flag} `, "m"))
        assert.include(stdout, "papyros run ./handlers.ts Factorize --input numbers.ndjson")
        assert.include(stdout, "[PAPYROS_TASK_TIMEOUT]")
        assert.strictEqual(code, 0)
      }))

    it.live("ends quietly when the reader of its results goes away", () =>
      Effect.gen(function*() {
        const { child, ended, written } = start(["run", handlers, "Factorize"])
        const line = `{"n":12}\n`.repeat(1000)
        const feed = (): void => {
          while (child.stdin.writable && child.stdin.write(line)) {
            // Until its input is full; more follows when it has been read.
          }
        }
        child.stdin.on("drain", feed)
        feed()
        yield* Effect.promise(() => new Promise((resolve) => child.stdout.once("data", resolve)))
        child.stdout.destroy()
        const { code } = yield* ended
        assert.strictEqual(written.stderr, "loading\n")
        assert.strictEqual(code, 141)
      }))

    it.live("ends in good order when it is interrupted", () =>
      Effect.gen(function*() {
        const { child, ended } = start(["run", handlers, "Wait"])
        child.stdin.write(`{}\n{"millis":1}\n`)
        yield* Effect.promise(() => new Promise((resolve) => child.stdout.once("data", resolve)))
        child.kill("SIGINT")
        const { code, stderr, stdout } = yield* ended
        assert.deepStrictEqual(parsed(stdout), [{ index: 1, success: null }])
        assert.include(stderr, "released\n")
        assert.include(stderr, "Wait: interrupted after 1 task in ")
        assert.include(stderr, "1 succeeded, 0 failed, 1 not finished")
        assert.strictEqual(code, 130)
      }))
  })
})
