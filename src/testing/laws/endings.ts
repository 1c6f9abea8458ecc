import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { Options, toOptions } from "../generators.ts"
import { expect, expectEqual, type Law, property, type Trial } from "../property.ts"
import { Hold, Spin, Square, Stumble } from "../tasks.ts"
import { settle, until } from "../time.ts"

const input = Arbitrary.schema(Schema.Struct({
  quick: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
  holds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  options: Options
}))

type Input = typeof input extends Arbitrary.Arbitrary<infer A> ? A : never

const holds = (count: number) => Array.from({ length: count }, (_, id) => new Hold({ id }))

const squares = (count: number) => Array.from({ length: count }, (_, n) => new Square({ n, pauses: 0 }))

/** Fails unless all started tasks and their finalizers have ended, and no more tasks start. */
const expectStopped = ({ seen }: Trial) =>
  Effect.gen(function*() {
    const starts = seen.starts.length
    yield* expectEqual(seen.ends.toSorted(), seen.starts.toSorted(), "handlers whose finalizers ran, of those started")
    yield* settle()
    yield* expect(seen.starts.length === starts, () => "a task started after the end")
  })

/** Fails unless every slot can be used again. */
const expectFree = ({ seen, subject }: Trial) =>
  Effect.gen(function*() {
    const { running, waiting } = yield* Dispatcher.status
    yield* expectEqual({ running, waiting }, { running: 0, waiting: 0 }, "status afterwards")
    if (!subject.sharesMemory) {
      return yield* Stream.runDrain(Dispatcher.execute(squares(subject.concurrency * 2)))
    }
    seen.reset()
    const fiber = yield* Effect.forkScoped(Stream.runDrain(Dispatcher.execute(holds(subject.concurrency))))
    yield* until(() => seen.running === subject.concurrency)
    seen.releaseAll()
    yield* Fiber.join(fiber)
  })

/** Waits until as many `Hold` tasks run as possible, if the subject shares memory. */
const busy = ({ seen, subject }: Trial, count: number) =>
  subject.sharesMemory ? until(() => seen.running >= Math.min(count, subject.concurrency)) : settle()

const ending = (
  name: string,
  end: (input: Input, trial: Trial) => Effect.Effect<void, unknown, Dispatcher.Dispatcher>
) =>
  property(name, {
    input,
    holds: (input, trial) =>
      Effect.gen(function*() {
        yield* end(input, trial)
        if (trial.subject.sharesMemory) yield* expectStopped(trial)
        yield* expectFree(trial)
      })
  })

/** Law 5: the end of a stream stops its tasks. */
export const endings: Law = {
  number: 5,
  name: "ending or interrupting the stream interrupts outstanding handlers and runs their finalizers",
  properties: [
    ending("interrupting the consumer", ({ holds: count, options }, trial) =>
      Effect.gen(function*() {
        const closed = { source: false }
        const source = Stream.ensuring(
          Stream.fromIterable(holds(count)),
          Effect.sync(() => {
            closed.source = true
          })
        )
        const fiber = yield* Effect.forkChild(Stream.runDrain(Dispatcher.results(source, toOptions(options))))
        yield* busy(trial, count)
        yield* Fiber.interrupt(fiber)
        yield* expect(closed.source, () => "the source was not closed")
      })),
    ending("a consumer that takes no more", ({ holds: count, options, quick }) =>
      Effect.gen(function*() {
        const closed = { source: false }
        const tasks = function*() {
          try {
            yield* squares(quick)
            yield* holds(count)
          } finally {
            closed.source = true
          }
        }
        const taken = yield* Dispatcher.results(tasks(), toOptions(options)).pipe(
          Stream.take(quick),
          Stream.runCollect
        )
        yield* expectEqual(taken.length, quick, "results taken")
        yield* expect(closed.source, () => "the source was not closed")
      })),
    ending("the first failure of an execution", ({ holds: count, options, quick }) =>
      Effect.gen(function*() {
        const fails = new Stumble({ n: 0, failures: 1, pauses: quick % 5 })
        const failed = yield* Dispatcher.execute([fails, ...holds(count)], toOptions({ ...options, retries: 0 })).pipe(
          Stream.runDrain,
          Effect.flip
        )
        yield* expectEqual(failed._tag, "TaskFailure", "how the execution ended")
      })),
    ending("interrupting a single task", (_, trial) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Dispatcher.run(new Hold({ id: 0 })))
        yield* busy(trial, 1)
        yield* Fiber.interrupt(fiber)
      })),
    property("tasks that never yield are ended too", {
      input: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))),
      needs: ["endsBusyLoops"],
      liveRuns: 2,
      holds: (count, trial) =>
        Effect.gen(function*() {
          const spins = Array.from({ length: count }, () => new Spin({}))
          const fiber = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute(spins)))
          while ((yield* Dispatcher.status).running === 0) yield* settle(1)
          yield* Fiber.interrupt(fiber)
          yield* expectFree(trial)
        })
    }),
    property("the end of the dispatcher's scope", {
      input,
      dispatcher: () => ({}),
      holds: ({ holds: count, options }, trial) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(
            Effect.flip(Stream.runDrain(Dispatcher.results(holds(count), toOptions(options))))
          )
          yield* busy(trial, count)
          yield* trial.close
          if (trial.subject.sharesMemory) yield* expectStopped(trial)
          yield* expectEqual((yield* Fiber.join(fiber))._tag, "DispatcherClosed", "how the execution ended")
        })
    }),
    property("the end of the dispatcher's scope, for single tasks", {
      input,
      dispatcher: () => ({}),
      holds: ({ holds: count }, trial) =>
        Effect.gen(function*() {
          const { seen } = trial
          const early: Array<number> = []
          const fibers = yield* Effect.forEach(holds(count), (task) =>
            Effect.flip(Dispatcher.run(task)).pipe(
              Effect.tap(() =>
                Effect.sync(() => {
                  if (seen.starts.includes(task.id) && !seen.ends.includes(task.id)) early.push(task.id)
                })
              ),
              Effect.forkChild
            ))
          yield* busy(trial, count)
          yield* trial.close
          if (trial.subject.sharesMemory) yield* expectStopped(trial)
          for (const fiber of fibers) {
            yield* expectEqual((yield* Fiber.join(fiber))._tag, "DispatcherClosed", "how a single task ended")
          }
          yield* expectEqual(early, [], "single tasks that ended before their handlers had stopped")
        })
    })
  ]
}
