import * as Arbitrary from "effect/Arbitrary"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { Options, toOptions } from "../generators.ts"
import { expect, expectEqual, type Law, property } from "../property.ts"
import { Square } from "../tasks.ts"
import { until } from "../time.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Tasks whose results identify their owner: owner `o` has the numbers from `100 o`. */
const owned = (owner: number, length: number, pauses: number) =>
  Array.from({ length }, (_, i) => new Square({ n: 100 * owner + i, pauses: (pauses + i) % 5 }))

const sorted = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)

const Work = Schema.Struct({ tasks: count(0, 40), pauses: count(0, 4), options: Options })

/** Runs the tasks of an owner by one of the verbs, and returns all results. */
const perform = (how: "execute" | "queue" | "run", owner: number, { options, pauses, tasks }: typeof Work.Type) => {
  const own = owned(owner, tasks, pauses)
  switch (how) {
    case "execute":
      return Stream.runCollect(Dispatcher.execute(own, toOptions(options)))
    case "queue":
      return Effect.scoped(Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Square>({ capacity: 3 })
        const popping = yield* Effect.forkChild(Effect.forEach(own, () => queue.pop()))
        yield* Effect.forEach(own, (task) => queue.push(task))
        return yield* Fiber.join(popping)
      }))
    case "run":
      return Effect.forEach(own, (task) => Dispatcher.run(task), { concurrency: 4 })
  }
}

const How = Schema.Literals(["execute", "queue", "run"])

const expectOwn = (results: ReadonlyArray<number>, owner: number, tasks: number) =>
  expectEqual(sorted(results), sorted(owned(owner, tasks, 0).map(({ n }) => n * n)), `results of owner ${owner}`)

/** Law 8: executions are isolated from each other. */
export const fairness: Law = {
  number: 8,
  name: "two executions on one dispatcher never mix, and both make progress",
  properties: [
    property("each gets the results of its own tasks", {
      input: Arbitrary.schema(
        Schema.Array(Schema.Struct({ how: How, work: Work })).check(Schema.isMinLength(2), Schema.isMaxLength(4))
      ),
      holds: (owners) =>
        Effect.forEach(
          owners,
          ({ how, work }, owner) =>
            Effect.flatMap(perform(how, owner, work), (results) => expectOwn(results, owner, work.tasks)),
          { concurrency: "unbounded", discard: true }
        )
    }),
    property("a consumer that stands still does not hold up others, with a capacity of 1", {
      input: Arbitrary.schema(Schema.Struct({
        still: Schema.Struct({ taken: count(0, 5), work: Work }),
        how: How,
        other: Work
      })),
      needs: ["bounds"],
      dispatcher: () => ({ capacity: 1 }),
      holds: ({ how, other, still: { taken, work } }) =>
        Effect.gen(function*() {
          const stands = yield* Deferred.make<void>()
          const goesOn = yield* Deferred.make<void>()
          const tasks = taken + 1 + work.tasks
          let seen = 0
          const still = yield* Effect.forkChild(
            Dispatcher.execute(owned(1, tasks, work.pauses), toOptions(work.options)).pipe(
              Stream.tap(() =>
                seen++ === taken
                  ? Effect.andThen(Deferred.succeed(stands, undefined), Deferred.await(goesOn))
                  : Effect.void
              ),
              Stream.runCollect
            )
          )
          yield* Deferred.await(stands)
          yield* expectOwn(yield* perform(how, 2, other), 2, other.tasks)
          yield* expect(seen === taken + 1, () => "the consumer that stands still went on")
          yield* Deferred.succeed(goesOn, undefined)
          yield* expectOwn(yield* Fiber.join(still), 1, tasks)
        })
    }),
    property("many single runs do not hold up an execution", {
      input: Arbitrary.schema(Schema.Struct({ runs: count(100, 300), tasks: count(1, 20), pauses: count(1, 4) })),
      needs: ["sharesMemory"],
      holds: ({ pauses, runs, tasks }, { seen }) =>
        Effect.gen(function*() {
          const calls = owned(1, runs, pauses).map((task) => Dispatcher.run(task))
          const calling = yield* Effect.forkChild(Effect.all(calls, { concurrency: "unbounded", discard: true }))
          yield* until(() => seen.starts.length > 0)
          yield* Stream.runDrain(Dispatcher.execute(owned(4, tasks, pauses)))
          const before = seen.starts.slice(0, seen.starts.findLastIndex((id) => id >= 400)).filter((id) => id < 400)
          yield* Fiber.interrupt(calling)
          // One for one, and those that run when the execution begins.
          const bound = 2 * tasks + 40
          yield* expect(
            before.length <= bound,
            () => `${before.length} runs started before ${tasks} tasks, of ${bound}`
          )
        })
    }),
    property("an execution without end does not starve others", {
      input: Arbitrary.schema(Schema.Struct({ endless: Work, how: How, other: Work })),
      holds: ({ endless, how, other }) =>
        Effect.gen(function*() {
          const forever = function*() {
            for (let i = 0;; i = (i + 1) % 40) yield new Square({ n: 100 + i, pauses: endless.pauses })
          }
          let seen = 0
          const running = yield* Effect.forkChild(
            Stream.runForEach(Dispatcher.execute(forever(), toOptions(endless.options)), () =>
              Effect.sync(() => {
                seen++
              }))
          )
          yield* expectOwn(yield* perform(how, 2, other), 2, other.tasks)
          // The endless execution makes progress too.
          const before = seen
          while (seen === before) yield* Effect.yieldNow
          yield* Fiber.interrupt(running)
        })
    })
  ]
}
