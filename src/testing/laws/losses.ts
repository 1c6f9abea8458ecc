import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { expectOnce, Options, toOptions } from "../generators.ts"
import * as History from "../history.ts"
import { expect, expectEqual, type Law, property } from "../property.ts"
import { Once, Perish, Square } from "../tasks.ts"

const Pauses = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))

/** A harmless task, a task that must not start twice, or a task that ends its worker once, twice or always. */
const Kind = Schema.Struct({
  kind: Schema.Literals(["square", "square", "square", "once", "perish"]),
  pauses: Pauses,
  losses: Schema.Literals([1, 2, 99])
})

const make = ({ kind, losses, pauses }: typeof Kind.Type, id: number): Square | Once | Perish => {
  switch (kind) {
    case "square":
      return new Square({ n: id, pauses })
    case "once":
      return new Once({ id, pauses })
    case "perish":
      return new Perish({ id, losses })
  }
}

/** Law 10: lost workers. */
export const losses: Law = {
  number: 10,
  name:
    "a loss at any point loses no task, doubles no outcome, is attributed to the right task, and restarts only idempotent tasks",
  properties: [
    property("each task ends as expected after any loss, and the history is correct", {
      input: Arbitrary.schema(Schema.Struct({
        seed: Schema.Int,
        tasks: Schema.Array(Kind).check(Schema.isMaxLength(30)),
        options: Options
      })),
      needs: ["losesWorkers"],
      liveRuns: 20,
      // Each loss costs the start of a worker.
      patience: 60_000,
      dispatcher: ({ seed }) => ({ seed }),
      holds: ({ options, tasks: kinds }, { events }) =>
        Effect.gen(function*() {
          const tasks = kinds.map(make)
          const source = function*() {
            for (const [id, task] of tasks.entries()) {
              events.push({ _tag: "Accepted", id, idempotent: task._tag !== "Once" })
              yield task
            }
          }
          const results: Array<Dispatcher.TaskResult<Square | Once | Perish>> = []
          yield* Dispatcher.results(source(), toOptions({ ...options, retries: 0 })).pipe(
            Stream.runForEach((result) =>
              Effect.sync(() => {
                results.push(result)
                const reason = Result.isFailure(result.result) ? result.result.failure.reason._tag : undefined
                events.push({
                  _tag: "Outcome",
                  id: result.index,
                  outcome: reason === undefined ? "success" : reason === "WorkerLost" ? "lost" : "failure"
                })
              })
            )
          )
          yield* expectOnce(results, tasks.length)
          for (const { index, result, task } of results) {
            const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
            const what = `outcome of task ${index}, a ${task._tag}`
            if (task._tag === "Once" && end === "WorkerLost") continue
            yield* expectEqual(end, task._tag === "Perish" && task.losses === 99 ? "WorkerLost" : "success", what)
            if (Result.isSuccess(result)) {
              yield* expectEqual(result.success, task._tag === "Square" ? task.n * task.n : index, what)
            }
          }
          if (!events.some(({ _tag }) => _tag === "Started")) return
          const violations = History.check(events)
          yield* expect(violations.length === 0, () => violations.map(({ message }) => message).join("; "))
        })
    })
  ]
}
