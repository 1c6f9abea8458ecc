import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { systemError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as TestClock from "effect/testing/TestClock"
import * as Progress from "papyros/Progress"
import { Screen } from "./support/terminal/screen.ts"
import { turn } from "./support/time.ts"

// ----------------------------------------------------------------------------
// A terminal of the test
// ----------------------------------------------------------------------------

interface Options {
  readonly columns?: number
  readonly rows?: number
  readonly isTerminal?: boolean
  readonly env?: Record<string, string>
  readonly stderr?: Stdio.Stdio["stderr"]
}

/** A screen, the writes that it got, the log, and the services that connect a program to them. */
const makeTerminal = (options: Options = {}) => {
  const { columns = 80, rows = 24 } = options
  const size = { columns, rows }
  const screen = new Screen(columns, rows)
  const writes: Array<string> = []
  const logged: Array<{ readonly message: string; readonly toStderr: boolean }> = []
  const services = Layer.mergeAll(
    Stdio.layerTest({
      stderrIsTerminal: Effect.succeed(options.isTerminal ?? true),
      stderr: options.stderr ?? (() =>
        Sink.forEach((text) =>
          Effect.sync(() => {
            writes.push(String(text))
            screen.put(text)
          })
        ))
    }),
    Layer.succeed(
      Terminal.Terminal,
      Terminal.make({
        columns: Effect.sync(() => size.columns),
        rows: Effect.sync(() => size.rows),
        size: Effect.die("not used"),
        readInput: Effect.die("not used"),
        readLine: Effect.die("not used"),
        display: () => Effect.die("not used")
      })
    ),
    ConfigProvider.layer(ConfigProvider.fromEnv({ env: { TERM: "xterm", NO_COLOR: "1", ...options.env } })),
    Logger.layer([
      Logger.make(({ fiber, message }) => {
        logged.push({ message: String(message), toStderr: fiber.getRef(Logger.LogToStderr) })
      })
    ])
  )
  return { size, screen, writes, logged, services, provide: Effect.provide(services) }
}

/** Elements 1 to `count`, one in the middle of each `millis`. */
const paced = (count: number, millis: number): Stream.Stream<number> =>
  Stream.range(1, count).pipe(
    Stream.rechunk(1),
    Stream.tap((n) => Effect.sleep(n === 1 ? millis / 2 : millis))
  )

/** Starts a stream, and lets time pass. */
const after = <A, E>(stream: Stream.Stream<A, E>, millis: number, terminal: ReturnType<typeof makeTerminal>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.provide(Stream.runDrain(stream), terminal.services))
    // Streams that are merged begin one after the other.
    yield* Effect.repeat(turn, { times: 10 })
    yield* TestClock.adjust(millis)
    // The emulator handles what was written.
    yield* terminal.screen.shown
    return fiber
  })

const lineAfter = <A, E>(stream: Stream.Stream<A, E>, millis: number, options?: Options) =>
  Effect.gen(function*() {
    const terminal = makeTerminal(options)
    const fiber = yield* after(stream, millis, terminal)
    const { lines } = terminal.screen
    yield* Fiber.interrupt(fiber)
    return lines
  })

const assertClean = ({ screen }: ReturnType<typeof makeTerminal>) =>
  Effect.map(screen.shown, () => {
    assert.deepStrictEqual(screen.lines, [])
    assert.deepStrictEqual(screen.cursor, { column: 0, row: 0, visible: true })
    assert.isFalse(screen.hasWrapped)
  })

const ERASED = "\r\u001b[J\u001b[?25h"

describe("Progress", () => {
  describe("the line", () => {
    const resize = paced(128_423, 4).pipe(
      Progress.track({ label: "Resize", total: 128_423, failed: (n: number) => n <= 9 })
    )
    const forms: ReadonlyArray<readonly [number, string]> = [
      [120, "Resize  ━━──────────────────────────────  7 %  9,999 of 128,423 · 250/s · 7 min 50 s left · 9 failed"],
      [98, "Resize  ━╸──────────────────────  7 %  9,999 of 128,423 · 250/s · 7 min 50 s left · 9 failed"],
      [80, "Resize  ╸───────  7 %  9,999 of 128,423 · 250/s · 7 min 50 s left · 9 failed"],
      [70, "Resize  7 %  9,999 of 128,423 · 250/s · 7 min 50 s left · 9 failed"],
      [60, "Resize  7 %  250/s · 7 min 50 s left · 9 failed"],
      [46, "Resize  7 %  7 min 50 s left · 9 failed"],
      [25, "Resize  7 %  9 failed"],
      [20, "Res…  7 %  9 failed"],
      [14, "7 %  9 failed"],
      [4, "7 %"],
      [3, "7 "]
    ]

    it.effect("has the widest form that fits, and percent and failures go last", () =>
      Effect.gen(function*() {
        const terminal = makeTerminal({ columns: 120 })
        const fiber = yield* after(resize, 39_500, terminal)
        for (const [columns, line] of forms) {
          terminal.size.columns = columns
          yield* TestClock.adjust(0)
          terminal.screen.resize(columns, 24)
          yield* TestClock.adjust(100)
          yield* terminal.screen.shown
          // The count goes on by 25 with each redraw.
          const [shown] = terminal.screen.lines
          assert.strictEqual(shown.replace(/[\d,]+ of/, "9,999 of").trimEnd(), line.trimEnd(), `${columns} columns`)
        }
        yield* Fiber.interrupt(fiber)
      }), 60_000)

    it.effect("has count and rate without a total, and no figure that is 0", () =>
      Effect.gen(function*() {
        const track = Progress.track({ label: "Resize", failed: (n: number) => n > 100 })
        assert.deepStrictEqual(yield* lineAfter(track(paced(1000, 100)), 99), [])
        assert.deepStrictEqual(yield* lineAfter(track(paced(1000, 1000)), 200), ["Resize  0"])
        assert.deepStrictEqual(yield* lineAfter(track(paced(1000, 100)), 10_000), ["Resize  100 · 10/s"])
        assert.deepStrictEqual(yield* lineAfter(track(paced(1000, 100)), 10_200), ["Resize  102 · 10/s · 2 failed"])
        assert.deepStrictEqual(yield* lineAfter(Progress.track()(paced(9, 1000)), 2000), ["2 · 1.0/s"])
        assert.deepStrictEqual(yield* lineAfter(track(paced(5, 1000)), 3000, { columns: 5 }), ["3"])
      }))

    it.effect("has a total that an Effect gives later", () =>
      Effect.gen(function*() {
        const total = Effect.as(Effect.sleep(1000), 40)
        const stream = Progress.track({ label: "A", total })(paced(40, 100))
        assert.deepStrictEqual(yield* lineAfter(stream, 900, { columns: 30 }), ["A  9 · 10/s"])
        assert.deepStrictEqual(yield* lineAfter(stream, 1100, { columns: 30 }), ["A  27 %  11 of 40 · 10/s"])
        for (const wrong of [NaN, -1, Infinity]) {
          const stream = Progress.track({ total: Effect.succeed(wrong) })(paced(40, 100))
          assert.deepStrictEqual(yield* lineAfter(stream, 1000), ["10 · 10/s"])
        }
        const dies = Progress.track({ total: Effect.die("no total") })(paced(40, 100))
        assert.deepStrictEqual(yield* lineAfter(dies, 1000), ["10 · 10/s"])
      }))

    it.effect("has no total once there are more elements, and 100 % only if all are done", () =>
      Effect.gen(function*() {
        const stream = (total: number) => Progress.track({ total })(paced(1000, 100))
        assert.deepStrictEqual(yield* lineAfter(stream(9), 1000, { columns: 20 }), ["10 · 10/s"])
        assert.deepStrictEqual(yield* lineAfter(stream(10), 1000, { columns: 30 }), ["100 %  10 of 10 · 10/s"])
        assert.include((yield* lineAfter(stream(1001), 99_900))[0], "99 %  999 of 1,001")
        assert.include((yield* lineAfter(Progress.track({ total: 0 })(Stream.never), 100))[0], "100 %  0 of 0")
      }))

    it.effect("counts an element of results as failed by its result, and other elements never", () =>
      Effect.gen(function*() {
        const elements: ReadonlyArray<unknown> = [
          { result: Result.succeed(1) },
          { result: Result.fail("a") },
          { result: "fail" },
          { result: undefined },
          null,
          Result.fail("b"),
          { result: Result.fail("c") }
        ]
        const line = (first: ReadonlyArray<unknown>) =>
          lineAfter(Progress.track()(Stream.concat(Stream.fromIterable([...first, ...elements]), Stream.never)), 100)
        assert.deepStrictEqual(yield* line([]), ["7 · 70/s · 2 failed"])
        assert.deepStrictEqual(yield* line([null]), ["8 · 80/s · 2 failed"])
      }))

    it.effect("says for how long a stream has stalled, and goes on after that", () =>
      Effect.gen(function*() {
        const terminal = makeTerminal({ columns: 60 })
        const stream = Stream.concat(
          paced(10, 100),
          Stream.concat(Stream.drain(Stream.fromEffect(Effect.sleep(30_000))), paced(10, 100))
        )
        const fiber = yield* after(Progress.track({ label: "A", total: 20 })(stream), 1000, terminal)
        const at = Effect.fnUntraced(function*(millis: number, pattern: RegExp) {
          yield* TestClock.adjust(millis)
          yield* terminal.screen.shown
          assert.match(terminal.screen.lines[0], pattern)
        })
        yield* at(9900, /50 %  10 of 20 · .* left$/)
        yield* at(100, /50 %  10 of 20 · stalled 10 s$/)
        yield* at(12_000, /50 %  10 of 20 · stalled 22 s$/)
        yield* at(8100, /55 %  11 of 20 · [\d.]+\/s · \d+ s left$/)
        yield* Fiber.interrupt(fiber)
      }))

    it.effect("shows a label without control characters, cut to half of the line", () =>
      Effect.gen(function*() {
        const line = (label: string, columns: number) =>
          lineAfter(Progress.track({ label })(paced(100, 100)), 1000, { columns })
        assert.deepStrictEqual(yield* line("a\u001b[2Jb\nc\u202e", 80), ["a\\u001b[2Jb\\u000ac\\u202e  10 · 10/s"])
        assert.deepStrictEqual(yield* line("abcdefghijklmnopqrstuvwxyz", 41), ["abcdefghijklmnopqrs…  10 · 10/s"])
        assert.deepStrictEqual(yield* line("\u00ad\u00ad\u00adabc", 80), ["\u00ad\u00ad\u00adabc  10 · 10/s"])
        const [wide] = yield* line("画像のサイズを変更する処理", 41)
        assert.match(wide, /^画像のサイズを変更…\s+10 · 10\/s$/)
      }))

    it.effect("is colored, unless NO_COLOR is set", () =>
      Effect.gen(function*() {
        for (const NO_COLOR of ["", "1"]) {
          const terminal = makeTerminal({ env: { NO_COLOR } })
          const stream = Progress.track({ total: 20, failed: () => true })(paced(20, 100))
          yield* Fiber.interrupt(yield* after(stream, 1000, terminal))
          assert.strictEqual(terminal.writes.some((text) => text.includes("\u001b[31m")), NO_COLOR === "")
          assert.strictEqual(terminal.writes.some((text) => text.includes("\u001b[32m")), NO_COLOR === "")
        }
      }))
  })

  describe("the terminal", () => {
    it.effect("is redrawn ten times a second at most, and only where something has changed", () =>
      Effect.gen(function*() {
        const busy = makeTerminal()
        const fiber = yield* after(Progress.track({ total: 100_000 })(paced(100_000, 1)), 10_000, busy)
        assert.isAtMost(busy.writes.length, 100)
        assert.isAtLeast(busy.writes.length, 50)
        yield* Fiber.interrupt(fiber)
        const idle = makeTerminal()
        const waiting = yield* after(Progress.track()(Stream.never), 9000, idle)
        assert.lengthOf(idle.writes, 1)
        yield* Fiber.interrupt(waiting)
        yield* assertClean(busy)
        yield* assertClean(idle)
      }))

    it.effect("never wraps, at any width and with any label, and has nothing left", () =>
      Effect.gen(function*() {
        const labels = [
          "",
          "Resize",
          "画像のサイズを変更",
          "👨‍👩‍👧‍👦 family ❤️ 🇩🇪 e\u0301 क्षि",
          "x".repeat(300),
          "한국어 ｆｕｌｌ"
        ]
        for (const columns of [1, 2, 3, 4, 5, 8, 13, 20, 21, 33, 40, 59, 80, 97, 120, 200]) {
          const terminal = makeTerminal({ columns, rows: 10 })
          const streams = labels.map((label, i) =>
            Progress.track({ label, total: i % 2 === 0 ? 1e6 : undefined, failed: (n: number) => n % 2 === 0 })(
              paced(50, 97 + i)
            )
          )
          const fiber = yield* after(Stream.mergeAll(streams, { concurrency: "unbounded" }), 2500, terminal)
          // Wrapping is off while bars are drawn: a line that is too long would be cut at the last column.
          terminal.screen.lines.forEach((line, y) =>
            assert.strictEqual(terminal.screen.cells(y)[columns - 1].text, " ", `${columns} columns: ${line}`)
          )
          assert.isFalse(terminal.screen.hasWrapped, `${columns} columns`)
          assert.isAtMost(terminal.screen.lines.length, labels.length)
          if (columns >= 20) assert.isTrue(terminal.screen.lines.some((line) => line.includes("failed")))
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
          yield* assertClean(terminal)
        }
      }), 60_000)

    it.effect("shows as many streams as it has rows but one", () =>
      Effect.gen(function*() {
        const shown = (count: number, rows: number) =>
          lineAfter(
            Stream.mergeAll(
              Array.from({ length: count }, (_, i) => Progress.track({ label: `${i}` })(Stream.never)),
              { concurrency: "unbounded" }
            ),
            100,
            { rows, columns: 20 }
          )
        assert.deepStrictEqual(yield* shown(3, 4), ["0  0", "1  0", "2  0"])
        assert.deepStrictEqual(yield* shown(4, 4), ["0  0", "1  0", "and 2 more"])
        assert.deepStrictEqual(yield* shown(1002, 3), ["0  0", "and 1,001 more"])
        assert.deepStrictEqual(yield* shown(5, 1), ["and 5 more"])
      }))

    it.effect("has one renderer for nested streams, which end in any order", () =>
      Effect.gen(function*() {
        const terminal = makeTerminal({ columns: 20 })
        const nested = paced(2, 1000).pipe(
          Progress.track({ label: "outer" }),
          Stream.flatMap((n) => Progress.track({ label: `inner ${n}` })(paced(3, 500)))
        )
        const lines = Effect.fnUntraced(function*(millis: number) {
          yield* TestClock.adjust(millis)
          yield* terminal.screen.shown
          return terminal.screen.lines.map((line) => line.replace(/ {2,}.*/, ""))
        })
        const fiber = yield* after(nested, 400, terminal)
        assert.deepStrictEqual(yield* lines(0), ["outer"])
        assert.deepStrictEqual(yield* lines(500), ["outer", "inner 1"])
        assert.deepStrictEqual(yield* lines(1000), ["outer"])
        assert.deepStrictEqual(yield* lines(1000), ["outer", "inner 2"])
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)

        // The first ends first.
        const first = yield* after(Progress.track({ label: "first" })(paced(10, 100)), 500, terminal)
        const second = yield* after(Progress.track({ label: "second" })(paced(10, 100)), 600, terminal)
        assert.deepStrictEqual(yield* lines(0), ["second"])
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(first)
        yield* Fiber.join(second)
        yield* assertClean(terminal)
      }))

    it.effect("is left clean by a stream that fails, dies or is interrupted, and by a consumer that stops", () =>
      Effect.gen(function*() {
        const ends: ReadonlyArray<Stream.Stream<unknown, string>> = [
          Stream.fail("no"),
          Stream.die("no"),
          Stream.fromEffect(Effect.interrupt)
        ]
        for (const end of ends) {
          const terminal = makeTerminal()
          const fiber = yield* after(Progress.track()(Stream.concat(paced(5, 100), end)), 1000, terminal)
          const exit = yield* Fiber.await(fiber)
          const plain = yield* Effect.exit(Stream.runDrain(end))
          assert.deepStrictEqual(
            Exit.isFailure(exit) && exit.cause.reasons.map(({ _tag }) => _tag),
            Exit.isFailure(plain) && plain.cause.reasons.map(({ _tag }) => _tag)
          )
          assert.strictEqual(terminal.writes.at(-1), ERASED)
          yield* assertClean(terminal)
        }
        const terminal = makeTerminal()
        const taken = yield* after(Stream.take(Progress.track()(paced(100, 100)), 3), 1000, terminal)
        yield* Fiber.join(taken)
        yield* assertClean(terminal)
      }))

    it.effect("does not fail or hold up a stream by failing, dying or taking nothing", () =>
      Effect.gen(function*() {
        const broken = systemError({ module: "Stdio", method: "stderr", _tag: "Unknown", cause: new Error("EPIPE") })
        const sinks: ReadonlyArray<Stdio.Stdio["stderr"]> = [
          () => Sink.fail(broken),
          () => Sink.die("EAGAIN"),
          () => Sink.fromEffect(Effect.interrupt),
          () => Sink.fromEffect(Effect.never),
          () => Sink.fromEffect(Effect.uninterruptible(Effect.never)),
          () => {
            throw new Error("no sink")
          }
        ]
        for (const stderr of sinks) {
          const terminal = makeTerminal({ stderr })
          const stream = Progress.track({ total: 5 })(paced(5, 100))
          const fiber = yield* Effect.forkChild(Effect.provide(Stream.runCollect(stream), terminal.services))
          // A second more for the last write, which a terminal may not take.
          yield* TestClock.adjust(1500)
          assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3, 4, 5])
        }
      }))

    it.effect("does not fail a stream whose environment cannot be read, and has no color then", () =>
      Effect.gen(function*() {
        const unreadable = ConfigProvider.layer(
          ConfigProvider.make(() => Effect.fail(new ConfigProvider.SourceError({ message: "no connection" })))
        )
        const terminal = makeTerminal()
        const shown = Effect.fnUntraced(function*(display: Progress.Display) {
          const stream = Progress.track({ total: 100 })(paced(100, 100)).pipe(
            Stream.provide(unreadable),
            Stream.provideService(Progress.Display, display)
          )
          yield* Fiber.interrupt(yield* after(stream, 5000, terminal))
        })
        yield* shown(Progress.terminal)
        assert.isTrue(terminal.writes.some((text) => text.includes("4 of 100")))
        assert.isFalse(terminal.writes.some((text) => text.includes("\u001b[32m")))
        assert.lengthOf(terminal.logged, 0)
        yield* shown(Progress.Display.defaultValue())
        assert.lengthOf(terminal.logged, 2)
      }))

    it.effect("waits for a terminal that takes nothing at the end for a second at most", () =>
      Effect.gen(function*() {
        const terminal = makeTerminal({
          stderr: () => Sink.forEach((text) => text === ERASED ? Effect.never : Effect.void)
        })
        const fiber = yield* after(Progress.track()(paced(5, 100)), 1400, terminal)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(200)
        yield* Fiber.join(fiber)
      }))
  })

  describe("the log", () => {
    const ofStream = (stream: Stream.Stream<unknown>, millis: number, options: Options) =>
      Effect.gen(function*() {
        const terminal = makeTerminal(options)
        yield* Fiber.interrupt(yield* after(stream, millis, terminal))
        assert.deepStrictEqual(terminal.writes, [])
        assert.isTrue(terminal.logged.every(({ toStderr }) => toStderr))
        return terminal.logged.map(({ message }) => message)
      })
    const stream = Progress.track({ label: "A", total: 1000, failed: (n: number) => n > 100 })(paced(1000, 200))

    it.effect("gets lines after 5, 15, 30 and 60 seconds, then every minute, and at the end", () =>
      Effect.gen(function*() {
        for (const options of [{ isTerminal: false }, { env: { TERM: "dumb" } }]) {
          assert.deepStrictEqual(yield* ofStream(stream, 250_000, options), [
            "A: 2 %, 25 of 1,000, 5.0/s, 3 min 20 s left",
            "A: 7 %, 75 of 1,000, 5.0/s, 3 min 10 s left",
            "A: 15 %, 150 of 1,000, 5.0/s, 2 min 50 s left, 50 failed",
            "A: 30 %, 300 of 1,000, 5.0/s, 2 min 20 s left, 200 failed",
            "A: 60 %, 600 of 1,000, 5.0/s, 1 min 20 s left, 500 failed",
            "A: 90 %, 900 of 1,000, 5.0/s, 20 s left, 800 failed",
            "A: ended after 3 min 19 s, 1,000 of 1,000, 5.0/s, 900 failed"
          ])
        }
      }))

    it.effect("gets nothing of a stream that ends before its first line", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* ofStream(Stream.take(stream, 24), 10_000, { isTerminal: false }), [])
        assert.deepStrictEqual(yield* ofStream(stream, 4999, { isTerminal: false }), [])
        assert.lengthOf(yield* ofStream(stream, 5000, { isTerminal: false }), 2)
      }))

    it.effect("says that a stream has stalled", () =>
      Effect.gen(function*() {
        const log = yield* ofStream(Progress.track()(Stream.concat(Stream.make(1), Stream.never)), 60_000, {
          isTerminal: false
        })
        assert.deepStrictEqual(log, [
          "1, 0.2/s",
          "1, stalled 10 s",
          "1, stalled 25 s",
          "1, stalled 55 s",
          "ended after 1 min, 1, 1.0/min"
        ])
      }))
  })

  describe("Display", () => {
    it.effect("quiet shows nothing, and does not even ask for the total", () =>
      Effect.gen(function*() {
        const terminal = makeTerminal()
        let asked = 0
        const total = Effect.sync(() => ++asked)
        const stream = Stream.provideService(
          Progress.track({ total, failed: () => assert.fail() })(paced(100, 100)),
          Progress.Display,
          Progress.quiet
        )
        yield* Fiber.join(yield* after(stream, 10_000, terminal))
        assert.deepStrictEqual([asked, terminal.writes, terminal.logged], [0, [], []])
      }))

    it.effect("log and terminal do so whatever stderr is", () =>
      Effect.gen(function*() {
        const stream = Progress.track()(paced(100, 100))
        const tty = makeTerminal()
        yield* Fiber.interrupt(
          yield* after(Stream.provideService(stream, Progress.Display, Progress.log), 5000, tty)
        )
        assert.deepStrictEqual([tty.writes.length, tty.logged.length], [0, 2])
        const pipe = makeTerminal({ isTerminal: false })
        yield* Fiber.interrupt(
          yield* after(Stream.provideService(stream, Progress.Display, Progress.terminal), 5000, pipe)
        )
        assert.isAbove(pipe.writes.length, 10)
        assert.lengthOf(pipe.logged, 0)
      }))

    it.effect("of a program reads the counts, in the scope of the stream", () =>
      Effect.gen(function*() {
        const ended = yield* Deferred.make<ReadonlyArray<number>>()
        const display: Progress.Display = {
          show: (progress) =>
            Effect.addFinalizer(() => Deferred.succeed(ended, [progress.total ?? 0, progress.done, progress.failed]))
        }
        const sum = yield* Stream.range(1, 10_000).pipe(
          Progress.track({ label: "A", total: 10_000, failed: (n: number) => n % 10 === 0 }),
          Stream.runSum,
          Effect.provideService(Progress.Display, display)
        )
        assert.strictEqual(sum, 50_005_000)
        assert.deepStrictEqual(yield* Deferred.await(ended), [10_000, 10_000, 1000])
      }))
  })

  it.effect("interrupts the Effect of a total with the stream", () =>
    Effect.gen(function*() {
      const interrupted = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      const total = Deferred.succeed(begun, undefined).pipe(
        Effect.andThen(Effect.never),
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
      const stream = Progress.track({ total })(Stream.fromEffect(Deferred.await(begun)))
      yield* Effect.provide(Stream.runDrain(stream), makeTerminal().services)
      yield* Deferred.await(interrupted)
    }))

  it.effect("refuses a total that is not a number of at least 0, by a defect that names it", () =>
    Effect.gen(function*() {
      for (const total of [-1, NaN, Infinity]) {
        const exit = yield* Effect.exit(Stream.runDrain(Progress.track({ total })(Stream.make(1))))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "total must be a number of at least 0")
      }
    }))

  it.effect("passes elements on in the arrays of the stream, unchanged", () =>
    Effect.gen(function*() {
      const arrays = [[1, 2, 3], [4], [5, 6]] as const
      const passed = yield* Stream.fromIterable(arrays).pipe(
        Stream.flatMap((array) => Stream.fromArray(array)),
        Progress.track(),
        Stream.chunks,
        Stream.runCollect
      )
      assert.deepStrictEqual(passed.map((array) => [...array]), arrays.map((array) => [...array]))
    }))
})
