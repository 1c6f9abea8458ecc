/**
 * Draws the bars of all streams that one terminal shows, ten times a second.
 *
 * Must stay true: a terminal has one renderer, however many streams are shown and in whatever order they end. Nothing
 * that happens to a write fails or holds up a stream. After the last stream nothing is left: no bar, fiber or listener.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Terminal from "effect/Terminal"
import type { Progress } from "./counts.ts"
import { Estimate } from "./estimate.ts"
import { Label } from "./label.ts"
import { linesOf, type Row } from "./lines.ts"
import { ERASE, frameOf, SharedTerminal } from "./sharedTerminal.ts"
import { count, textsOf } from "./text.ts"

const INTERVAL = "100 millis"

/** How long the end of the last stream waits for a terminal that takes no output. */
const PATIENCE = "1 second"

export interface RendererOptions {
  readonly stdio: Stdio.Stdio
  readonly size: Effect.Effect<Terminal.Size>
  readonly color: boolean
}

/** A stream that is shown. */
interface Bar {
  readonly counts: Progress
  readonly label: Label
  readonly estimate: Estimate
}

export class Renderer {
  private readonly options: RendererOptions
  private readonly bars = new Set<Bar>()
  private readonly turns = Semaphore.makeUnsafe(1)
  private readonly terminal = new SharedTerminal(process)
  private fiber: Fiber.Fiber<never> | undefined
  /** The latest frame, or empty if there was none. */
  private frame = ""

  constructor(options: RendererOptions) {
    this.options = options
  }

  /** Shows a stream until the scope closes. */
  show(counts: Progress): Effect.Effect<void, never, Scope.Scope> {
    const added = Effect.map(now, (now): Bar => ({
      counts,
      label: Label.make(counts.label),
      estimate: new Estimate(now)
    })).pipe(Effect.tap((bar) => this.add(bar)))
    return Effect.acquireRelease(
      this.turns.withPermit(added),
      (bar) => this.turns.withPermit(Effect.suspend(() => this.remove(bar)))
    )
  }

  private add(bar: Bar): Effect.Effect<void> {
    this.bars.add(bar)
    if (this.bars.size > 1) return Effect.void
    this.terminal.install()
    return Effect.map(Effect.forkDetach(this.drawing), (fiber) => void (this.fiber = fiber))
  }

  private remove(bar: Bar): Effect.Effect<void> {
    this.bars.delete(bar)
    if (this.bars.size > 0) return Effect.void
    return Effect.gen({ self: this }, function*() {
      // It sleeps, or waits for a terminal that may never take the text.
      this.fiber!.interruptUnsafe()
      if (this.frame !== "") {
        const fiber = yield* Effect.forkDetach(this.write(ERASE), { startImmediately: true })
        yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), PATIENCE)
        fiber.interruptUnsafe()
      }
      this.terminal.uninstall()
      this.frame = ""
    })
  }

  private readonly drawing = Effect.suspend(() => Effect.andThen(Effect.sleep(INTERVAL), this.draw)).pipe(
    Effect.forever
  )

  private readonly draw = Effect.gen({ self: this as Renderer }, function*() {
    const { columns, rows } = yield* this.options.size
    const frame = frameOf(this.lines(columns, rows, yield* now))
    if (frame === this.frame) return
    this.frame = frame
    yield* this.write(frame)
  })

  private lines(columns: number, rows: number, now: number): ReadonlyArray<string> {
    // One row stays for other output, and one is needed to say how many bars there are.
    const room = Math.max(1, rows - 1)
    const shown = this.bars.size <= room ? this.bars.size : room - 1
    const all: Array<Row> = []
    for (const { counts, estimate, label } of this.bars) {
      estimate.sample(counts.done, now)
      if (all.length < shown) all.push({ label, texts: textsOf(counts, estimate) })
    }
    const lines = all.length === 0 ? [] : linesOf(all, columns, this.options.color)
    if (shown === this.bars.size) return lines
    return [...lines, `and ${count(this.bars.size - shown)} more`.slice(0, Math.max(0, columns - 1))]
  }

  private write(text: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.terminal.announce(text)
      return Effect.ignoreCause(Stream.run(Stream.succeed(text), this.options.stdio.stderr()))
    })
  }
}

/** The monotonic time in milliseconds. */
export const now: Effect.Effect<number> = Clock.clockWith((clock) =>
  Effect.sync(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n))
)

/** The renderers of the process by their `Stdio`. Streams that share a terminal find the same one. */
export const Renderers: Context.Reference<WeakMap<Stdio.Stdio, Renderer>> = Context.Reference(
  "papyros/Progress/Renderers",
  { defaultValue: () => new WeakMap() }
)
