import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { isChaos } from "../../support/effort.ts"
import { Record } from "./deadline/record.ts"
import { layer, type Report, run } from "./deadline/run.ts"
import { Busy, Nap, Plain, Stuck } from "./deadline/tasks.ts"

/** `npm run test:chaos` runs more tasks. With fewer, none may end just before its timeout on a busy machine. */
const EFFORT = isChaos ? 3 : 1

/** From 50 microseconds too few to 50 too many. */
const beyond = (n: number) => (n * 37) % 101 - 50

const bothWays = ({ busy, polling }: Report) => {
  for (const { succeeded, timedOut } of [busy, polling]) {
    assert.isAbove(succeeded, 0)
    assert.isAbove(timedOut, 0)
  }
}

describe("WorkerPoolDispatcher", () => {
  it.live("gives tasks that take as long as their timeout one outcome each, and leaves their neighbours alone", () =>
    Effect.gen(function*() {
      const report = yield* run({
        tasks: 300 * EFFORT,
        classes: ["Busy", "Polling"],
        innocents: ["Plain", "Nap", "Once"],
        beyond,
        pool: { size: 2 },
        chunkSize: "auto"
      })
      assert.deepStrictEqual(report.wrong, [])
      assert.strictEqual(report.threads, 2)
      assert.strictEqual(report.again, 0)
      bothWays(report)
    }))

  it.live("does so where several run at once in a thread", () =>
    Effect.gen(function*() {
      const report = yield* run({
        tasks: 200 * EFFORT,
        classes: ["Busy", "Polling"],
        innocents: ["Plain", "Nap", "Once"],
        beyond,
        pool: { size: 2, concurrency: 4 },
        chunkSize: 32
      })
      assert.deepStrictEqual(report.wrong, [])
      assert.strictEqual(report.threads, 2)
      assert.strictEqual(report.again, 0)
    }))

  it.live("lets tasks that wait have their whole time", () =>
    Effect.gen(function*() {
      const { polling, wrong } = yield* run({
        tasks: 100 * EFFORT,
        classes: ["Polling"],
        innocents: ["Plain", "Nap", "Once"],
        beyond: () => 2000,
        pool: { size: 1 },
        chunkSize: "auto"
      })
      assert.deepStrictEqual(wrong, [])
      assert.strictEqual(polling.timedOut, 100 * EFFORT)
      // A busy machine may stop a thread before the handler reads its clock, but not often.
      assert.isAtMost(polling.early, 5 * EFFORT)
    }))

  // A chunk with a task that must not start twice sends each outcome before the next task starts; others do not.
  it.live.each([[["Plain", "Nap", "Once"]], [["Plain"]]] as const)(
    "ends the threads of tasks that do not stop, and nothing else that runs, beside %j",
    ([innocents]) =>
      Effect.gen(function*() {
        const report = yield* run({
          tasks: 10 * EFFORT,
          classes: ["Busy"],
          innocents,
          // It is looked at every 2 ms: some end just before their thread would be ended, some just do not.
          beyond: (n) => 1000 + (n * 37) % (10 * EFFORT) / EFFORT * 810,
          pool: { size: 2, gracePeriod: 1 },
          chunkSize: 32
        })
        assert.deepStrictEqual(report.wrong, [])
        assert.strictEqual(report.busy.timedOut, 10 * EFFORT)
        assert.isAbove(report.threads, 2)
      }),
    // It starts up to one thread for each task, which may wait for a busy machine.
    120_000
  )

  it.live.each([1, 4])(
    "blames the task that does not stop, and not those that have ended before it, with concurrency %s",
    (concurrency) =>
      Effect.gen(function*() {
        Record.make(32)
        const make = (id: number) => id % 16 === 5 ? new Busy({ id, micros: 1e9 }) : new Plain({ id })
        const tasks = Array.from({ length: 32 }, (_, id) => make(id))
        // All have the same timeout: when it is over, the outcomes of tasks that have ended are not sent yet. A new thread
        // of a busy machine must run its first task in that time.
        const results = yield* Stream.runCollect(
          Dispatcher.results(tasks, { ordered: true, chunkSize: 16, taskTimeout: 500 })
        ).pipe(Effect.provide(layer({ size: 1, concurrency, gracePeriod: 50 })))
        assert.deepStrictEqual(
          results.map(({ result }) => Result.isSuccess(result) ? result.success : result.failure.reason._tag),
          tasks.map(({ _tag, id }) => _tag === "Busy" ? "TimedOut" : id)
        )
      })
  )

  it.live.each(["spins later", "spins when interrupted", "cannot be interrupted"] as const)(
    "ends the thread of a task that suspends and does not stop when its time is over: one that %s",
    (how) =>
      Effect.gen(function*() {
        for (const concurrency of [1, 4]) {
          Record.make(64)
          const naps = Array.from({ length: 64 }, (_, id) => new Nap({ id }))
          const tasks = [...naps.slice(0, 32), new Stuck({ how }), ...naps.slice(32)]
          const results = yield* Stream.runCollect(Dispatcher.results(tasks, { ordered: true })).pipe(
            Effect.provide(layer({ size: 1, concurrency, gracePeriod: 50 }))
          )
          assert.deepStrictEqual(
            results.map(({ result }) => Result.isSuccess(result) ? result.success : result.failure.reason._tag),
            tasks.map((task) => task._tag === "Stuck" ? "TimedOut" : task.id)
          )
        }
      }),
    10_000
  )
})
