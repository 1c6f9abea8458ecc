import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { expectEqual, type Law, property, type Trial } from "../property.ts"
import { Linger } from "../tasks.ts"
import { inTime, unitOf } from "../time.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Tasks that time out `timeouts` times, with finalizers that take a number of half units of time. */
const input = Arbitrary.schema(
  Schema.Array(Schema.Struct({ timeouts: count(0, 2), halves: count(0, 5) })).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(6)
  )
)

type Input = typeof input extends Arbitrary.Arbitrary<infer A> ? A : never

const lingering = (tasks: Input, { subject }: Trial) =>
  tasks.map(({ halves, timeouts }, id) => new Linger({ id, timeouts, millis: halves * unitOf(subject) / 2 }))

/** Fails unless every started attempt and its finalizers have ended. */
const expectEnded = ({ seen }: Trial) =>
  Effect.suspend(() =>
    expectEqual(seen.ends.toSorted(), seen.starts.toSorted(), "attempts whose finalizers ran, of those started")
  )

/** Law 12: a task that has timed out is interrupted, and counts as running until it has stopped. */
export const timeouts: Law = {
  number: 12,
  name: "no attempt of a task overlaps another, and nothing of a stream runs after its end",
  properties: [
    property("a task that times out is retried when it has stopped", {
      input,
      needs: ["sharesMemory"],
      holds: (tasks, trial) =>
        Effect.gen(function*() {
          const { seen, subject } = trial
          const options = { retry: { times: 2 }, taskTimeout: unitOf(subject) }
          const results = yield* inTime(
            subject,
            Stream.runCollect(Dispatcher.results(lingering(tasks, trial), options))
          )
          yield* expectEqual(
            results.map(({ index }) => index).toSorted(),
            tasks.map((_, id) => id),
            "indices of the results"
          )
          for (const { index, result } of results) {
            yield* expectEqual(result, Result.succeed(index), `result of task ${index}`)
          }
          yield* expectEqual(seen.overlaps, [], "tasks whose attempts overlapped")
          yield* expectEnded(trial)
        })
    }),
    property("a stream and the dispatcher's scope end when tasks that have timed out have stopped", {
      input: Arbitrary.all({ tasks: input, verb: Arbitrary.schema(Schema.Literals(["execute", "results", "queue"])) }),
      needs: ["sharesMemory"],
      dispatcher: () => ({}),
      holds: ({ tasks, verb }, trial) =>
        Effect.gen(function*() {
          const options = { taskTimeout: unitOf(trial.subject) }
          const lingers = lingering(tasks, trial)
          if (verb === "queue") {
            const queue = yield* Dispatcher.makeQueue<Linger>(options)
            yield* Effect.forEach(lingers, (task) => queue.push(task), { discard: true })
            yield* inTime(trial.subject, Effect.forEach(lingers, () => Effect.exit(queue.pop()), { discard: true }))
          } else {
            const drained = verb === "execute"
              ? Effect.exit(Stream.runDrain(Dispatcher.execute(lingers, options)))
              : Effect.exit(Stream.runDrain(Dispatcher.results(lingers, options)))
            yield* inTime(trial.subject, drained)
            yield* expectEnded(trial)
          }
          yield* inTime(trial.subject, trial.close)
          yield* expectEnded(trial)
        })
    })
  ]
}
