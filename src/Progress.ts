/**
 * Shows the progress of a stream: a bar on the terminal, or lines in the log where there is no terminal.
 *
 * It works with any stream, and knows the failed tasks of `Dispatcher.results`. The elements are not changed. Nothing
 * that happens to the terminal fails the stream.
 */
import * as DefaultStdio from "#stdio"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { Counts, type Progress } from "./internal/progress/counts.ts"
import { logLines } from "./internal/progress/logLines.ts"
import { Renderer, Renderers } from "./internal/progress/renderer.ts"

// ----------------------------------------------------------------------------
// Tracking
// ----------------------------------------------------------------------------

/**
 * The options of `track`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface TrackOptions<in A = unknown, out R = never> {
  /** The name of the stream, shown before its bar. A terminal shows at most half a line of it. Default: none. */
  readonly label?: string | undefined
  /**
   * The number of elements, if it is known. An Effect is run beside the stream, once, and interrupted if the stream ends
   * before it. Without a total, the count and the rate are shown. Default: not known.
   */
  readonly total?: number | Effect.Effect<number, never, R> | undefined
  /**
   * Whether an element counts as failed. It is called for each element. Default: an outcome whose task has failed, as in
   * the streams of `Dispatcher.results` and of queues.
   */
  readonly failed?: ((element: A) => boolean) | undefined
}

/**
 * Shows the progress of a stream while it runs.
 *
 * **Details**
 *
 * On a terminal, it shows a bar on stderr: the share that is done, counts, the rate, the remaining time and the number of
 * failures, as far as they fit into the width of the terminal. The bars of several streams are shown together. Other
 * output to the terminal appears above the bars. At the end of the stream, its bar disappears.
 *
 * Where stderr is not a terminal, it logs a line after 5, 15, 30 and 60 seconds, then every minute, and at the end if
 * there was a line before. Provide `Display` to choose.
 *
 * **Gotchas**
 *
 * A text without a newline at its end hides the bars until the line has ended. Output of child processes that inherit
 * the terminal is not noticed, and mixes with the bars.
 *
 * **Example** (Showing the progress of tasks)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as Progress from "papyros/Progress"
 *
 * const program = Stream.range(1, 100).pipe(
 *   Progress.track({ label: "Numbers", total: 100 }),
 *   Stream.runSum
 * )
 *
 * console.log(await Effect.runPromise(program)) // => 5050
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const track =
  <F = unknown, R2 = never>(options?: TrackOptions<F, R2>) =>
  <A extends F, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R | Exclude<R2, Scope.Scope>> =>
    Stream.unwrap(Effect.gen(function*() {
      const display = yield* Display
      if (display === quiet) return self
      const { failed, label = "", total } = options ?? {}
      const counts = new Counts(label, failed)
      if (Effect.isEffect(total)) {
        yield* Effect.forkScoped(Effect.map(total, (total) => {
          if (isTotal(total)) counts.total = total
        }))
      } else if (total !== undefined) {
        if (!isTotal(total)) throw new RangeError(`total must be a number of at least 0, got ${total}`)
        counts.total = total
      }
      yield* display.show(counts)
      return Stream.mapArray(self, (elements) => {
        counts.add(elements)
        return elements
      })
    }))

const isTotal = (total: number): boolean => total >= 0 && total < Infinity

// ----------------------------------------------------------------------------
// Displays
// ----------------------------------------------------------------------------

export type { Progress } from "./internal/progress/counts.ts"

/**
 * The place where `track` shows progress. Implement it to show progress elsewhere, for example in a web page.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Display {
  /**
   * Begins to show the progress of a stream, until the scope closes, and does not wait for it. It reads the counts when
   * it needs them: it is not told about elements.
   */
  readonly show: (progress: Progress) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * Shows nothing. Elements are not even counted.
 *
 * @stability experimental
 * @category displays
 * @since 0.1.0
 */
export const quiet: Display = { show: () => Effect.void }

/**
 * Logs a line after 5, 15, 30 and 60 seconds, then every minute, and at the end if there was a line before. The level is
 * `Info`. The default loggers write these lines to stderr.
 *
 * @stability experimental
 * @category displays
 * @since 0.1.0
 */
export const log: Display = { show: logLines }

/** The `Stdio` of the program, else that of the process. */
const stdio = Effect.flatMap(
  Effect.serviceOption(Stdio.Stdio),
  Option.match({
    onNone: () => Effect.provide(Stdio.Stdio, DefaultStdio.layer),
    onSome: Effect.succeed
  })
)

/**
 * The capabilities of the terminal at stderr. `TerminalCapabilities` are otherwise those of stdout, mostly a pipe here.
 * Where the environment cannot be read, the terminal is taken for one that can do nothing.
 */
const capabilities = Effect.flatMap(stdio, (stdio) =>
  Effect.provide(
    TerminalCapabilities.TerminalCapabilities,
    TerminalCapabilities.layer.pipe(
      Layer.provide(Layer.succeed(Stdio.Stdio, { ...stdio, stdoutIsTerminal: stdio.stderrIsTerminal }))
    )
  )).pipe(Effect.catchCause(() => Effect.succeed({ canColor: false, canAnimate: false })))

/** The size of the terminal: that of `Terminal`, unless stdout is not one. */
const size = Effect.map(Effect.serviceOption(Terminal.Terminal), (terminal) =>
  Effect.gen(function*() {
    const [columns, rows] = Option.isSome(terminal)
      ? yield* Effect.all([terminal.value.columns, terminal.value.rows])
      : [0, 0]
    const size = DefaultStdio.terminalSize()
    return { columns: columns || size.columns || 80, rows: rows || size.rows || 24 }
  }))

/**
 * Draws bars on stderr, also where it is not known to be a terminal. Colors depend on `NO_COLOR` and `FORCE_COLOR`.
 *
 * @stability experimental
 * @category displays
 * @since 0.1.0
 */
export const terminal: Display = {
  show: (progress) =>
    Effect.gen(function*() {
      const renderers = yield* Renderers
      const at = yield* stdio
      let renderer = renderers.get(at)
      if (renderer === undefined) {
        const color = (yield* capabilities).canColor
        renderer = renderers.get(at) ?? new Renderer({ stdio: at, size: yield* size, color })
        renderers.set(at, renderer)
      }
      yield* renderer.show(progress)
    })
}

const auto: Display = {
  show: (progress) =>
    stdio.pipe(
      Effect.flatMap((stdio) => stdio.stderrIsTerminal),
      // Reading the environment takes longer than all the rest.
      Effect.flatMap((isTerminal) => isTerminal ? capabilities : Effect.succeed({ canAnimate: false })),
      Effect.flatMap(({ canAnimate }) => (canAnimate ? terminal : log).show(progress))
    )
}

/**
 * Where `track` shows progress. By default on the terminal, if stderr is one and `TERM` is not `dumb`, else in the log.
 *
 * **Example** (Showing nothing)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as Progress from "papyros/Progress"
 *
 * const program = Stream.range(1, 100).pipe(
 *   Progress.track(),
 *   Stream.runSum,
 *   Effect.provideService(Progress.Display, Progress.quiet)
 * )
 *
 * console.log(await Effect.runPromise(program)) // => 5050
 * ```
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export const Display: Context.Reference<Display> = Context.Reference("papyros/Progress/Display", {
  defaultValue: () => auto
})
