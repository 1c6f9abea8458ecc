import { assert, describe, it } from "@effect/vitest"
import * as Format from "../../page/format.ts"

describe("format of the page", () => {
  it("shows time spans with three digits, in the unit that fits", () => {
    const cases: ReadonlyArray<readonly [number, string]> = [
      [0, "0 µs"],
      [0.0021, "2.1 µs"],
      [0.064, "64 µs"],
      [0.9, "900 µs"],
      [1, "1 ms"],
      [12, "12 ms"],
      [120, "120 ms"],
      [999.6, "1 s"],
      [1234, "1.23 s"],
      [59_949, "59.9 s"],
      [60_000, "1 min"],
      [588_000, "9 min 48 s"],
      [3_600_000, "1 h"],
      [4_500_000, "1 h 15 min"],
      [90_000_000, "25 h"]
    ]
    for (const [ms, text] of cases) assert.strictEqual(Format.span(ms), text)
  })

  it("shows rates with three digits", () => {
    const cases: ReadonlyArray<readonly [number, string]> = [
      [0, "0"],
      [0.31, "0.31"],
      [17.94, "17.9"],
      [100, "100"],
      [1043, "1,043"],
      [12_400, "12.4k"],
      [1_500_000, "1.5M"]
    ]
    for (const [rate, text] of cases) assert.strictEqual(Format.short(rate), text)
  })

  it("shows text on one line, with control characters and bidirectional overrides as escapes", () => {
    assert.strictEqual(Format.line("a\u202eb\u0007\n\tc\r\u2028"), "a\\u202eb\\u0007 c\\u000d\\u2028")
  })

  it("shows shares without false precision", () => {
    assert.deepStrictEqual([0, 0.004, 0.861, 1].map(Format.percent), ["0 %", "0.4 %", "86 %", "100 %"])
  })
})
