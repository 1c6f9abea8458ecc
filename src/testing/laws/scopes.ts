import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { expectEqual, type Law, property } from "../property.ts"
import { Acquire } from "../tasks.ts"
import { inTime, unitOf } from "../time.ts"

const outcomeOf = { succeed: "Success", fail: "Failed", die: "Defect", interrupt: "Interrupted", never: "TimedOut" }

/** Law 11: each run of a handler has a scope of its own. */
export const scopes: Law = {
  number: 11,
  name: "resources that a handler acquires are released before its outcome is observed",
  properties: [
    property("a task that starts after an outcome was seen finds no resource of that task", {
      input: Arbitrary.schema(Schema.Array(Acquire).check(Schema.isMaxLength(6))),
      liveRuns: 5,
      patience: 20_000,
      holds: (tasks, { subject }) =>
        Effect.forEach(tasks, (task) =>
          Effect.gen(function*() {
            const taskTimeout = task.how === "never" ? unitOf(subject) : undefined
            const [{ result }] = yield* inTime(
              subject,
              Stream.runCollect(Dispatcher.results([task], { taskTimeout }))
            )
            const { reason } = Result.isFailure(result) ? result.failure : { reason: undefined }
            yield* expectEqual(
              reason?._tag ?? "Success",
              outcomeOf[task.how],
              `outcome of an Acquire that is to ${task.how}`
            )
            const others = Result.isSuccess(result)
              ? result.success
              : reason?._tag === "Failed"
              ? reason.error.others
              : 0
            yield* expectEqual(others, 0, "resources that are held by tasks whose outcome was seen")
          }), { discard: true })
    })
  ]
}
