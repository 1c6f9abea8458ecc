import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Scheduler } from "../../../src/internal/scheduler/scheduler.ts"
import type { Chunk } from "../../../src/internal/scheduler/workerState.ts"
import { entryOf, FakeWorker, ListProducer, makeScheduler } from "../../support/scheduler/fixtures.ts"

/** A worker with one slot that takes up to three tasks, one at a time, whenever it is woken. */
class TakingWorker extends FakeWorker {
  readonly chunks: Array<Chunk> = []
  private readonly scheduler: Scheduler

  constructor(scheduler: Scheduler, name: string) {
    super({ name, concurrency: 1, window: 3 })
    this.scheduler = scheduler
    scheduler.join(this)
  }

  override wake() {
    super.wake()
    while (this.chunks.length < 3) {
      const chunk = this.scheduler.take(this, 1)
      if (chunk === undefined) return
      this.chunks.push(chunk)
    }
  }

  get assigned(): number {
    return this.chunks.length
  }
}

describe("Scheduler", () => {
  it.effect("gives tasks that come one by one to workers that have a free slot first", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const workers = ["a", "b", "c"].map((name) => new TakingWorker(scheduler, name))
      for (let i = 0; i < 3; i++) subscribe(new ListProducer([entryOf(i)]))
      assert.deepStrictEqual(workers.map(({ assigned }) => assigned), [1, 1, 1])
    }))

  it.effect("gives a task that comes back unstarted to a worker that has a free slot, not to the one that it waited on", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      const busy = new TakingWorker(scheduler, "busy")
      subscribe(new ListProducer([entryOf(0), entryOf(1)]))
      assert.strictEqual(busy.assigned, 2)
      const idle = new TakingWorker(scheduler, "idle")
      const unstarted = busy.chunks.pop()!
      scheduler.requeue(unstarted, 0, 1)
      assert.deepStrictEqual([busy.assigned, idle.assigned], [1, 1])
      assert.strictEqual(idle.chunks[0].items[0], unstarted.items[0])
    }))

  it.effect("wakes the other workers after one that throws", () =>
    Effect.gen(function*() {
      const { scheduler, subscribe } = yield* makeScheduler()
      class ThrowingWorker extends TakingWorker {
        override wake() {
          throw new Error("broken")
        }
      }
      const broken = new ThrowingWorker(scheduler, "broken")
      const sound = new TakingWorker(scheduler, "sound")
      assert.throws(() => subscribe(new ListProducer([entryOf(0)])), "broken")
      assert.deepStrictEqual([broken.assigned, sound.assigned], [0, 1])
      const later = new TakingWorker(scheduler, "later")
      subscribe(new ListProducer([entryOf(1)]))
      assert.deepStrictEqual([broken.assigned, sound.assigned, later.assigned], [0, 1, 1])
    }))
})
