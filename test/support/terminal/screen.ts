/**
 * A terminal emulator that shows what a program has written: the lines of its screen, its cursor, and whether a line
 * was wrapped.
 */
import xterm from "@xterm/headless"
import * as Effect from "effect/Effect"

export class Screen {
  private readonly terminal: InstanceType<typeof xterm.Terminal>
  private cursorVisible = true
  /** Whether any line has been wrapped since the start. */
  hasWrapped = false

  constructor(columns: number, rows: number) {
    this.terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 10_000 })
    const isCursor = (set: boolean) => (params: ReadonlyArray<number | ReadonlyArray<number>>) => {
      if (params.includes(25)) this.cursorVisible = set
      return false
    }
    this.terminal.parser.registerCsiHandler({ prefix: "?", final: "h" }, isCursor(true))
    this.terminal.parser.registerCsiHandler({ prefix: "?", final: "l" }, isCursor(false))
  }

  /** Takes more output. The emulator shows it later. */
  put(text: string | Uint8Array, done?: () => void): void {
    this.terminal.write(text, () => {
      const { active } = this.terminal.buffer
      for (let y = 0; y < active.length; y++) if (active.getLine(y)!.isWrapped) this.hasWrapped = true
      done?.()
    })
  }

  /** Waits until all output is shown. */
  readonly shown: Effect.Effect<void> = Effect.callback((resume) => this.put("", () => resume(Effect.void)))

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows)
  }

  /** All lines with those that were scrolled away, without spaces at their ends and without empty lines at the end. */
  get lines(): ReadonlyArray<string> {
    const { active } = this.terminal.buffer
    const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y)!.translateToString(true))
    while (lines.at(-1) === "") lines.pop()
    return lines
  }

  /** Columns and colors of a line: `undefined` for the color of the terminal. */
  cells(
    y: number
  ): ReadonlyArray<{ readonly text: string; readonly color: number | undefined; readonly dim: boolean }> {
    const line = this.terminal.buffer.active.getLine(y)!
    return Array.from({ length: line.length }, (_, x) => {
      const cell = line.getCell(x)!
      return {
        text: cell.getWidth() === 0 ? "" : cell.getChars() || " ",
        color: cell.isFgDefault() ? undefined : cell.getFgColor(),
        dim: cell.isDim() !== 0
      }
    })
  }

  get cursor(): { readonly column: number; readonly row: number; readonly visible: boolean } {
    const { active } = this.terminal.buffer
    return { column: active.cursorX, row: active.baseY + active.cursorY, visible: this.cursorVisible }
  }
}
