import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { writeFileSync } from "node:fs"
import { passing } from "../support/time.ts"
import { fixture, handlers, papyrosWith, parsed, spawned, start } from "./harness.ts"

const mended = fixture("mended.ts")

const ndjson = (payloads: Iterable<unknown>): string =>
  Array.from(payloads, (payload) => `${JSON.stringify(payload)}\n`).join("")

interface Line {
  readonly index: number
  readonly success?: unknown
  readonly failure?: { readonly reason: string; readonly message: string }
}

const outcomes = (stdout: string) => parsed(stdout) as ReadonlyArray<Line>

const readLines = (file: string) =>
  FileSystem.FileSystem.use((fs) => Effect.map(fs.readFileString(file), (text) => parsed(text) as ReadonlyArray<Line>))

const newFile = FileSystem.FileSystem.use((fs) =>
  Effect.map(fs.makeTempDirectoryScoped(), (directory) => `${directory}/failures.ndjson`)
)

/** A file of these lines. */
const fileOf = (...lines: ReadonlyArray<unknown>) =>
  Effect.tap(newFile, (file) => Effect.sync(() => writeFileSync(file, ndjson(lines))))

const scoped = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Effect.Services<typeof newFile>>) =>
  Effect.provide(Effect.scoped(effect), NodeFileSystem.layer)

const withoutTrace = ({ failure, ...line }: Line) => {
  const { trace: _, ...rest } = failure as NonNullable<Line["failure"]> & { readonly trace?: string }
  return { ...line, failure: rest }
}

describe("papyros run --failures", () => {
  it.effect("writes the failures that it prints, those of results that cannot be encoded included", () =>
    scoped(Effect.gen(function*() {
      for (const dispatcher of ["dummy", "fiber", "pool"]) {
        const file = yield* newFile
        const { code, stdout } = yield* papyrosWith(
          ["run", handlers, "Break", "--failures", file, "--dispatcher", dispatcher, "--ordered"],
          { stdin: ndjson(["throw", "lie", "misfail", "interrupt"].map((how) => ({ how }))) }
        )
        assert.strictEqual(code, 1)
        const printed = outcomes(stdout)
        assert.deepStrictEqual(printed.map(({ failure }) => failure?.reason), [
          "Defect",
          "Undecodable",
          "Undecodable",
          "Interrupted"
        ])
        const kept = yield* readLines(file)
        assert.deepStrictEqual(
          kept.map((line) => Reflect.get(line, "message")),
          printed.map(({ failure }) => failure?.message)
        )
      }
    })))

  it.effect("refuses a file that exists, names the flag, and runs nothing", () =>
    scoped(Effect.gen(function*() {
      const file = yield* fileOf("evidence")
      const { code, stderr, stdout } = yield* papyrosWith(["run", handlers, "Factorize", "--failures", file], {
        stdin: `{"n":6}\n`
      })
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.include(stderr, `--failures: The failure file ${file} exists`)
      assert.include(stderr, "Factorize: 0 tasks")
      const missing = yield* papyrosWith(["run", handlers, "Factorize", "--failures", `${file}/failures`])
      assert.strictEqual(missing.code, 2)
      assert.include(missing.stderr, "--failures: The failure file")
    })))

  it.live("has a whole line of each failure that was printed when the command is killed", () =>
    scoped(Effect.gen(function*() {
      const file = yield* newFile
      const { child, ended, written } = start(["run", handlers, "Factorize", "--failures", file, "--quiet"])
      const more = () => {
        while (child.stdin.writable && child.stdin.write(ndjson(Array.from({ length: 100 }, (_, i) => ({ n: -i })))));
      }
      child.stdin.on("drain", more)
      more()
      yield* Effect.callback<void>((resume) => {
        child.stdout.on("data", () => {
          if (written.stdout.length > 1_000_000) resume(Effect.void)
        })
      })
      child.kill("SIGKILL")
      yield* ended
      const fs = yield* FileSystem.FileSystem
      const text = yield* fs.readFileString(file)
      const kept = new Set(outcomes(text.slice(0, text.lastIndexOf("\n") + 1)).map(({ index }) => index))
      const printed = outcomes(written.stdout.slice(0, written.stdout.lastIndexOf("\n") + 1))
      assert.isAbove(printed.length, 100)
      for (const { index } of printed) assert.isTrue(kept.has(index), `${index}`)
      const replayed = yield* papyrosWith(["replay", handlers, file, "--only", "0,1"])
      assert.deepStrictEqual(outcomes(replayed.stdout).map(({ failure, index }) => [index, failure?.reason]), [
        [0, "Failed"],
        [1, "Failed"]
      ])
    })))
})

describe("papyros replay", () => {
  it.effect("fails as before, and succeeds when the handlers are mended", () =>
    scoped(Effect.gen(function*() {
      const file = yield* newFile
      const run = yield* papyrosWith(["run", handlers, "Factorize", "--failures", file, "--ordered"], {
        stdin: ndjson([-3, 6, -7, 35].map((n) => ({ n })))
      })
      const before = outcomes(run.stdout).filter(({ failure }) => failure !== undefined)
      const same = yield* papyrosWith(["replay", handlers, file])
      assert.strictEqual(same.code, 1)
      assert.deepStrictEqual(outcomes(same.stdout).map(withoutTrace), before.map(withoutTrace))
      assert.include(same.stderr, "replay: 2 tasks")
      const now = yield* papyrosWith(["replay", mended, file, "--quiet"])
      assert.deepStrictEqual([now.code, now.stderr.replace("loading\n", "")], [0, ""])
      assert.deepStrictEqual(outcomes(now.stdout), [{ index: 0, success: [-3] }, { index: 2, success: [-7] }])
    })))

  it.effect("chooses by index, task and reason", () =>
    scoped(Effect.gen(function*() {
      const file = yield* fileOf(
        { index: 4, task: "Factorize", payload: { _tag: "Factorize", n: 4 }, reason: "Failed" },
        { index: 9, task: "Factorize", payload: { _tag: "Factorize", n: 9 }, reason: "WorkerLost" },
        { index: 2, task: "Break", payload: { _tag: "Break", how: "lie" }, reason: "Defect" },
        { index: 7, task: "Break", payload: { _tag: "Break", how: "throw" }, reason: "Failed" }
      )
      const chosen = (...flags: Array<string>) =>
        Effect.map(papyrosWith(["replay", mended, file, ...flags]), ({ code, stderr, stdout }) => ({
          code,
          stderr,
          indexes: outcomes(stdout).map(({ index }) => index)
        }))
      assert.deepStrictEqual((yield* chosen()).indexes, [4, 9, 2, 7])
      assert.deepStrictEqual((yield* chosen("--only", "9,2")).indexes, [9, 2])
      assert.deepStrictEqual((yield* chosen("--task", "Break")).indexes, [2, 7])
      assert.deepStrictEqual((yield* chosen("--reason", "Failed")).indexes, [4, 7])
      assert.deepStrictEqual((yield* chosen("--reason", "Failed", "--task", "Break")).indexes, [7])
      const none = yield* chosen("--reason", "NoWorker")
      assert.deepStrictEqual([none.code, none.indexes], [0, []])
      const missing = yield* chosen("--only", "9,10,11")
      assert.deepStrictEqual([missing.code, missing.indexes], [2, [9]])
      assert.include(missing.stderr, "has no failure with the index 10, 11")
      const many = yield* chosen("--only", Array.from({ length: 10_000 }, (_, i) => i + 100).join(","))
      assert.match(many.stderr, /has no failure with the index 100, (?:\d+, ){8}109, and 9990 more\.$/m)
      for (
        const [flags, message] of [
          [["--task", "Brake"], "Did you mean Break?"],
          [["--reason", "failed"], "one of Failed, Defect"],
          [["--only", "one"], "indexes such as 3"]
        ] as const
      ) {
        const { code, indexes, stderr } = yield* chosen(...flags)
        assert.deepStrictEqual([code, indexes], [2, []])
        assert.include(stderr, message)
      }
    })))

  it.effect("chooses by line where an index is not unique, and runs nothing before", () =>
    scoped(Effect.gen(function*() {
      const failure = (index: number, n: number, reason = "Failed") => ({
        index,
        task: "Factorize",
        payload: { _tag: "Factorize", n },
        reason
      })
      // As of two streams, one behind the other.
      const file = yield* fileOf(failure(4, 6), failure(9, 10), failure(4, 15, "WorkerLost"), failure(2, 21))
      const chosen = (...flags: Array<string>) =>
        Effect.map(papyrosWith(["replay", mended, file, ...flags]), ({ code, stderr, stdout }) => ({
          code,
          stderr,
          products: outcomes(stdout).map(({ success }) => (success as Array<number>).reduce((a, b) => a * b))
        }))
      const ambiguous = yield* chosen("--only", "2,4")
      assert.deepStrictEqual([ambiguous.code, ambiguous.products], [2, []])
      assert.include(ambiguous.stderr, "has 2 failures with the index 4, because it has those of several streams")
      assert.include(ambiguous.stderr, "They are in the lines 1, 3: choose one with --line.")
      assert.deepStrictEqual((yield* chosen("--line", "3,4")).products, [15, 21])
      assert.deepStrictEqual((yield* chosen("--only", "4", "--line", "1,4")).products, [6])
      assert.deepStrictEqual((yield* chosen("--only", "4", "--reason", "WorkerLost")).products, [15])
      const missing = yield* chosen("--line", "2,5")
      assert.deepStrictEqual([missing.code, missing.products], [2, [10]])
      assert.include(missing.stderr, "has no failure in line 5.")
      assert.include((yield* chosen("--line", "0")).stderr, "numbers of lines such as 3")
      for (const other of [["--only", "9"], ["--task", "Factorize", "--reason", "Defect"]]) {
        const none = yield* chosen("--line", "1", ...other)
        assert.deepStrictEqual([none.code, none.products], [2, []])
        assert.include(none.stderr, "has no failure that all of the flags choose.")
      }
    })))

  it.effect("finds at once that an index is that of many failures", () =>
    scoped(Effect.gen(function*() {
      const failure = { index: 0, task: "Factorize", payload: { _tag: "Factorize", n: 6 }, reason: "Failed" }
      const file = yield* fileOf(...Array.from({ length: 60_000 }, () => failure))
      const { code, stderr } = yield* papyrosWith(["replay", mended, file, "--only", "0"])
      assert.strictEqual(code, 2)
      assert.match(stderr, /has 60000 failures with the index 0, .* in the lines 1, (?:\d+, ){8}10, and 59990 more:/)
    })))

  it.effect("has one failure for each line whose task it cannot make, and goes on", () =>
    scoped(Effect.gen(function*() {
      const file = yield* fileOf(
        { index: 0, task: "Resize", payload: {} },
        { index: 1, task: "Factorize", payloadError: "it has a cycle" },
        { index: 2, task: "Factorize", payload: { _tag: "Factorize", n: "two" } },
        { index: 3, task: "Factorize" },
        { index: 4, task: "Factorize", payload: { _tag: "Factorize", n: 4 } }
      )
      const { code, stdout } = yield* papyrosWith(["replay", mended, file])
      assert.strictEqual(code, 1)
      const lines = outcomes(stdout)
      assert.deepStrictEqual(lines.map(({ failure, index }) => [index, failure?.reason]), [
        [0, "UnknownTask"],
        [1, "Undecodable"],
        [2, "Undecodable"],
        [3, "Undecodable"],
        [4, undefined]
      ])
      assert.include(lines[0].failure?.message, "Resize")
      assert.include(lines[1].failure?.message, "it has a cycle")
      assert.include(lines[2].failure?.message, "n")
    })))

  it.effect("stops at a line that is no failure, after the lines before it", () =>
    scoped(Effect.gen(function*() {
      const failure = { index: 4, task: "Factorize", payload: { _tag: "Factorize", n: 4 } }
      for (const bad of [{ n: 4 }, "nonsense", { index: 1.5, task: "Factorize" }]) {
        const file = yield* fileOf(failure, bad, failure)
        const { code, stderr, stdout } = yield* papyrosWith(["replay", mended, file])
        assert.deepStrictEqual([code, outcomes(stdout)], [2, [{ index: 4, success: [4] }]])
        assert.include(stderr, `${file}, line 2: the line is not a failure`)
      }
      const none = yield* papyrosWith(["replay", mended, `${yield* newFile}`])
      assert.strictEqual(none.code, 2)
      assert.include(none.stderr, "there is no such file")
    })))

  it.effect("skips a last line that was cut wherever, and does not exit with 0 for it unless indexes are given", () =>
    scoped(Effect.gen(function*() {
      const line = (index: number) =>
        Buffer.from(ndjson([{ index, task: "Factorize", payload: { _tag: "Factorize", n: 4 }, trace: "§ü€" }]))
      const last = line(1)
      const file = yield* newFile
      for (const length of [1, 9, last.indexOf("§") + 1, last.length - 2]) {
        writeFileSync(file, Buffer.concat([line(0), last.subarray(0, length)]))
        const { code, stderr, stdout } = yield* papyrosWith(["replay", mended, file])
        assert.deepStrictEqual([code, outcomes(stdout)], [1, [{ index: 0, success: [4] }]])
        assert.include(stderr, "line 2 has no end")
        assert.strictEqual((yield* papyrosWith(["replay", mended, file, "--only", "0"])).code, 0)
      }
      // All but its newline.
      writeFileSync(file, Buffer.concat([line(0), last.subarray(0, -1)]))
      const whole = yield* papyrosWith(["replay", mended, file])
      assert.deepStrictEqual([whole.code, outcomes(whole.stdout).length], [0, 2])
    })))

  it.effect("bounds the time of a task, by its declaration or --task-timeout", () =>
    scoped(Effect.gen(function*() {
      const file = yield* fileOf({ index: 0, task: "Wait", payload: { _tag: "Wait", millis: 60_000 } })
      const { code, stdout } = yield* passing(papyrosWith(["replay", mended, file, "--task-timeout", "1s"]))
      assert.strictEqual(code, 1)
      assert.strictEqual(outcomes(stdout)[0].failure?.reason, "TimedOut")
    })))

  it.effect("takes the failures of a durable run, which have no index", () =>
    scoped(Effect.gen(function*() {
      const database = `${yield* newFile}.db`
      const durable = ["--durable", "nightly", "--database", database]
      yield* papyrosWith(["run", handlers, "Factorize", ...durable], {
        stdin: ndjson([-3, 6, -7].map((n) => ({ n })))
      })
      const failures = yield* papyrosWith(["runs", "failures", "nightly", "--database", database])
      const file = yield* fileOf(...parsed(failures.stdout))
      const { code, stdout } = yield* papyrosWith(["replay", mended, file])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(outcomes(stdout).map(({ index }) => index), [0, 1])
      assert.sameDeepMembers(outcomes(stdout).map(({ success }) => success), [[-3], [-7]])
    })))

  it.live("runs as a process, and ends when it is interrupted", () =>
    scoped(Effect.gen(function*() {
      const file = yield* fileOf(
        { index: 3, task: "Factorize", payload: { _tag: "Factorize", n: -4 } },
        { index: 5, task: "Wait", payload: { _tag: "Wait" } }
      )
      const failed = yield* spawned(["replay", handlers, file, "--only", "3"], "")
      assert.strictEqual(failed.code, 1)
      assert.strictEqual(outcomes(failed.stdout)[0].failure?.reason, "Failed")
      const { child, ended, written } = start(["replay", handlers, file])
      yield* Effect.callback<void>((resume) => {
        child.stdout.on("data", () => resume(Effect.void))
      })
      child.kill("SIGINT")
      const { code, stderr } = yield* ended
      assert.strictEqual(code, 130)
      assert.lengthOf(outcomes(written.stdout), 1)
      assert.include(stderr, "replay: interrupted after 1 task")
    })))
})
