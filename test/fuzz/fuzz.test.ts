/** A small part of `npm run test:fuzz`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fuzz } from "./fuzz.ts"
import { kept } from "./seeds.ts"

const MiB = 1024 * 1024

const seeds = function*(): Iterable<number> {
  yield* kept
  for (let seed = 0;; seed++) yield seed
}

describe("A worker process", () => {
  it.live(
    "goes on whatever a peer sends, runs nothing of it, and serves others meanwhile",
    () =>
      Effect.gen(function*() {
        const report = yield* fuzz({ seeds: seeds(), frames: 2000, connections: 8 })
        assert.deepStrictEqual(report.violations, [])
        assert.isAtLeast(report.frames, 2000)
        assert.isAbove(report.refused, 0)
        assert.isAbove(report.served, 500)
        assert.isAtMost(report.memory, 64 * MiB)
      }),
    120_000
  )
})
