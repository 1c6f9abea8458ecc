import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import type * as Task from "../../Task.ts"
import {
  collect,
  direct,
  expectOnce,
  expectOutcomes,
  type Outcome,
  seen,
  toOptions,
  toSource,
  work
} from "../generators.ts"
import { expect, expectEqual, type Law, property } from "../property.ts"
import { Absent, Die, GiveUp, Hold, Misfit, Point, Spin, Square, Transform } from "../tasks.ts"
import { inTime, unitOf } from "../time.ts"

const square = (n: unknown) => Object.assign(new Square({ n: 1, pauses: 0 }), { n })

const transform = (change: object) => {
  const point = new Point({ x: 1, y: 1 })
  const task = { at: new Date(0), amount: 1n, bytes: new Uint8Array(1), note: Option.none(), point, pauses: 0 }
  return Object.assign(new Transform(task), change)
}

/** Payloads that do not fit their schema because they were changed after construction. */
const misshapen = {
  fraction: () => square(0.5),
  text: () => square("one"),
  symbol: () => square(Symbol("one")),
  hole: () => transform({ point: undefined }),
  date: () => transform({ at: new Date(NaN) }),
  plain: () => transform({ note: { _tag: "Some", value: 1 } })
}

const Misshapen = Schema.Literals(["fraction", "text", "symbol", "hole", "date", "plain"])

/** Law 4: a failing task does not affect other tasks. */
export const failures: Law = {
  number: 4,
  name: "an error of a task fails only that task, with the right reason, in bounded time",
  properties: [
    property("a task that throws, dies, interrupts itself or is unknown fails alone", {
      input: work(Schema.Union([Square, Die, GiveUp, Absent])),
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const expected = yield* Effect.forEach(
            tasks,
            (task): Effect.Effect<Outcome> =>
              task._tag === "Absent"
                ? Effect.succeed({ _tag: "UnknownTask", attempt: 1 })
                : direct(task, options.retries)
          )
          const results = yield* collect(tasks, options)
          yield* expectOnce(results, tasks.length)
          for (const result of results) {
            const outcome = seen(result)
            const task = tasks[result.index]
            // A task that no worker serves never starts, so the number of its attempts is unspecified.
            if (task._tag === "Absent") yield* expectEqual(outcome._tag, "UnknownTask", "outcome of an unknown task")
            else yield* expectEqual(outcome, expected[result.index], `outcome of task ${result.index}, a ${task._tag}`)
            if (outcome._tag !== "Defect" || Result.isSuccess(result.result)) continue
            const { trace } = result.result.failure
            yield* expect(trace !== "", () => `the defect of task ${result.index} has no trace`)
          }
        })
    }),
    property("a payload, result or error that does not fit fails alone", {
      input: work(Schema.Union([Square, Misfit, Misshapen])),
      needs: ["codec"],
      holds: ({ options, tasks: wanted }) =>
        Effect.gen(function*() {
          const tasks = wanted.map((task) => typeof task === "string" ? misshapen[task]() : task)
          const results = yield* collect(tasks, options)
          yield* expectOnce(results, tasks.length)
          for (const { index, result, task } of results) {
            const want = wanted[index]
            if (typeof want !== "string" && want._tag === "Square") {
              yield* expectEqual(result, Result.succeed(want.n * want.n), `result of task ${index}, among misfits`)
              continue
            }
            const reason = Result.isFailure(result) ? result.failure.reason : undefined
            const part = typeof want === "string" ? "payload" : want.part
            yield* expectEqual(
              reason?._tag === "Undecodable" ? reason.part : reason?._tag,
              part,
              `part that does not fit in task ${index}, a ${task._tag}`
            )
          }
        })
    }),
    property("a task past its taskTimeout fails alone", {
      input: work(Schema.Union([Square, Schema.Literal("hold")]), 8),
      liveRuns: 3,
      holds: ({ options, tasks: wanted }, { subject }) =>
        Effect.gen(function*() {
          const tasks = wanted.map((task, id) => task === "hold" ? new Hold({ id }) : task)
          const timed = { ...toOptions({ ...options, retries: 0 }), taskTimeout: unitOf(subject) * 2 }
          const results = yield* inTime(
            subject,
            Stream.runCollect(Dispatcher.results(toSource(tasks, options) as ReadonlyArray<Square | Hold>, timed))
          )
          const expected = tasks.map((task): Outcome =>
            task._tag === "Square" ? { _tag: "Success", value: task.n * task.n } : { _tag: "TimedOut", attempt: 1 }
          )
          yield* expectOutcomes(results, tasks, expected)
        })
    }),
    property("a task that never yields fails alone past its taskTimeout", {
      input: work(Schema.Union([Square, Spin]), 4),
      needs: ["endsBusyLoops"],
      liveRuns: 3,
      holds: ({ options, tasks }, { subject }) =>
        Effect.gen(function*() {
          const timed = { ...toOptions({ ...options, retries: 0 }), taskTimeout: unitOf(subject) }
          const results = yield* Stream.runCollect(Dispatcher.results(tasks, timed))
          yield* expectOnce(results, tasks.length)
          for (const result of results) {
            const expected = result.task._tag === "Square" ? "Success" : "TimedOut"
            yield* expectEqual(seen(result)._tag, expected, `outcome of task ${result.index}, a ${result.task._tag}`)
          }
        })
    }),
    property("a single task and a queue's task fail with the same reasons", {
      input: Arbitrary.schema(Schema.Union([Die, GiveUp, Absent])),
      holds: (task) =>
        Effect.gen(function*() {
          const expected = task._tag === "Absent" ? "UnknownTask" : (yield* direct(task, 0))._tag
          const reasonOf = (result: Result.Result<unknown, { readonly _tag: string }>) =>
            Result.isFailure(result) && "reason" in result.failure
              ? (result.failure as Dispatcher.TaskResult<Task.Any>["result"] extends Result.Result<unknown, infer F> ? F
                : never).reason._tag
              : undefined
          yield* expectEqual(reasonOf(yield* Effect.result(Dispatcher.run(task))), expected, "reason of a run")
          const queue = yield* Dispatcher.makeQueue<typeof task>()
          yield* queue.push(task)
          yield* expectEqual(reasonOf(yield* Effect.result(queue.pop())), expected, "reason of a pop")
        })
    })
  ]
}
