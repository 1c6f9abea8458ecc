import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { millisOption } from "../../src/internal/options.ts"

describe("millisOption", () => {
  it("takes every form of a duration, of any length", () => {
    const cases: ReadonlyArray<readonly [input: Duration.Input | undefined, millis: number | undefined]> = [
      [undefined, undefined],
      [0, 0],
      [1.5, 1.5],
      ["2 seconds", 2000],
      ["30 days", 30 * 24 * 3600 * 1000],
      [{ minutes: 1, seconds: 2 }, 62_000],
      [{ seconds: 0 }, 0],
      [[1, 500_000_000], 1500],
      [5_000_000n, 5],
      [Duration.seconds(3), 3000],
      [Duration.infinity, Infinity]
    ]
    for (const [input, millis] of cases) assert.strictEqual(millisOption("taskTimeout", input), millis)
  })

  it("names the option and the value of what is not a duration of at least 0", () => {
    const cases: ReadonlyArray<readonly [input: unknown, given: string]> = [
      ["abc", "abc"],
      ["-5 seconds", "-5 seconds"],
      [Duration.millis(-5), "-5 millis"],
      [-5, "-5"],
      [NaN, "NaN"],
      [{}, "{}"],
      [{ second: 1 }, "{\"second\":1}"],
      [null, "null"],
      [[], "[]"],
      [true, "true"]
    ]
    for (const [input, given] of cases) {
      assert.throws(
        () => millisOption("taskTimeout", input as Duration.Input),
        RangeError,
        `taskTimeout must be a duration of at least 0, got ${given}`
      )
    }
  })
})
