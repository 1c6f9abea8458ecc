import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { Chromium, isAvailable } from "../support/browser/chromium.ts"

/** What `browser/bars.ts` returns. */
interface Result {
  readonly different: number
  readonly pixels: number
  readonly update: number
  readonly all: number
}

/** The module as a script that defines `bars`. */
const bundle = Effect.promise(async () => {
  const build = await rolldown({
    input: fileURLToPath(new URL("browser/bars.ts", import.meta.url)),
    platform: "browser"
  })
  const { output } = await build.generate({ format: "iife", name: "bars" })
  await build.close()
  return output[0].code
})

describe.skipIf(!isAvailable)(
  "The bars of the task stream",
  () =>
    layer(Chromium.layer, { excludeTestServices: true })((it) => {
      it.effect("are the same drawn as they come and drawn at once, with less work", () =>
        Effect.gen(function*() {
          const browser = yield* Chromium
          const page = yield* Effect.acquireRelease(
            Effect.promise(() => browser.newPage()),
            (page) => Effect.promise(() => page.close())
          )
          yield* Effect.promise(async () => page.addScriptTag({ content: await Effect.runPromise(bundle) }))
          for (let seed = 1; seed <= 6; seed++) {
            const failures = seed % 2 === 0 ? 0.1 : 0
            const { all, different, pixels, update } = yield* Effect.promise(() =>
              page.evaluate<Result>(`bars.compare(${seed}, ${failures})`)
            )
            assert.isAbove(all, 300)
            assert.isBelow(update, all / 3, `seed ${seed}`)
            // Where marks of failures meet, they may be drawn twice or not at all.
            assert.isAtMost(different, failures === 0 ? 0 : pixels / 1000, `seed ${seed}`)
          }
        }), 60_000)
    })
)
