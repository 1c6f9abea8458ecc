import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { expect, expectEqual, type Law, property, type Subject } from "../property.ts"
import { Hold, Sleep } from "../tasks.ts"
import { inTime, unitOf } from "../time.ts"

/** The idle timeout, in steps of time; no step of the generated stories ends on it. */
const BOUND = 2.5

const Steps = Schema.Literals([0, 1, 2, 7])

/**
 * A task that arrives after `silence`, runs for `runs` in each attempt, fails once if there is a `pause`, and whose result
 * the consumer processes for `consumed`.
 */
const Step = Schema.Struct({ silence: Steps, runs: Steps, pause: Schema.Literals([0, 0, 7]), consumed: Steps })

type Step = typeof Step.Type

/** On the real clock the short durations are 0, so that only a delay as long as the timeout could distort a result. */
const paced = (story: ReadonlyArray<Step>, subject: Subject): ReadonlyArray<Step> => {
  if (subject.sharesClock) return story
  const pace = (steps: 0 | 1 | 2 | 7) => steps === 7 ? 7 : 0
  return story.slice(0, 2).map(({ consumed, pause, runs, silence }) => ({
    silence: pace(silence),
    runs: pace(runs),
    pause,
    consumed: pace(consumed)
  }))
}

/** Law 9: the idle timeout. */
export const idleTimeout: Law = {
  number: 9,
  name: "the idle timeout fires iff work could have completed and none did",
  properties: [
    property("it fires for a task that runs too long, and not for a silent source, a slow consumer or a pause", {
      input: Arbitrary.schema(Schema.Array(Step).check(Schema.isMaxLength(4))),
      liveRuns: 3,
      patience: 60_000,
      holds: (generated, { subject }) =>
        inTime(
          subject,
          Effect.gen(function*() {
            const story = paced(generated, subject)
            const unit = unitOf(subject)
            const wait = (steps: number) => steps === 0 ? Effect.void : Effect.sleep(steps * unit)
            const started = yield* Clock.currentTimeMillis
            let consumed = 0
            // The source makes a task only when the result of the previous task has been consumed.
            const source = Stream.fromArray(story).pipe(
              Stream.rechunk(1),
              Stream.mapEffect((step, index) =>
                Effect.gen(function*() {
                  while (consumed < index) yield* Effect.sleep(unit)
                  yield* wait(step.silence)
                  return new Sleep({ millis: step.runs * unit, failures: step.pause > 0 ? 1 : 0 })
                })
              )
            )
            const result = yield* Dispatcher.results(source, {
              idleTimeout: BOUND * unit,
              retry: Schedule.spaced(7 * unit)
            }).pipe(
              Stream.runForEach(() =>
                Effect.andThen(
                  wait(story[consumed].consumed),
                  Effect.sync(() => {
                    consumed++
                  })
                )
              ),
              Effect.result
            )
            const slow = story.findIndex(({ runs }) => runs > BOUND)
            if (slow === -1) {
              yield* expect(
                Result.isSuccess(result),
                () => `timed out after ${consumed} results, though no task ran for so long`
              )
              return yield* expectEqual(consumed, story.length, "results")
            }
            yield* expectEqual(consumed, slow, "results before the timeout")
            yield* expect(Result.isFailure(result), () => `did not time out, though task ${slow} ran for too long`)
            if (!subject.sharesClock || Result.isSuccess(result)) return
            yield* expectEqual(result.failure._tag, "DispatchTimeout", "how the execution ended")
            const passed = (yield* Clock.currentTimeMillis) - started
            const expected = story.slice(0, slow + 1).reduce((sum, { silence }) => sum + silence, 0)
            yield* expect(passed >= (expected + BOUND) * unit, () => `timed out after only ${passed} ms`)
          })
        )
    }),
    property("it does not fire while the slots are held by others", {
      input: Arbitrary.schema(Schema.Struct({
        tasks: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
        ordered: Schema.Boolean
      })),
      liveRuns: 1,
      patience: 60_000,
      holds: ({ ordered, tasks }, { subject }) =>
        inTime(
          subject,
          Effect.gen(function*() {
            const unit = unitOf(subject)
            const slots = subject.concurrency
            const holds = Array.from({ length: slots }, (_, id) => new Hold({ id }))
            const others = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute(holds, { chunkSize: 1 })))
            while ((yield* Dispatcher.status).running < slots) yield* Effect.sleep(unit / 10)
            const waiting = yield* Effect.forkChild(
              Effect.result(Stream.runCollect(Dispatcher.execute(
                Array.from({ length: tasks }, () => new Sleep({ millis: 0, failures: 0 })),
                { idleTimeout: BOUND * unit, ordered }
              )))
            )
            yield* Effect.sleep(3 * BOUND * unit)
            yield* Fiber.interrupt(others)
            const result = yield* Fiber.join(waiting)
            yield* expect(Result.isSuccess(result), () => "timed out, though others held every slot")
          })
        )
    }),
    property("it fires at its bound while tasks run and none completes, and before the first", {
      input: Arbitrary.schema(Schema.Struct({
        before: Schema.Array(Schema.Literals([0, 1, 2])).check(Schema.isMaxLength(4)),
        ordered: Schema.Boolean,
        holds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
      })),
      liveRuns: 3,
      patience: 60_000,
      holds: ({ before: generated, holds, ordered }, { subject }) =>
        inTime(
          subject,
          Effect.gen(function*() {
            const before = subject.sharesClock ? generated : generated.map(() => 0)
            const unit = unitOf(subject)
            const started = yield* Clock.currentTimeMillis
            const tasks: ReadonlyArray<Sleep | Hold> = [
              ...before.map((runs) => new Sleep({ millis: runs * unit, failures: 0 })),
              ...Array.from({ length: holds }, (_, id) => new Hold({ id }))
            ]
            let results = 0
            const end = yield* Dispatcher.execute(tasks, { idleTimeout: BOUND * unit, ordered }).pipe(
              Stream.runForEach(() => Effect.sync(() => results++)),
              Effect.flip
            )
            yield* expectEqual(end._tag, "DispatchTimeout", "how the execution ended")
            yield* expectEqual(results, before.length, "results before the timeout")
            const passed = (yield* Clock.currentTimeMillis) - started
            yield* expect(passed >= BOUND * unit, () => `timed out after ${passed} ms`)
            const latest = before.reduce<number>((sum, runs) => sum + runs, 0) + BOUND + 1
            if (subject.sharesClock) {
              yield* expect(passed <= latest * unit, () => `timed out only after ${passed} ms, of ${latest * unit}`)
            }
          })
        )
    })
  ]
}
