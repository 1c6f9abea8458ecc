/**
 * The law of durable runs: a run that is ended anywhere and run again gives each result that its handlers gave, once, and
 * starts nothing that is stored. A program whose run was taken over stores nothing any more.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { isDeepStrictEqual } from "node:util"
import * as Durable from "../Durable.ts"
import * as FiberDispatcher from "../layers/FiberDispatcher.ts"
import * as Task from "../Task.ts"
import * as TaskGroup from "../TaskGroup.ts"
import { settle } from "./time.ts"

/** Succeeds with the number of its start. If `fails`, it fails in the first program. */
class Count extends Task.Class<Count>()("Count", {
  payload: { n: Schema.Int, fails: Schema.Boolean },
  success: Schema.Int,
  error: Schema.String
}) {}

const Tasks = TaskGroup.make(Count)

const count = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** The tasks of a run, and the programs that execute it. */
export const Programs = Schema.Struct({
  source: Schema.Array(Schema.Struct({ n: count(4), fails: Schema.Boolean })).check(Schema.isMaxLength(20)),
  /** Programs that end after so many results. */
  ends: Schema.Array(count(20)).check(Schema.isMaxLength(3)),
  ordered: Schema.Boolean,
  streamed: Schema.Boolean,
  /** The later programs have the tasks in another order. */
  reversed: Schema.Boolean,
  bufferSize: Schema.UndefinedOr(Schema.Literals([1, 3])),
  /** Another program takes the run over while the last but one executes it. */
  takenOver: Schema.Boolean
})

const RUN = "law"
const OTHER = "elsewhere 1 0 x"

const isEqual = (actual: unknown, expected: unknown, claim: string): Effect.Effect<void, string> =>
  isDeepStrictEqual(actual, expected)
    ? Effect.void
    : Effect.fail(`${claim}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)

const numbersOf = (values: Iterable<number>): ReadonlyArray<number> => Array.from(values).toSorted((a, b) => a - b)

/** Executes the programs one after the other. Fails with the promise that does not hold. */
export const holds = (
  { bufferSize, ends, ordered, reversed, source, streamed, takenOver }: typeof Programs.Type
): Effect.Effect<void, unknown, Durable.Durable> =>
  Effect.gen(function*() {
    /** The number of the task of each start. */
    const starts: Array<number> = []
    let program = 0
    let gate: Effect.Effect<void> = Effect.void
    const handlers = Tasks.toLayer({
      Count: ({ fails, n }) =>
        Effect.suspend(() => {
          const start = starts.push(n) - 1
          const outcome = fails && program === 0 ? Effect.fail("in the first program") : Effect.succeed(start)
          return Effect.andThen(gate, Effect.andThen(Effect.yieldNow, outcome))
        })
    })
    const dispatcher = FiberDispatcher.layer(Tasks, { concurrency: 4 }).pipe(Layer.provide(handlers))
    const { store } = yield* Durable.Durable

    const execution = Stream.suspend(() => {
      const tasks = (reversed && program > 0 ? source.toReversed() : source).map((payload) => new Count(payload))
      const given = streamed ? Stream.rechunk(Stream.fromIterable(tasks), 3) : tasks
      return Durable.results(given, { run: RUN, ordered, bufferSize })
    }).pipe(Stream.provide(dispatcher))
    const stored = Effect.map(
      Stream.runCollect(Durable.outcomes(Tasks, RUN)),
      (outcomes) => outcomes.flatMap(({ result }) => Result.isSuccess(result) ? result.success : [])
    )

    /** Executes one program, and checks that it starts nothing that is stored. */
    const execute = Effect.fnUntraced(function*(most: number) {
      const before = yield* stored
      const from = starts.length
      const results = yield* Stream.runCollect(Stream.take(execution, most))
      const after = yield* stored
      const lost = results.filter(({ result }) => Result.isSuccess(result) && !after.includes(result.success))
      yield* isEqual(lost, [], "results that were delivered and are not stored")
      for (const n of new Set(source.map(({ n }) => n))) {
        const countOf = (numbers: ReadonlyArray<number>) => numbers.filter((other) => other === n).length
        const left = countOf(source.map(({ n }) => n)) - countOf(before.map((start) => starts[start]))
        const started = countOf(starts.slice(from))
        if (started > left) return yield* Effect.fail(`task ${n} was started ${started} times, and ${left} were left`)
      }
      program++
      return { before, results }
    })

    for (const end of ends) yield* execute(end)

    if (takenOver) {
      const open = yield* Latch.make()
      gate = open.await
      const from = starts.length
      const fiber = yield* Effect.forkChild(Effect.result(Stream.runDrain(execution)))
      while (starts.length === from && fiber.pollUnsafe() === undefined) yield* settle()
      if (starts.length > from) {
        const [{ owner }] = yield* store.runs
        yield* store.acquire(RUN, OTHER, owner ?? undefined)
        const before = yield* stored
        yield* open.open
        const ended = yield* Fiber.join(fiber)
        yield* isEqual(
          Result.isFailure(ended) && ended.failure._tag === "DurableError" ? ended.failure.reason._tag : "no error",
          "RunBusy",
          "the end of a program whose run was taken over"
        )
        yield* isEqual(numbersOf(yield* stored), numbersOf(before), "outcomes stored after the run was taken over")
        yield* store.release(RUN, OTHER, undefined)
      }
      gate = Effect.void
      program++
    }

    const { before, results } = yield* execute(Infinity)
    yield* isEqual(
      numbersOf(results.map(({ index }) => index)),
      source.map((_, index) => index),
      "the indexes of the results"
    )
    if (ordered) yield* isEqual(results.map(({ index }) => index), source.map((_, index) => index), "their order")
    const values: Array<number> = []
    for (const { result, task } of results) {
      if (Result.isSuccess(result)) {
        values.push(result.success)
        yield* isEqual(task.n, starts[result.success], "the task of a result")
      } else yield* isEqual([task.fails, program], [true, 1], "a task that failed")
    }
    yield* isEqual(new Set(values).size, values.length, "different results")
    yield* isEqual(before.filter((value) => !values.includes(value)), [], "stored results that were not delivered")
  })
