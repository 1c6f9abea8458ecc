import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { sanitizeForLog, sanitizeLines } from "../../src/internal/sanitize.ts"

/** Control characters, and characters that change the direction of text, by their Unicode properties. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/** Bidirectional marks that cannot reorder the text around them. */
const marks = /[\u061c\u200e\u200f]/g

const Text = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0x2100 })))

describe("sanitize", () => {
  it.effect.prop("leaves no control character in a log line, nor one but newlines and tabs in a message", {
    codes: Text
  }, ({ codes }) =>
    Effect.sync(() => {
      const text = String.fromCharCode(...codes).replace(marks, "")
      assert.notMatch(sanitizeForLog(text), UNSAFE)
      assert.notMatch(sanitizeLines(text).replace(/[\n\t]/g, ""), UNSAFE)
    }))

  it("escapes what it removes, and keeps all other text", () => {
    assert.strictEqual(sanitizeForLog("größe 1 → 2 \u001b[2J\n\u202e"), "größe 1 → 2 \\u001b[2J\\u000a\\u202e")
    assert.strictEqual(sanitizeLines("a\n\tb\u0007\u009b"), "a\n\tb\\u0007\\u009b")
  })

  it("cuts a log line, and not a message", () => {
    assert.strictEqual(sanitizeForLog("x".repeat(1000)), `${"x".repeat(256)}…`)
    assert.strictEqual(sanitizeForLog("x".repeat(256)), "x".repeat(256))
    assert.strictEqual(sanitizeLines("x".repeat(1000)).length, 1000)
  })
})
