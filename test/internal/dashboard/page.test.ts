import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { gzipSync } from "node:zlib"
import { load } from "../../../src/internal/dashboard/page.ts"

describe("the page", () => {
  it.effect("has at most 80,000 bytes, 28,000 compressed", () =>
    Effect.gen(function*() {
      const html = Buffer.from((yield* load).html({ title: "papyros" }))
      assert.isAtMost(html.length, 80_000)
      assert.isAtMost(gzipSync(html).length, 28_000)
    }))
})
