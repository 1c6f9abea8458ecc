import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { readFileSync } from "node:fs"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Recording from "papyros/Recording"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as Testing from "papyros/testing"
import { pool } from "./support/pool/pool.ts"
import { Add, Misbehave } from "./support/pool/tasks.ts"

class Work extends Task.Class<Work>()("Work", {
  payload: { n: Schema.Int, failures: Schema.Int },
  success: Schema.Int,
  error: Schema.String
}) {}

class Break extends Task.Class<Break>()("Break") {}

/** Cannot be interrupted for 10 seconds. */
class Persist extends Task.Class<Persist>()("Persist") {}

class Hang extends Task.Class<Hang>()("Hang") {}

const Tasks = TaskGroup.make(Work, Break, Hang, Persist)

const handlers = Tasks.toLayer({
  Work: ({ failures, n }) =>
    Effect.flatMap(Task.CurrentAttempt, (attempt) => attempt <= failures ? Effect.fail("no") : Effect.succeed(n)),
  Break: () => Effect.die(new Error("on purpose")),
  Hang: () => Effect.never,
  Persist: () => Effect.uninterruptible(Effect.sleep("10 seconds"))
})

const dispatcher = Layer.provide(FiberDispatcher.layer(Tasks, { concurrency: 4 }), handlers)

/** Runs for a second. */
class Hold extends Task.Class<Hold>()("Hold") {}

const Holding = TaskGroup.make(Hold)

/** One at a time. */
const holding = Layer.provide(
  FiberDispatcher.layer(Holding, { concurrency: 1 }),
  Holding.toLayer({ Hold: () => Effect.sleep("1 second") })
)

/** One worker: each chunk takes 3 seconds, of which its tasks run for one. */
const slow: Executor.Executor = {
  name: "slow",
  boundary: "none",
  maxChunk: 2,
  open: (scheduler) =>
    Effect.sync(() => {
      const wake = () => {
        const chunk = scheduler.take(worker, 2)
        if (chunk === undefined) return
        scheduler.after(3000, () => {
          scheduler.recordBusy(chunk.items, 1e6)
          for (let at = 0; at < chunk.size; at++) scheduler.succeed(chunk, at, 1)
          wake()
        })
      }
      const worker: Executor.WorkerHandle = { name: "slow", concurrency: 1, window: 2, wake, cancel: () => {} }
      scheduler.join(worker)
    })
}

/** Runs with a registry of its own. */
const isolated = Effect.provideServiceEffect(Metric.MetricRegistry, Effect.sync(() => new Map()))

/** The value of each counter and gauge of papyros, and the count of each histogram, by name and attributes. */
const read = Effect.map(Metric.snapshot, (snapshots) =>
  Object.fromEntries(
    snapshots.map(({ attributes, id, state }) => {
      const { unit: _, ...labels } = attributes ?? {}
      const value = "count" in state ? Number(state.count) : "value" in state ? Number(state.value) : NaN
      return [`${id.replace("papyros_", "")} ${Object.values(labels).join(" ")}`, value]
    })
  ))

const counted = (series: Record<string, number>, name: string): Record<string, number> =>
  Object.fromEntries(
    Object.entries(series)
      .filter(([key, value]) => key.startsWith(`${name} `) && value > 0)
      .map(([key, value]) => [key.slice(name.length + 1), value])
  )

const some = [
  ...Array.from({ length: 10 }, (_, n) => new Work({ n, failures: n % 3 })),
  ...Array.from({ length: 4 }, () => new Break())
]

describe("metrics", () => {
  it.effect("count outcomes and retries by type of task", () =>
    isolated(
      Effect.gen(function*() {
        yield* Stream.runDrain(Dispatcher.results(some, { retry: { times: 1 } }))
        const series = yield* read
        // Of 10: 4 succeed at once, 3 at the second attempt, 3 fail twice. Defects are retried too.
        assert.deepStrictEqual(counted(series, "tasks_retried_total"), { "fiber Work": 6, "fiber Break": 4 })
        assert.deepStrictEqual(counted(series, "tasks_completed_total"), {
          "fiber Work success": 7,
          "fiber Work Failed": 9,
          "fiber Break Defect": 8
        })
        const chunks = (yield* Metric.snapshot).find(({ id }) => id === "papyros_chunk_tasks")
        // A worker may give tasks back without having started them.
        assert.isAtLeast(chunks?.type === "Histogram" ? chunks.state.sum : 0, 24)
      }).pipe(Effect.provide(dispatcher))
    ))

  it.effect("count tasks that are cancelled while a worker has them, and those of an unknown type", () =>
    isolated(
      Effect.gen(function*() {
        const running = yield* Effect.forkChild(
          Stream.runDrain(Dispatcher.execute([new Hang(), new Hang(), new Hang()]))
        )
        yield* Effect.repeat(Dispatcher.status, { until: ({ running }) => running === 3 })
        assert.deepInclude(yield* read, {
          "tasks_running fiber": 3,
          "executions fiber": 1,
          "slots fiber": 4,
          "workers fiber": 1
        })
        yield* Fiber.interrupt(running)
        class Foreign extends Task.Class<Foreign>()("Foreign") {}
        yield* Effect.exit(Dispatcher.run(new Foreign() as never as Hang))
        const series = yield* read
        assert.deepInclude(series, { "tasks_running fiber": 0, "executions fiber": 0 })
        assert.deepStrictEqual(counted(series, "tasks_cancelled_total"), { "fiber Hang": 3 })
        assert.deepStrictEqual(counted(series, "tasks_completed_total"), { "fiber unknown UnknownTask": 1 })
      }).pipe(Effect.provide(dispatcher))
    ))

  it.effect("count a task once that has timed out and does not stop when its execution ends", () =>
    isolated(
      Effect.gen(function*() {
        const ended = yield* Effect.forkChild(
          Stream.runDrain(Dispatcher.results([new Persist()], { taskTimeout: "1 second" }))
        )
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(ended)
        const series = yield* read
        assert.deepStrictEqual(counted(series, "tasks_completed_total"), { "fiber Persist TimedOut": 1 })
        assert.deepStrictEqual(counted(series, "tasks_cancelled_total"), {})
        assert.deepInclude(series, { "tasks_running fiber": 0, "tasks_waiting fiber": 0 })
      }).pipe(Effect.provide(dispatcher))
    ))

  it.effect("stay when their dispatcher closes, and the next one of the name counts on", () =>
    isolated(Effect.gen(function*() {
      const once = Effect.provide(Stream.runDrain(Dispatcher.results(some)), dispatcher)
      for (const times of [1, 2, 3]) {
        yield* once
        const series = yield* read
        assert.deepStrictEqual(counted(series, "tasks_completed_total"), {
          "fiber Work success": 4 * times,
          "fiber Work Failed": 6 * times,
          "fiber Break Defect": 4 * times
        })
        assert.isUndefined(series["slots fiber"])
        const text = yield* PrometheusMetrics.format()
        assert.include(
          text,
          `papyros_tasks_completed_total{dispatcher="fiber",task="Work",outcome="Failed"} ${6 * times}`
        )
      }
    })))

  it.effect("are there for the next dispatcher of the name, though the program has emptied the registry", () =>
    isolated(Effect.gen(function*() {
      const registry = yield* Metric.MetricRegistry
      const once = Effect.provide(Stream.runDrain(Dispatcher.results(some)), dispatcher)
      yield* once
      const before = Object.keys(yield* read)
      registry.clear()
      yield* once
      const series = yield* read
      assert.deepStrictEqual(Object.keys(series).toSorted(), before.toSorted())
      assert.strictEqual(series["tasks_completed_total fiber Work success"], 8)
    })))

  it.effect("have the name of their dispatcher, which gets a number while another one has it", () =>
    isolated(Effect.scoped(Effect.gen(function*() {
      const open = (name?: string) => Layer.build(Layer.provide(FiberDispatcher.layer(Tasks, { name }), handlers))
      yield* open("images")
      const second = yield* Effect.scoped(Effect.andThen(open("images"), read))
      assert.deepStrictEqual(Object.keys(counted(second, "workers")), ["images", "images-2"])
      yield* open()
      yield* open("images")
      assert.deepStrictEqual(Object.keys(counted(yield* read, "workers")), ["images", "fiber", "images-2"])
      yield* Effect.provideService(open("images"), Metric.CurrentMetricAttributes, { service: "s" })
      assert.include(Object.keys(counted(yield* read, "workers")), "s images")
    }))))

  it.effect("of two dispatchers never share a series, whatever the attributes of their contexts are", () =>
    isolated(Effect.scoped(Effect.gen(function*() {
      const contexts: ReadonlyArray<Record<string, string>> = [
        {},
        { task: "a" },
        { dispatcher: "b", outcome: "c", cause: "d" },
        { zone: "1", host: "2" },
        { host: "2", zone: "1" }
      ]
      for (const attributes of contexts) {
        const opened = yield* Effect.provideService(
          Layer.build(dispatcher),
          Metric.CurrentMetricAttributes,
          attributes
        )
        yield* Effect.provide(Dispatcher.run(new Work({ n: 1, failures: 0 })), opened)
      }
      const series = yield* read
      assert.deepStrictEqual(counted(series, "workers"), {
        fiber: 1,
        "fiber-2": 1,
        "fiber-3": 1,
        "2 1 fiber": 1,
        "2 1 fiber-2": 1
      })
      assert.deepStrictEqual(counted(series, "tasks_completed_total"), {
        "fiber Work success": 1,
        "fiber-2 Work success": 1,
        "fiber-3 Work success": 1,
        "2 1 fiber Work success": 1,
        "2 1 fiber-2 Work success": 1
      })
    }))))

  it.effect("of a task with the name unknown include those of unknown tasks", () =>
    isolated(Effect.gen(function*() {
      class Unknown extends Task.Class<Unknown>()("unknown", { success: Schema.Int }) {}
      const Group = TaskGroup.make(Unknown)
      const layer = Layer.provide(FiberDispatcher.layer(Group), Group.toLayer({ unknown: () => Effect.succeed(1) }))
      yield* Effect.gen(function*() {
        for (const task of [new Unknown(), new Hang() as never, new Unknown(), new Break() as never]) {
          yield* Effect.exit(Dispatcher.run(task))
        }
        assert.deepStrictEqual(counted(yield* read, "tasks_completed_total"), {
          "fiber unknown success": 2,
          "fiber unknown UnknownTask": 2
        })
      }).pipe(Effect.provide(layer))
    })))

  it.effect.prop(
    "agree with the results, whatever the workers do",
    { seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 })) },
    ({ seed }) =>
      isolated(Effect.gen(function*() {
        const { results, series } = yield* Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Stream.runCollect(Dispatcher.results(some, { retry: { times: 2 } })))
          while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust(Duration.seconds(1))
          return { results: yield* Fiber.join(fiber), series: yield* read }
        }).pipe(Effect.provide(Testing.scripted(Tasks, {
          seed,
          maxWorkerLosses: 2,
          run: (item) => item.name === "Work" ? Effect.succeed(1) : Effect.die("on purpose")
        })))
        const succeeded = results.filter(({ result }) => Result.isSuccess(result)).length
        const sum = (name: string, matches: (key: string) => boolean = () => true) =>
          Object.entries(counted(series, name)).reduce((sum, [key, value]) => matches(key) ? sum + value : sum, 0)
        assert.strictEqual(sum("tasks_completed_total", (key) => key.endsWith("success")), succeeded)
        // A failed attempt is the outcome of its task, or is retried.
        assert.strictEqual(
          sum("tasks_completed_total", (key) => !key.endsWith("success")) - sum("tasks_retried_total"),
          some.length - succeeded
        )
      }))
  )

  it.effect.prop(
    "count each start once, though tasks are given back, lost and cancelled",
    { seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 })) },
    ({ seed }) =>
      isolated(Effect.gen(function*() {
        const starts = new Map<string, number>()
        const series = yield* Effect.gen(function*() {
          // The consumer of the first execution stops: its tasks are cancelled, before they have started and after that.
          const stopped = Stream.runDrain(Stream.take(Dispatcher.results(some), seed % 5))
          const fiber = yield* Effect.forkChild(
            Effect.andThen(stopped, Stream.runDrain(Dispatcher.results(some, { retry: { times: 2 } })))
          )
          let before: Record<string, number> = {}
          while (fiber.pollUnsafe() === undefined) {
            yield* TestClock.adjust(Duration.seconds(1))
            const now = counted(yield* read, "tasks_started_total")
            for (const [key, value] of Object.entries(before)) assert.isAtLeast(now[key], value)
            before = now
          }
          yield* Fiber.join(fiber)
          return yield* read
        }).pipe(Effect.provide(Testing.scripted(Tasks, {
          seed,
          maxWorkerLosses: 2,
          idOf: ({ name }) => name === "Work" ? 0 : 1,
          observe: (event) => {
            if (event._tag !== "Started") return
            const key = `scripted ${event.id === 0 ? "Work" : "Break"}`
            starts.set(key, (starts.get(key) ?? 0) + 1)
          },
          run: (item) => item.name === "Work" ? Effect.succeed(1) : Effect.die("on purpose")
        })))
        assert.deepStrictEqual(counted(series, "tasks_started_total"), Object.fromEntries(starts))
      }))
  )

  it.effect("have the time that each 64th task of a queue waited, and the results that are ready", () =>
    isolated(
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Hold>()
        const push = (count: number) =>
          Effect.forEach(Array.from({ length: count }, () => new Hold()), (task) => queue.push(task))
        const waits = Effect.map(Metric.snapshot, (snapshots) =>
          snapshots.find(({ id }) => id === "papyros_task_wait_seconds")!.state as Metric.HistogramState)
        // The first one starts at once. The 65th waits until 64 others have run for a second each, one after the other.
        yield* push(65)
        yield* TestClock.adjust("64 seconds")
        const { count, max, min } = yield* waits
        assert.deepStrictEqual({ count, max, min }, { count: 2, max: 64, min: 0 })
        assert.strictEqual((yield* read)["results_ready fiber"], 64)
        yield* queue.popMany({ max: 60 })
        assert.strictEqual((yield* read)["results_ready fiber"], 4)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* read)["results_ready fiber"], 5)
      }).pipe(Effect.scoped, Effect.provide(holding))
    ))

  it.effect("have the results that an execution keeps for its consumer", () =>
    isolated(
      Effect.gen(function*() {
        const pull = yield* Stream.toPull(Dispatcher.execute(Array.from({ length: 8 }, () => new Hold())))
        const first = yield* Effect.forkChild(pull)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(first)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* read)["results_ready fiber"], 7)
      }).pipe(Effect.scoped, Effect.provide(holding))
    ))

  it.effect("have the time that a worker held a chunk and did not run it, while a recording is made", () =>
    isolated(
      Effect.gen(function*() {
        const overheads = Effect.map(Metric.snapshot, (snapshots) =>
          snapshots.find(({ id }) =>
            id === "papyros_chunk_overhead_seconds"
          )!.state as Metric.HistogramState)
        const run = Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Stream.runDrain(Dispatcher.results(some.slice(0, 4), { chunkSize: 2 })))
          yield* TestClock.adjust("10 seconds")
          yield* Fiber.join(fiber)
        })
        yield* run
        assert.strictEqual((yield* overheads).count, 0)
        // The second recording counts nothing twice.
        yield* Effect.scoped(Effect.andThen(Effect.andThen(Recording.make(), Recording.make()), run))
        // Each chunk takes 3 seconds, of which its tasks run for one.
        const { count, max, min, sum } = yield* overheads
        assert.deepStrictEqual({ count, max, min, sum }, { count: 2, max: 2, min: 2, sum: 4 })
      }).pipe(Effect.provide(Executor.layer(Tasks, slow)))
    ))

  it.effect("of a fiber dispatcher have the run time of each attempt, whether it suspends or not", () =>
    isolated(Effect.gen(function*() {
      class Wait extends Task.Class<Wait>()("Wait", { payload: { millis: Schema.Int } }) {}
      class Compute extends Task.Class<Compute>()("Compute", { payload: { n: Schema.Int } }) {}
      const Group = TaskGroup.make(Wait, Compute)
      const layer = Layer.provide(
        FiberDispatcher.layer(Group, { concurrency: 8 }),
        Group.toLayer({
          Wait: ({ millis }) => Effect.sleep(millis),
          Compute: ({ n }) => n % 2 === 0 ? Effect.void : Effect.die("on purpose")
        })
      )
      yield* Effect.gen(function*() {
        const tasks = Array.from(
          { length: 300 },
          (_, n) => n % 3 === 0 ? new Wait({ millis: 2000 }) : new Compute({ n })
        )
        const ended = yield* Effect.forkChild(Stream.runDrain(Dispatcher.results(tasks)))
        while (ended.pollUnsafe() === undefined) yield* TestClock.adjust(2000)
        const { snapshots } = yield* Effect.map(Metric.snapshot, (snapshots) => ({ snapshots }))
        const runTimes = (task: string) =>
          snapshots.find(({ attributes, id }) => id === "papyros_task_run_seconds" && attributes?.task === task)!
            .state as Metric.HistogramState
        assert.strictEqual(runTimes("Compute").count, 200)
        assert.strictEqual(runTimes("Wait").count, 100)
        assert.closeTo(runTimes("Wait").sum, 200, 1)
      }).pipe(Effect.provide(layer))
    })))

  it.live("of a pool have run times and lost workers", () =>
    isolated(
      Effect.gen(function*() {
        const tasks = [...Array.from({ length: 100 }, (_, n) => new Add({ n })), new Misbehave({ how: "exit" })]
        yield* Stream.runDrain(Dispatcher.results(tasks))
        const series = yield* read
        assert.strictEqual(series["task_run_seconds pool Add"], 100)
        assert.isAbove(series["worker_busy_seconds_total pool thread-1"], 0)
        assert.deepStrictEqual(counted(series, "workers_lost_total"), { "pool exit": 1 })
        assert.deepStrictEqual(counted(series, "workers_replaced_total"), { "pool exit": 1 })
        assert.deepInclude(counted(series, "tasks_completed_total"), {
          "pool Add success": 100,
          "pool Misbehave WorkerLost": 1
        })
        const text = yield* PrometheusMetrics.format()
        assert.match(text, /papyros_tasks_started_total\{dispatcher="pool",task="Misbehave"\} 1\n/)
        // Those that ran when the thread was lost have started again.
        const restarted = series["tasks_restarted_total pool Add"]
        assert.strictEqual(series["tasks_started_total pool Add"], 100 + restarted)
        assert.include(text, `papyros_workers_replaced_total{dispatcher="pool",cause="exit"} 1`)
        assert.match(text, /papyros_task_run_seconds_bucket\{dispatcher="pool",task="Add",le="\+Inf"\} 100/)
      }).pipe(Effect.provide(pool({ size: 1, maxWorkerLosses: 1 })))
    ))

  it.live("count threads that are replaced after so many tasks", () =>
    isolated(
      Effect.gen(function*() {
        const tasks = Array.from({ length: 45 }, (_, n) => new Add({ n }))
        yield* Stream.runDrain(Dispatcher.results(tasks, { chunkSize: 1 }))
        const series = yield* read
        const replaced = counted(series, "workers_replaced_total")
        // The successor of the fifth thread may start before that one has run all that it may.
        assert.include([4, 5], replaced["pool task limit"])
        assert.deepStrictEqual(Object.keys(replaced), ["pool task limit"])
      }).pipe(Effect.provide(pool({ size: 1, maxTasksPerWorker: 10 })))
    ))

  it.effect("are those of the reference, with their attributes", () =>
    isolated(Effect.gen(function*() {
      yield* Stream.runDrain(Dispatcher.results([...some, new Work({ n: 1, failures: 0 })])).pipe(
        Effect.provide(dispatcher)
      )
      const { snapshots } = yield* Effect.gen(function*() {
        yield* Stream.runDrain(Dispatcher.results([new Add({ n: 1 }), new Misbehave({ how: "exit" })]))
        return { snapshots: yield* Metric.snapshot }
      }).pipe(Effect.provide(pool({ size: 1, maxWorkerLosses: 1 })))
      const registered = new Map(snapshots.map(({ attributes, description, id, type }) => {
        const names = Object.keys(attributes ?? {}).filter((name) => name !== "unit")
        return [
          id,
          `| \`${id}\` | ${type.toLowerCase()} | ${names.map((name) => `\`${name}\``).join(", ")} | ${description} |`
        ]
      }))
      const rows = readFileSync("docs/reference/metrics.md", "utf8").split("\n").filter((line) =>
        line.startsWith("| `")
      )
      assert.deepStrictEqual(
        rows.map((row) => row.replaceAll(/ +\|/g, " |")).toSorted(),
        Array.from(registered.values()).toSorted()
      )
    })))
})
