import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { serve } from "../examples/browser/server.ts"
import { Chromium, isAvailable, open } from "./support/browser/chromium.ts"

const folder = "node_modules/effect/src"
const names = readdirSync(folder).filter((name) => name.endsWith(".ts")).slice(0, 40)
const contents = names.map((name) => readFileSync(`${folder}/${name}`))

describe.skipIf(!isAvailable)("the example in a browser", () => {
  layer(Chromium.layer, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect.each([true, false])(
      "computes checksums in Web Workers, with shared memory: %s",
      (isolated) =>
        Effect.gen(function*() {
          const { page, problems } = yield* open(yield* serve(0, isolated))
          assert.strictEqual(yield* Effect.promise(() => page.evaluate("crossOriginIsolated")), isolated)
          yield* Effect.promise(() => page.setInputFiles("#files", names.map((name) => `${folder}/${name}`)))
          yield* Effect.promise(() => page.locator("#total", { hasText: "files" }).waitFor())
          const rows = yield* Effect.promise(() => page.locator("#rows tr").allInnerTexts())
          assert.deepStrictEqual(
            rows.map((row) => row.split("\t")),
            contents.map((content, i) => [
              String(content.length),
              String(content.toString("latin1").split("\n").length - 1),
              createHash("sha256").update(content).digest("hex"),
              names[i]
            ])
          )
          const bar = "[document.getElementById('progress').value, document.getElementById('progress').max]"
          assert.deepStrictEqual(yield* Effect.promise(() => page.evaluate(bar)), [names.length, names.length])
          assert.isAbove(page.workers().length, 0)
          assert.deepStrictEqual(problems, [])
        })
    )
  })
})
