import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import {
  collect,
  direct,
  directAll,
  expectOnce,
  expectOutcomes,
  Options,
  Sample,
  seen,
  toOptions,
  toSource,
  work
} from "../generators.ts"
import { expect, expectEqual, type Law, property } from "../property.ts"
import { Nest, Refuse, Reuse, Scribble, Square, Stumble, Tasks, Transform } from "../tasks.ts"

const encode = Schema.encodeSync(Schema.toCodecJson(Schema.Union([Sample, Scribble])))

/** The contents of the caller's tasks, for comparison with their contents after the execution. */
const snapshot = (tasks: ReadonlyArray<Sample | Scribble>) => tasks.map((task) => encode(task))

/** A task with a payload of the given size. Large byte arrays take another path through a boundary than small ones. */
const Plan = Schema.Struct({
  size: Schema.Literals([0, 1, 64, 20_000]),
  failures: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  pauses: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))
})

const contents = (index: number, size: number) => ({
  bytes: new Uint8Array(size).fill(index + 1),
  list: [index, -index],
  rows: Array.from({ length: index % 7 }, (_, n) => ({ n: n + index }))
})

/** Makes tasks one by one in the same memory, which is overwritten at the end. */
const reusing = (plans: ReadonlyArray<typeof Plan.Type>, retries: number): Iterable<Reuse> => ({
  [Symbol.iterator]: () => reuse(plans, retries)
})

const reuse = function*(plans: ReadonlyArray<typeof Plan.Type>, retries: number) {
  const bytes = new Uint8Array(20_000)
  const list: Array<number> = []
  const rows: Array<{ n: number }> = []
  for (const [index, { failures, pauses, size }] of plans.entries()) {
    const given = contents(index, size)
    bytes.set(given.bytes)
    list.splice(0, Infinity, ...given.list)
    rows.length = given.rows.length
    given.rows.forEach(({ n }, i) => (rows[i] ??= { n }).n = n)
    yield new Reuse({ bytes: bytes.subarray(0, size), list, rows, failures: Math.min(failures, retries), pauses })
  }
  bytes.fill(255)
  list.length = rows.length = 0
}

/** Law 1: results equal those of the handlers. */
export const oracle: Law = {
  number: 1,
  name: "each result equals that of the handler run directly, and the caller's tasks are unchanged",
  properties: [
    property("results equal those of handlers that run directly", {
      input: work(Sample),
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const before = snapshot(tasks)
          const outcomes = yield* directAll(tasks, options.retries)
          yield* expectOutcomes(yield* collect(tasks, options), tasks, outcomes)
          yield* expectEqual(snapshot(tasks), before, "the caller's tasks afterwards")
        })
    }),
    property("dates, options, class instances, bytes, bigints and errors made of them survive", {
      input: work(Schema.Union([Transform, Refuse]), 8),
      holds: ({ options, tasks }) =>
        Effect.flatMap(
          collect(tasks, options),
          (results) =>
            Effect.flatMap(directAll(tasks, options.retries), (outcomes) => expectOutcomes(results, tasks, outcomes))
        )
    }),
    property("a single task gives the same, run or yielded", {
      input: Arbitrary.schema(Sample),
      holds: (task) =>
        Effect.gen(function*() {
          const expected = yield* direct(task, 0)
          const yielded = task as ReturnType<typeof Dispatcher.run<Sample>>
          for (const effect of [Dispatcher.run(task), yielded]) {
            const result = yield* Effect.result(effect)
            if (Result.isFailure(result) && result.failure._tag === "DispatcherClosed") {
              return yield* expect(false, () => "the dispatcher says that it is closed")
            }
            yield* expectEqual(
              seen({ index: 0, task, result } as Dispatcher.TaskResult<Sample>),
              expected,
              `outcome of ${String(task)}`
            )
          }
        })
    }),
    property("a handler that changes its payload changes neither the caller's task nor the payload of a retry", {
      input: work(Scribble, 12),
      needs: ["codec"],
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const before = snapshot(tasks)
          const given = tasks.map((task) => task.bytes.slice())
          const results = yield* collect(tasks, options)
          yield* expectOnce(results, tasks.length)
          for (const { index, result, task } of results) {
            if (Result.isSuccess(result)) yield* expectEqual(result.success, given[index], `bytes of task ${index}`)
            else yield* expectEqual(result.failure.task, task, `task of failure ${index}`)
            const survives = task.failures <= options.retries
            yield* expect(Result.isSuccess(result) === survives, () => `task ${index} should have ended otherwise`)
          }
          yield* expectEqual(snapshot(tasks), before, "the caller's tasks afterwards")
        })
    }),
    property("a payload may be changed by its caller, and a result by its handler, once it was handed over", {
      input: work(Plan, 16),
      needs: ["codec"],
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const given = reusing(tasks, options.retries)
          const pushes = options.source === "trickle"
          const results = yield* pushes ? pushAll(given, options) : collect(given, { ...options, source: "iterable" })
          yield* expectOnce(results, tasks.length)
          for (const { index, result } of results) {
            yield* expectEqual(
              Result.getOrUndefined(result),
              contents(index, tasks[index].size),
              `result of task ${index}, whose memory is used again`
            )
          }
        })
    })
  ]
}

/** Pushes tasks to a queue, and pops the outcome of each. */
const pushAll = (tasks: Iterable<Reuse>, { chunkSize, retries }: Options) =>
  Effect.gen(function*() {
    const queue = yield* Dispatcher.makeQueue<Reuse>({ chunkSize, retry: { times: retries } })
    for (const task of tasks) yield* queue.push(task)
    yield* queue.end
    return yield* Stream.runCollect(queue.toStream)
  })

/** Law 2: each task has one outcome, in order if the execution is ordered. */
export const outcomes: Law = {
  number: 2,
  name: "every task has exactly one outcome; unordered results are a permutation, ordered ones in order",
  properties: [
    property("every task has one outcome, in order if that is asked for", {
      input: work(Sample, 40),
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const results = yield* collect(tasks, options)
          yield* expectOnce(results, tasks.length)
          if (options.ordered) {
            yield* expectEqual(
              results.map(({ index }) => index),
              tasks.map((_, index) => index),
              "order of the results"
            )
          }
        })
    }),
    property("execute gives every success, and ordered it gives those before the first failure and then fails", {
      input: work(Schema.Union([Square, Stumble])),
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const expected = yield* directAll(tasks, options.retries)
          const values: Array<unknown> = []
          const exit = yield* Dispatcher.execute(
            toSource(tasks, options) as ReadonlyArray<Square | Stumble>,
            toOptions(options)
          ).pipe(
            Stream.runForEach((value) => Effect.sync(() => values.push(value))),
            Effect.result
          )
          const first = expected.findIndex(({ _tag }) => _tag !== "Success")
          const successes = expected.flatMap((outcome) => "value" in outcome ? [JSON.stringify(outcome.value)] : [])
          const given = values.map((value) => JSON.stringify(value))
          yield* expect(
            Result.isFailure(exit) === (first !== -1),
            () => first === -1 ? "failed though no task fails" : "did not fail though a task fails"
          )
          if (options.ordered) {
            yield* expectEqual(
              given,
              successes.slice(0, first === -1 ? undefined : first),
              "results before the failure"
            )
            if (first !== -1 && Result.isFailure(exit) && exit.failure._tag === "TaskFailure") {
              yield* expect(exit.failure.task === tasks[first], () => "failed with another task than the first to fail")
            }
          } else if (first === -1) {
            yield* expectEqual(given.sort(), successes.sort(), "results, sorted")
          } else {
            const left = [...successes]
            for (const value of given) {
              const at = left.indexOf(value)
              yield* expect(at !== -1, () => `gave ${value}, which no task gives, or which had been given`)
              left.splice(at, 1)
            }
          }
        })
    }),
    property("tasks that run tasks on their own dispatcher have one outcome too", {
      input: work(Schema.Union([Nest, Square]), 6),
      needs: ["nests"],
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const expected = tasks.map((task) => task._tag === "Nest" ? task.width ** task.depth : task.n * task.n)
          yield* expectOutcomes(
            yield* collect(tasks, options),
            tasks,
            expected.map((value) => ({ _tag: "Success", value }))
          )
        })
    })
  ]
}

/** Law 3: the way in which tasks are sent does not affect results. */
export const transparency: Law = {
  number: 3,
  name: "chunkSize and bufferSize never change results; neither does the mix of task types",
  properties: [
    property("the same tasks under any two settings give the same", {
      input: Arbitrary.schema(Schema.Struct({
        tasks: Schema.Array(Sample).check(Schema.isMaxLength(30)),
        one: Options,
        other: Options
      })),
      holds: ({ one, other, tasks }) =>
        Effect.gen(function*() {
          const expected = yield* directAll(tasks, one.retries)
          yield* expectOutcomes(yield* collect(tasks, one), tasks, expected)
          yield* expectOutcomes(yield* collect(tasks, { ...other, retries: one.retries }), tasks, expected)
        })
    }),
    property("tasks give the same results among other types as among their own type", {
      input: work(Sample, 30),
      holds: ({ options, tasks }) =>
        Effect.gen(function*() {
          const mixed = (yield* collect(tasks, options)).toSorted((a, b) => a.index - b.index)
          for (const name of Tasks.tasks.keys()) {
            const kin = mixed.filter(({ task }) => task._tag === name)
            const alone = yield* collect(kin.map(({ task }) => task), options)
            yield* expectOnce(alone, kin.length)
            yield* expectEqual(
              alone.toSorted((a, b) => a.index - b.index).map(seen),
              kin.map(seen),
              `outcomes of the tasks ${name}`
            )
          }
        })
    })
  ]
}
