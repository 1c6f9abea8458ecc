/**
 * The fiber suite: `FiberDispatcher` against p-map, p-queue, `Effect.forEach` and `Stream.mapEffect`, which all run
 * many tasks concurrently in one process.
 *
 * All competitors get the same task instances, made before the clock runs, except for "tasks built in the stream". A
 * run of papyros goes from the tasks through the dispatcher to a Stream whose consumer reads every result.
 */
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import pMap from "p-map"
import PQueue from "p-queue"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import type { Case, Competitor, Suite } from "../harness/model.ts"
import { Tally } from "../harness/tally.ts"

const CONCURRENCY = 64
const QUICK = 100_000
const SLOW = 10_000

class Tenth extends Schema.TaggedError<Tenth>()("Tenth", { n: Schema.Int }) {}

class Add extends Task.Class<Add>()("Add", { payload: { n: Schema.Int }, success: Schema.Int }) {}

class AddOrFail extends Task.Class<AddOrFail>()("AddOrFail", {
  payload: { n: Schema.Int },
  success: Schema.Int,
  error: Tenth
}) {}

/** The handler of a case that adds one, written for promises and for effects. */
interface Addition {
  readonly name: string
  readonly tasks: number
  readonly promise: (task: { readonly n: number }) => number | Promise<number>
  readonly effect: (task: { readonly n: number }) => Effect.Effect<number>
  readonly target: Readonly<Record<string, string>>
}

const additions: ReadonlyArray<Addition> = [
  {
    name: "async no-op",
    tasks: QUICK,
    promise: async ({ n }) => n + 1,
    effect: ({ n }) => Effect.promise(async () => n + 1),
    target: { "p-map": "at least 0.85", "Stream.mapEffect unordered": "at least 3" }
  },
  {
    name: "synchronous effects",
    tasks: QUICK,
    promise: ({ n }) => n + 1,
    effect: ({ n }) => Effect.sync(() => n + 1),
    target: { "p-map": "at least 1.3" }
  },
  {
    name: "1 ms sleeps",
    tasks: SLOW,
    promise: ({ n }) => new Promise((resolve) => setTimeout(resolve, 1, n + 1)),
    effect: ({ n }) =>
      Effect.callback((resume) => {
        setTimeout(() => resume(Effect.succeed(n + 1)), 1)
      }),
    target: { "p-map": "at least 0.85" }
  }
]

const count = (results: ReadonlyArray<number>): Tally => {
  const tally = new Tally()
  for (const n of results) tally.success(n)
  return tally
}

const countStream = <E, R>(results: Stream.Stream<number, E, R>): Effect.Effect<Tally, never, R> =>
  Stream.runFold(results, () => new Tally(), (tally, n) => tally.success(n)).pipe(Effect.orDie)

const range = (tasks: number): ReadonlyArray<number> => Array.from({ length: tasks }, (_, i) => i + 1)

const caseOf = (addition: Addition) =>
  Effect.gen(function*() {
    const group = TaskGroup.make(Add)
    const layer = FiberDispatcher.layer(group, { concurrency: CONCURRENCY }).pipe(
      Layer.provide(group.toLayer({ Add: addition.effect }))
    )
    const dispatcher = yield* Layer.build(layer)
    const tasks = range(addition.tasks).map((n) => new Add({ n }))
    const competitors: ReadonlyArray<Competitor> = [
      {
        name: "p-map",
        run: Effect.map(Effect.promise(() => pMap(tasks, addition.promise, { concurrency: CONCURRENCY })), count)
      },
      {
        name: "p-queue",
        run: Effect.map(
          Effect.promise(() => {
            const queue = new PQueue({ concurrency: CONCURRENCY })
            return queue.addAll(tasks.map((task) => async () => addition.promise(task)))
          }),
          count
        )
      },
      {
        name: "Effect.forEach",
        run: Effect.map(Effect.forEach(tasks, addition.effect, { concurrency: CONCURRENCY }), count)
      },
      {
        name: "Stream.mapEffect unordered",
        run: Stream.fromIterable(tasks).pipe(
          Stream.mapEffect(addition.effect, { concurrency: CONCURRENCY, unordered: true }),
          countStream
        )
      },
      {
        name: "papyros",
        run: pipe(Dispatcher.execute(tasks), countStream, Effect.provideContext(dispatcher)),
        target: addition.target
      },
      {
        name: "papyros, tasks built in the stream",
        run: Stream.range(1, addition.tasks).pipe(
          Stream.map((n) => new Add({ n })),
          Dispatcher.execute(),
          countStream,
          Effect.provideContext(dispatcher)
        )
      }
    ]
    return {
      name: addition.name,
      tasks: addition.tasks,
      expected: count(range(addition.tasks).map((n) => n + 1)),
      baselines: ["p-map", "Stream.mapEffect unordered"],
      competitors
    } satisfies Case
  })

// ----------------------------------------------------------------------------
// Typed errors
// ----------------------------------------------------------------------------

const addOrFail = ({ n }: { readonly n: number }): Effect.Effect<number, Tenth> =>
  n % 10 === 0 ? Effect.fail(new Tenth({ n })) : Effect.sync(() => n + 1)

const addOrThrow = async ({ n }: { readonly n: number }): Promise<number> => {
  if (n % 10 === 0) throw new Tenth({ n })
  return n + 1
}

/** Turns a rejection into a value, as p-settle does, so that p-map runs the other tasks. */
const settle = async (task: { readonly n: number }): Promise<Result.Result<number, unknown>> => {
  try {
    return Result.succeed(await addOrThrow(task))
  } catch (error) {
    return Result.fail(error)
  }
}

const record = (tally: Tally, result: Result.Result<number, unknown>): Tally =>
  Result.isSuccess(result)
    ? tally.success(result.success)
    : result.failure instanceof Tenth
    ? tally.failure(result.failure.n)
    : tally

const typedErrors = Effect.gen(function*() {
  const group = TaskGroup.make(AddOrFail)
  const layer = FiberDispatcher.layer(group, { concurrency: CONCURRENCY }).pipe(
    Layer.provide(group.toLayer({ AddOrFail: addOrFail }))
  )
  const dispatcher = yield* Layer.build(layer)
  const tasks = range(QUICK).map((n) => new AddOrFail({ n }))
  const fold = (results: ReadonlyArray<Result.Result<number, unknown>>) => results.reduce(record, new Tally())
  const expected = new Tally()
  for (const n of range(QUICK)) {
    if (n % 10 === 0) expected.failure(n)
    else expected.success(n + 1)
  }
  const competitors: ReadonlyArray<Competitor> = [
    {
      name: "p-map",
      run: Effect.map(Effect.promise(() => pMap(tasks, settle, { concurrency: CONCURRENCY })), fold)
    },
    {
      name: "Effect.forEach",
      run: Effect.map(
        Effect.forEach(tasks, (task) => Effect.result(addOrFail(task)), { concurrency: CONCURRENCY }),
        fold
      )
    },
    {
      name: "Stream.mapEffect unordered",
      run: Stream.fromIterable(tasks).pipe(
        Stream.mapEffect((task) => Effect.result(addOrFail(task)), { concurrency: CONCURRENCY, unordered: true }),
        Stream.runFold(() => new Tally(), record)
      )
    },
    {
      name: "papyros",
      run: Dispatcher.results(tasks).pipe(
        Stream.runFold(
          () => new Tally(),
          (tally, { result }) =>
            Result.isFailure(result) && result.failure.reason._tag === "Failed"
              ? tally.failure(result.failure.reason.error.n)
              : record(tally, result)
        ),
        Effect.orDie,
        Effect.provideContext(dispatcher)
      )
    }
  ]
  return {
    name: "typed errors, 10 %",
    tasks: QUICK,
    expected,
    baselines: ["p-map"],
    competitors
  } satisfies Case
})

export const suite: Suite = {
  name: "fiber",
  clock: "wall",
  settings: { concurrency: CONCURRENCY, tasks: QUICK, sleepingTasks: SLOW },
  cases: [
    ...additions.map((addition) => ({ name: addition.name, make: caseOf(addition) })),
    { name: "typed errors, 10 %", make: typedErrors }
  ]
}
