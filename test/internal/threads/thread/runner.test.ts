import { assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { noCopy } from "../../../../src/internal/handlers/copy.ts"
import { Handlers } from "../../../../src/internal/handlers/handlers.ts"
import type { FromThread, Results } from "../../../../src/internal/threads/protocol/messages.ts"
import { ReceivedItems } from "../../../../src/internal/threads/protocol/messageState.ts"
import { ThreadOutbox } from "../../../../src/internal/threads/protocol/outbox.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import { ThreadRunner } from "../../../../src/internal/threads/thread/runner.ts"

class Step extends Task.Class<Step>()("Step", { payload: { n: Schema.Int } }) {}

const group = TaskGroup.make(Step)

/** A runner on a clock that only its handler moves; `step` says by how many milliseconds. */
const make = (step: (n: number, main: SharedState) => number, received?: ReceivedItems) =>
  Effect.gen(function*() {
    const shared = SharedState.make()
    const main = new SharedState(shared)
    let now = 1000
    yield* Effect.acquireRelease(
      Effect.sync(() => vi.spyOn(performance, "now").mockImplementation(() => now)),
      (spy) => Effect.sync(() => spy.mockRestore())
    )
    const layer = group.toLayer({
      Step: ({ n }) => {
        now += step(n, main)
        return Effect.void
      }
    })
    const context = yield* Layer.build(layer)
    const handlers = new Handlers(group, context as never, {} as never, "codec", noCopy, {})
    const posted: Array<ReadonlyArray<FromThread>> = []
    const outbox = new ThreadOutbox<FromThread>((messages) => posted.push(structuredClone(messages)), [])
    const runner = new ThreadRunner(handlers, received ?? new SharedState(shared), outbox, () => false, 1)
    const run = (items: number) => {
      main.open(0, items)
      const payloads = Array.from({ length: items }, (_, n) => ({ n }))
      runner.receive(["run", 1, 0, ["Step"], undefined, [[0, payloads]], undefined])
    }
    /** The items whose outcomes were sent together. */
    const batches = () =>
      posted.flat().flatMap((message) =>
        message[0] !== "done" ? [] : (message[2] as ReadonlyArray<Results>).map(({ at, values }) => {
          assert.strictEqual(values[0], 0)
          const count = (values[1] as ReadonlyArray<unknown>).length
          return typeof at === "number" ? Array.from({ length: count }, (_, i) => at + i) : Array.from(at)
        })
      )
    return { batches, posted, run, runner }
  })

describe("ThreadRunner", () => {
  it.effect("sends outcomes in time when tasks become slow, if the main thread ticks", () =>
    Effect.gen(function*() {
      const fast = 300
      const { batches, run } = yield* make((n, main) => {
        if (n < fast) return 0.001
        main.tick()
        return 3
      })
      run(fast + 100)
      yield* Effect.promise(() => vi.waitFor(() => assert.isAtLeast(batches().flat().length, fast + 100)))
      for (const batch of batches()) {
        const slow = batch.filter((n) => n >= fast)
        assert.isAtMost(slow.length, 1, `${batch[0]} to ${batch.at(-1)}`)
      }
    }))

  it.effect("sends outcomes of up to 4 ms together, and of 1 ms while less than 2 ms of work is left", () =>
    Effect.gen(function*() {
      const { batches, run } = yield* make((_, main) => {
        main.tick()
        return 1.1
      })
      run(40)
      yield* Effect.promise(() => vi.waitFor(() => assert.isAtLeast(batches().flat().length, 40)))
      const sizes = batches().map(({ length }) => length)
      // A fourth one would end after 4.4 ms. The last ones do not wait. A turn of the event loop has eight.
      assert.deepStrictEqual(sizes.slice(0, 6), [3, 3, 2, 3, 3, 2])
      assert.deepStrictEqual(sizes.slice(-2), [1, 1])
    }))

  it.effect("does not start a task that was cancelled before its handler is called", () =>
    Effect.gen(function*() {
      const started: Array<number> = []
      const { posted, run } = yield* make((n, main) => {
        started.push(n)
        // The next one is cancelled while this one runs.
        main.markCancelled(0, n + 1)
        return 0
      })
      run(2)
      assert.deepStrictEqual(started, [0])
      const failures = posted.flat().flatMap((message) => message[0] === "done" ? message[3] : [])
      assert.deepStrictEqual(failures, [[1, { _tag: "Interrupted", trace: "" }]])
    }))

  it.effect("without shared memory, does not start a task whose cancellation has arrived", () =>
    Effect.gen(function*() {
      const started: Array<number> = []
      const { posted, run, runner } = yield* make((n) => {
        started.push(n)
        // It arrives between two tasks.
        runner.receive(["cancel", 1, n + 1])
        return 0
      }, new ReceivedItems())
      run(3)
      assert.deepStrictEqual(started, [0, 2])
      const failures = posted.flat().flatMap((message) => message[0] === "done" ? message[3] : [])
      assert.deepStrictEqual(failures, [[1, { _tag: "Interrupted", trace: "" }]])
    }))
})
