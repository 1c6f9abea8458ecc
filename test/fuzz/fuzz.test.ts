/** A small part of `npm run test:fuzz`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fuzz } from "./fuzz.ts"
import { fuzzClient } from "./fuzzClient.ts"
import { kept, keptOfClient } from "./seeds.ts"

const MiB = 1024 * 1024

const seeds = function*(kept: ReadonlyArray<number>): Iterable<number> {
  yield* kept
  for (let seed = 0;; seed++) yield seed
}

describe("A worker process", () => {
  it.live(
    "goes on whatever a peer sends, runs nothing of it, and serves others meanwhile",
    () =>
      Effect.gen(function*() {
        const report = yield* fuzz({ seeds: seeds(kept), frames: 2000, connections: 8 })
        assert.deepStrictEqual(report.violations, [])
        assert.isAtLeast(report.frames, 2000)
        assert.isAbove(report.refused, 0)
        assert.isAbove(report.served, 500)
        assert.isAtMost(report.memory, 64 * MiB)
      }),
    120_000
  )
})

describe("A client", () => {
  it.live(
    "goes on whatever workers and name servers send, and gets the results of an honest worker meanwhile",
    () =>
      Effect.gen(function*() {
        const report = yield* fuzzClient({ seeds: seeds(keptOfClient), frames: 4000 })
        assert.deepStrictEqual(report.violations, [])
        assert.isAtLeast(report.frames, 4000)
        assert.isAbove(report.answered, 0)
        assert.isAtMost(report.memory, 64 * MiB)
      }),
    120_000
  )
})
