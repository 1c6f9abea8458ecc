import { assert, describe as group, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { runInNewContext } from "node:vm"
import { describe } from "../../src/internal/describe.ts"

class Full extends Schema.TaggedError<Full>()("Full", { disk: Schema.String }) {}

group("the description of a value in a message", () => {
  it("is the message of an error, of this realm or of another, or of a copy of its fields", () => {
    const error = new Error("no license")
    assert.strictEqual(describe(error), "no license")
    assert.strictEqual(describe(runInNewContext("new TypeError('no license')")), "no license")
    assert.strictEqual(describe({ name: "Error", message: error.message, stack: error.stack }), "no license")
  })

  it("is the fields of an error without a message, and the printed form of anything else", () => {
    assert.include(describe(new Full({ disk: "sda" })), "sda")
    assert.strictEqual(describe("text"), "text")
    assert.include(describe({ message: "not an error", code: 7 }), "7")
    assert.strictEqual(describe(null), "null")
    const throws = new Proxy({}, {
      get: () => {
        throw new Error("no")
      }
    })
    assert.isString(describe(throws))
  })
})
