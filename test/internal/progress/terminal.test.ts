import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { isAvailable, MISSING, open } from "../../support/terminal/pty.ts"
import { Screen } from "../../support/terminal/screen.ts"

const program = fileURLToPath(new URL("./program.ts", import.meta.url))

const command = (end: string) => `${process.execPath} --conditions=papyros-source ${program} '${end}'`

const hasBar = ({ lines }: Screen): boolean => lines.some((line) => /\d %  /.test(line))

const assertAsBefore = ({ cursor, hasWrapped }: Screen) => {
  assert.deepStrictEqual([cursor.visible, cursor.column, hasWrapped], [true, 0, false])
}

/** Other output of the program. */
const printed = ["log 10", "one line", "log 20", "log 30", "end"]

/** The most bars that have stood on the screen at the same time. */
const mostBars = Effect.fnUntraced(function*(output: string, columns: number) {
  const screen = new Screen(columns, 12)
  let most = 0
  // oxlint-disable-next-line no-control-regex
  for (const part of output.split(/(?=\u001b\[\?25[hl])/)) {
    screen.put(part)
    yield* screen.shown
    most = Math.max(most, screen.lines.filter((line) => /\d %/.test(line)).length)
  }
  return most
})

if (!isAvailable) console.warn(MISSING)

describe.skipIf(!isAvailable)("progress in a terminal", { concurrent: true, timeout: 120_000 }, () => {
  for (const columns of [20, 40, 80, 120]) {
    it.live(`does not wrap at ${columns} columns, and leaves only other output`, () =>
      Effect.gen(function*() {
        const terminal = yield* open(command("at its end"), columns, 12)
        assert.strictEqual(yield* terminal.ended, 0)
        assert.deepStrictEqual(terminal.screen.lines, printed)
        assertAsBefore(terminal.screen)
        assert.strictEqual(yield* mostBars(terminal.output(), columns), 2)
      }))
  }

  it.live("fits a terminal that becomes narrower and wider", () =>
    Effect.gen(function*() {
      const terminal = yield* open(command("never"), 100, 12)
      const shows = (hasBar: boolean) =>
        terminal.until(({ lines }) =>
          lines.length === 1 && lines[0].includes("11 %") && lines[0].includes("─") === hasBar
        )
      yield* shows(true)
      yield* terminal.resize(30, 12)
      yield* shows(false)
      yield* terminal.resize(90, 5)
      yield* shows(true)
      yield* terminal.type("\u0003")
      assert.strictEqual(yield* terminal.ended, 130)
      assert.deepStrictEqual(terminal.screen.lines, [])
      assert.isTrue(terminal.screen.cursor.visible)
    }))

  it.live("leaves nothing when Ctrl-C ends a program that does not handle it", () =>
    Effect.gen(function*() {
      const terminal = yield* open(command("never"), 60, 12)
      yield* terminal.until(hasBar)
      assert.isFalse(terminal.screen.cursor.visible)
      yield* terminal.type("\u0003")
      assert.strictEqual(yield* terminal.ended, 130)
      assert.deepStrictEqual(terminal.screen.lines, [])
      assertAsBefore(terminal.screen)
    }))

  it.live("leaves nothing when the program exits or throws", () =>
    Effect.gen(function*() {
      const exits = yield* open(command("exit"), 60, 12)
      assert.strictEqual(yield* exits.ended, 3)
      assert.include(exits.output(), "Waiting")
      assert.deepStrictEqual(exits.screen.lines, [])
      assertAsBefore(exits.screen)
      const throws = yield* open(command("throws"), 200, 40)
      assert.strictEqual(yield* throws.ended, 1)
      assert.include(throws.output(), "Waiting")
      assert.include(throws.screen.lines.join("\n"), "Error: uncaught")
      assert.notInclude(throws.screen.lines.join("\n"), "Waiting")
      assertAsBefore(throws.screen)
    }))

  it.live("leaves nothing while Ctrl-Z has stopped the program, and shows the bars again after that", () =>
    Effect.gen(function*() {
      const terminal = yield* open("env PS1='$ ' bash --norc --noprofile -i", 200, 12)
      yield* terminal.until(({ lines }) => lines.some((line) => line.startsWith("$")))
      yield* terminal.type(`${command("never")}\n`)
      yield* terminal.until(hasBar)
      yield* terminal.type("\u001a")
      yield* terminal.until(({ lines }) => lines.some((line) => line.includes("Stopped")))
      yield* terminal.until(({ cursor }) => cursor.visible)
      assert.isFalse(hasBar(terminal.screen))
      yield* terminal.type("fg\n")
      yield* terminal.until((screen) => hasBar(screen) && !screen.cursor.visible)
      yield* terminal.type("\u0003")
      yield* terminal.until((screen) => screen.cursor.visible && !hasBar(screen))
      yield* terminal.type("exit\n")
      yield* terminal.ended
    }))
})
