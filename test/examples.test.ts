import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { randomUUID } from "node:crypto"
import { stripVTControlCharacters } from "node:util"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import handlers from "../examples/checksums/handlers.ts"
import { checksums, filesBelow, Incomplete, report } from "../examples/checksums/program.ts"
import { Tasks, Unreadable } from "../examples/checksums/tasks.ts"
import { turn } from "./support/time.ts"

const sources = "node_modules/effect/src"

const collect = Effect.fnUntraced(function*(command: string, args: ReadonlyArray<string>, cwd?: string) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const child = yield* spawner.spawn(ChildProcess.make(command, args, { cwd, stdin: "ignore" }))
  const text = <E>(stream: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(stream))
  const [stdout, stderr, exitCode] = yield* Effect.all(
    [text(child.stdout), text(child.stderr), child.exitCode],
    { concurrency: "unbounded" }
  )
  return { stdout, stderr, exitCode: Number(exitCode) }
})

const example = (file: string) => collect(process.execPath, ["--conditions=papyros-source", `examples/${file}`])

/** The output of a program such as `wc -l` for each source file: the first word of its line, by path. */
const oracle = Effect.fnUntraced(function*(...program: ReadonlyArray<string>) {
  const found = yield* collect("find", [".", "-type", "f", "-exec", ...program, "{}", "+"], sources)
  assert.strictEqual(found.exitCode, 0, found.stderr)
  return new Map(
    Array.from(found.stdout.matchAll(/^\s*(\S+)\s+\*?\.\/(.+)$/gm), ([, word, file]): [string, string] => [file, word])
  )
})

const dispatcher = Layer.provide(FiberDispatcher.layer(Tasks), handlers)

describe("examples", () => {
  for (
    const [name, layer] of [
      ["FiberDispatcher", FiberDispatcher.layer(Tasks)],
      ["DummyDispatcher", DummyDispatcher.layer(Tasks)]
    ] as const
  ) {
    it.effect(`checksums agrees with sha256sum and wc on every file on ${name}`, () =>
      Effect.gen(function*() {
        const path = yield* Path.Path
        const outcomes = yield* Stream.runCollect(checksums(yield* filesBelow(sources)))
        const rows = outcomes.map(({ result, task }) => ({
          file: path.relative(sources, task.path),
          ...Result.getOrThrow(result)
        }))
        const digests = yield* oracle("sha256sum")
        assert.isAbove(digests.size, 500)
        assert.strictEqual(rows.length, digests.size)
        assert.deepStrictEqual(new Map(rows.map((row) => [row.file, row.sha256])), digests)
        assert.deepStrictEqual(new Map(rows.map((row) => [row.file, String(row.lines)])), yield* oracle("wc", "-l"))
        assert.deepStrictEqual(new Map(rows.map((row) => [row.file, String(row.bytes)])), yield* oracle("wc", "-c"))
      }).pipe(
        Effect.provide(Layer.provide(layer, handlers)),
        Effect.provide(NodeServices.layer)
      ))
  }

  it.effect("checksums fails only the task of a file that cannot be read", () =>
    Effect.gen(function*() {
      const outcomes = yield* Stream.runCollect(checksums([`${sources}/Effect.ts`, `${sources}/NoSuchFile.ts`]))
      const byPath = new Map(outcomes.map(({ result, task }) => [task.path, result]))
      assert.isTrue(Result.isSuccess(byPath.get(`${sources}/Effect.ts`)!))
      const missing = Result.getFailure(byPath.get(`${sources}/NoSuchFile.ts`)!)
      assert.instanceOf(
        Option.map(missing, ({ reason }) => "error" in reason && reason.error).pipe(Option.getOrThrow),
        Unreadable
      )
    }).pipe(Effect.provide(dispatcher)))

  it.effect("the quickstart prints the ten largest files and the totals, and no control characters into a pipe", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* example("checksums/main.ts")
      assert.strictEqual(exitCode, 0, stderr)
      assert.strictEqual(stderr, "")
      assert.notMatch(stdout, /[\p{Cc}--\n]/v)

      const digests = yield* oracle("sha256sum")
      const lines = yield* oracle("wc", "-l")
      const bytes = yield* oracle("wc", "-c")
      const total = (words: Map<string, string>) =>
        Array.from(words.values()).reduce((sum, word) => sum + Number(word), 0)
      const largest = Array.from(bytes).sort(([, a], [, b]) => Number(b) - Number(a)).slice(0, 10)

      const printed = stdout.trimEnd().split("\n")
      assert.deepStrictEqual(
        printed.slice(1, 11).map((line) => line.trim().split(/ +/)),
        largest.map(([file, size]) => [
          Number(size).toLocaleString("en-US"),
          Number(lines.get(file)).toLocaleString("en-US"),
          `${digests.get(file)!.slice(0, 12)}…`,
          file
        ])
      )
      const figures = [bytes.size, total(lines), total(bytes)].map((n) => n.toLocaleString("en-US"))
      assert.include(stdout, `\n${figures[0]} files, ${figures[1]} lines, ${figures[2]} bytes in `)
    }).pipe(Effect.provide(NodeServices.layer)))

  for (const terminal of [true, false]) {
    it.effect(`checksums ${terminal ? "shows its progress on a terminal" : "is silent on stderr that is no terminal"}`, () =>
      Effect.gen(function*() {
        let stderr = ""
        const stdio = Stdio.layerTest({
          stderrIsTerminal: Effect.succeed(terminal),
          stderr: () => Sink.forEach((text) => Effect.sync(() => void (stderr += text)))
        })
        const time = Effect.forever(Effect.andThen(TestClock.adjust("100 millis"), turn))
        yield* report(sources).pipe(
          Effect.raceFirst(time),
          Effect.provide(stdio),
          Effect.provideService(Console.Console, { ...globalThis.console, log: () => {} })
        )
        const total = (yield* oracle("wc", "-l")).size
        if (!terminal) return assert.strictEqual(stderr, "")
        const steps = Array.from(
          stripVTControlCharacters(stderr).matchAll(/Checksums .* (\d+) of (\d+)/g),
          ([, done, of]) => [Number(done), Number(of)]
        )
        assert.isNotEmpty(steps)
        assert.deepStrictEqual(steps, steps.toSorted(([a], [b]) => a - b))
        assert.isTrue(steps.every(([done, of]) => done <= of && of === total))
        assert.isTrue(stderr.endsWith("\r\u001b[J\u001b[?25h"))
      }).pipe(Effect.provide(dispatcher), Effect.provide(NodeServices.layer)))
  }

  it.effect("checksums reports a file that vanished, and fails at the end", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/here`, "one\ntwo\n")
      const listing = FileSystem.layerNoop({
        readDirectoryEntries: () => Effect.succeed([{ name: "gone", type: "File" }, { name: "here", type: "File" }])
      })
      const printed: Record<"log" | "error", Array<string>> = { log: [], error: [] }
      const exit = yield* report(directory).pipe(
        Effect.provide(listing),
        Effect.provideService(Console.Console, {
          ...globalThis.console,
          log: (line: string) => void printed.log.push(line),
          error: (line: string) => void printed.error.push(line)
        }),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail(new Incomplete()))
      assert.strictEqual(printed.error.length, 1)
      assert.include(printed.error[0], `${directory}/gone: `)
      assert.include(printed.log.join("\n"), "1 files, 2 lines, 8 bytes")
    }).pipe(Effect.provide(dispatcher), Effect.provide(NodeServices.layer)))

  it.effect("factorize prints the prime factors of 1 to 999 in order, then goes on past failures", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* example("factorize/main.ts")
      assert.strictEqual(exitCode, 0, stderr)
      assert.strictEqual(stderr, "")
      const printed = stdout.trimEnd().split("\n")

      const composite = new Set<number>()
      for (let a = 2; a <= 999; a++) for (let b = 2; a * b <= 999; b++) composite.add(a * b)
      for (let n = 1; n <= 999; n++) {
        const [number, rest] = printed[n - 1].split(":")
        assert.strictEqual(number, String(n))
        const factors = rest.trim().split(" ").filter((word) => word !== "").map(Number)
        assert.strictEqual(factors.reduce((product, factor) => product * factor, 1), n, printed[n - 1])
        assert.isTrue(factors.every((factor) => factor > 1 && !composite.has(factor)), printed[n - 1])
        assert.deepStrictEqual(factors, factors.toSorted((a, b) => a - b))
      }
      assert.deepStrictEqual(printed.slice(999), [
        "12 = 2 x 2 x 3",
        "0: 0 is not positive",
        "997 = 997",
        "-4: -4 is not positive",
        "1001 = 7 x 11 x 13"
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  describe("processes", { concurrent: true, timeout: 240_000 }, () => {
    const spawn = Effect.fnUntraced(function*(module: string) {
      // Child processes inherit the mark.
      const mark = `PAPYROS_TEST_MARK=${randomUUID()}`
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const main = [process.execPath, "--conditions=papyros-source", `examples/${module}`]
      const child = yield* spawner.spawn(ChildProcess.make("env", [mark, ...main], { stdin: "ignore" }))
      const stdout = yield* Queue.make<string, Cause.Done>()
      yield* child.stdout.pipe(
        Stream.decodeText,
        Stream.splitLines,
        Stream.runForEach((line) => Queue.offer(stdout, line)),
        Effect.ensuring(Queue.end(stdout)),
        Effect.forkScoped
      )
      const left = Effect.map(
        collect("sh", ["-c", `grep -ls ${mark} /proc/[0-9]*/environ`]),
        ({ stdout }) => stdout.trim()
      )
      return { child, lines: Stream.fromQueue(stdout), left }
    })

    it.live("cluster lives through a killed runner, with one outcome for each task", () =>
      Effect.gen(function*() {
        const { child, left, lines } = yield* spawn("cluster/main.ts")
        const text = (yield* Stream.runCollect(lines)).join("\n")
        assert.strictEqual(Number(yield* child.exitCode), 0, text)
        assert.match(text, /runner A is killed.*300 tasks in 2 processes: 0 missing, 0 doubled, 0 failed$/s)
        assert.strictEqual(yield* left, "")
      }).pipe(Effect.provide(NodeServices.layer)))

    it.live("distributed lives through a killed and a frozen worker, with one outcome for each task", () =>
      Effect.gen(function*() {
        const { child, left, lines } = yield* spawn("distributed/main.ts")
        const text = (yield* Stream.runCollect(lines)).join("\n")
        assert.strictEqual(Number(yield* child.exitCode), 0, text)
        assert.match(
          text,
          /worker A is killed.*worker A, again, at.*worker B is frozen.*worker B goes on.*0 missing, 0 doubled, 0 failed/s
        )
        const [, tasks, repeated] = /(\d+) tasks: .*; (\d+) starts were repeated$/m.exec(text) ?? []
        assert.isAtLeast(Number(tasks), 500)
        assert.isAtMost(Number(repeated), Number(tasks))
        assert.strictEqual(yield* left, "")
      }).pipe(Effect.provide(NodeServices.layer)))

    it.live("distributed ends what it has started when it is interrupted, a frozen worker too", () =>
      Effect.gen(function*() {
        const { child, left, lines } = yield* spawn("distributed/main.ts")
        yield* lines.pipe(
          Stream.takeUntil((line) => line.includes("worker B is frozen")),
          Stream.runDrain
        )
        process.kill(child.pid, "SIGINT")
        assert.notStrictEqual(Number(yield* child.exitCode), 0)
        assert.strictEqual(yield* left, "")
      }).pipe(Effect.provide(NodeServices.layer)))
  })
})
