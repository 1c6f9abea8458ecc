import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { History } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { effort } from "../support/effort.ts"
import * as Journal from "../support/journal.ts"
import { type ChaosLine, of } from "./history.ts"
import { Act, Once, Play, Spin, Tasks } from "./tasks.ts"

const SCHEDULES = effort(52, 1000)

const maxWorkerLosses = 2

const always = 99

const innocents = ["plain", "plain", "plain", "wait", "wait", "once", "once wait"] as const
const losses = ["exit", "exit", "exitLater", "throwLater", "rejectLater", "spin", "memory"] as const
const faults = ["throw", "throwAfterwards", "rejectAfterwards"] as const

// Few tasks end their thread, because each loss takes the start time of a thread.
const kinds = [...innocents, ...innocents, ...innocents, ...innocents, ...innocents, ...losses, ...faults] as const

const Step = Schema.Struct({ what: Schema.Literals(kinds), play: Schema.Boolean, always: Schema.Boolean })

const Schedule = Schema.Struct({
  steps: Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(12)),
  chunkSize: Schema.Literals(["auto", 1, 3, 64]),
  ordered: Schema.Boolean
})

type Chaos = Act | Play | Once | Spin

const make = ({ always: often, play, what }: typeof Step.Type, id: number): Chaos => {
  switch (what) {
    case "once":
    case "once wait":
      return new Once({ id, waits: what === "once wait" })
    case "spin":
      return new Spin({ id })
    default: {
      const payload = { id, how: what, times: often && what !== "exitLater" ? always : 1 }
      return play ? new Play(payload) : new Act(payload)
    }
  }
}

/** How a task may end. */
const ends = (task: Chaos): ReadonlyArray<string> => {
  if (task._tag === "Spin") return ["TimedOut"]
  if (task._tag === "Once") return ["success", "WorkerLost"]
  switch (task.how) {
    case "exit":
    case "memory":
      return [task.times === always ? "WorkerLost" : "success"]
    case "throw":
    case "throwLater":
    case "rejectLater":
      return ["Defect"]
    default:
      return ["success"]
  }
}

const outcomeOf = (end: string) => end === "success" ? "success" : end === "WorkerLost" ? "lost" : "failure"

/** Runs schedules one after the other on one pool, and checks the whole history of the pool after each. */
const holds = (journal: string) => {
  const note = (line: Omit<ChaosLine, "thread">) => Journal.append<ChaosLine>(journal, { ...line, thread: 0 })
  let id = 0
  return ({ chunkSize, ordered, steps }: typeof Schedule.Type) =>
    Effect.gen(function*() {
      const tasks = steps.map((step) => make(step, id++))
      const source = function*() {
        for (const task of tasks) {
          note({ what: "accepted", id: task.id, idempotent: task._tag !== "Once" })
          yield task
        }
      }
      const wrong: Array<string> = []
      yield* Stream.runForEach(
        Dispatcher.results(source(), { chunkSize, ordered }),
        ({ result, task }) =>
          Effect.sync(() => {
            const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
            note({ what: outcomeOf(end), id: task.id })
            if (!ends(task).includes(end)) wrong.push(`${task} ended with ${end}`)
            if (Result.isSuccess(result) && result.success !== task.id) wrong.push(`${task} gave ${result.success}`)
          })
      )
      for (const { message } of History.check(of(Journal.read<ChaosLine>(journal)), { maxWorkerLosses })) {
        wrong.push(message)
      }
      assert.deepStrictEqual(wrong, [])
      return true
    })
}

describe("WorkerPoolDispatcher", () => {
  const configurations = [
    { size: 1, concurrency: 1 },
    { size: 1, concurrency: 4 },
    { size: 2, concurrency: 3 },
    { size: { min: 1, max: 3, idleTimeToLive: 100 }, concurrency: 1 }
  ]
  it.live.each(configurations)(
    "keeps its promises under any losses, with size $size and concurrency $concurrency",
    (options) =>
      Effect.gen(function*() {
        const journal = yield* Journal.make
        const pool = WorkerPoolDispatcher.layer(Tasks, {
          ...options,
          handlers: Journal.urlOf("../chaos/handlers.ts", journal),
          gracePeriod: 100,
          maxWorkerLosses,
          resourceLimits: { maxOldGenerationSizeMb: 48 }
        }).pipe(Layer.provide(Logger.layer([])))
        const check = holds(journal)
        yield* Effect.gen(function*() {
          const context = yield* Effect.context<Dispatcher.Dispatcher>()
          const result = yield* Arbitrary.checkEffect(
            Arbitrary.schema(Schedule),
            // A schedule that does not end has lost a task.
            (schedule) => Effect.timeout(Effect.provideContext(check(schedule), context), "30 seconds"),
            { runs: Math.ceil(SCHEDULES / configurations.length), maxShrinks: 0, size: 12 }
          )
          assert.strictEqual(Arbitrary.formatCheckFailure(result), undefined)
        }).pipe(Effect.provide(pool))
      }),
    SCHEDULES * 2000
  )
})
