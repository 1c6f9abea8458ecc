import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import type { Observer } from "../../../src/internal/scheduler/observer.ts"
import type { Chunk } from "../../../src/internal/scheduler/workerState.ts"
import { entryOf, FakeWorker, ListProducer, makeScheduler } from "../../support/scheduler/fixtures.ts"

const nothing = () => {}
const observer: Observer = {
  joined: nothing,
  left: nothing,
  starting: nothing,
  took: nothing,
  ran: nothing,
  ended: nothing,
  failed: nothing,
  restarted: nothing
}

describe("Observers", () => {
  it.effect("count no overhead of a chunk of which they have not seen all times", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const worker = new FakeWorker({ concurrency: 2 })
      scheduler.join(worker)
      const run = Effect.fnUntraced(function*(meanwhile: () => void) {
        subscribe(new ListProducer([entryOf(0), entryOf(1)], 2))
        const chunk = scheduler.take(worker, 2) as Chunk
        meanwhile()
        for (const at of [0, 1]) {
          yield* TestClock.adjust(10_000)
          scheduler.recordBusy([chunk.items[at]], 10_000_000)
          scheduler.succeed(chunk, at, undefined)
          meanwhile()
        }
      })
      let stop = scheduler.observe(observer)
      yield* run(nothing)
      const { chunkOverheads } = scheduler.statistics
      assert.strictEqual(chunkOverheads.count, 1)
      let observed = true
      yield* run(() => {
        if (observed) stop()
        else stop = scheduler.observe(observer)
        observed = !observed
      })
      assert.strictEqual(chunkOverheads.count, 1)
    }))
})
