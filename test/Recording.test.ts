import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Recording from "papyros/Recording"
import * as RoutedDispatcher from "papyros/RoutedDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as Testing from "papyros/testing"
import { pool } from "./support/pool/pool.ts"
import { Add, Misbehave } from "./support/pool/tasks.ts"

class Sleep extends Task.Class<Sleep>()("Sleep", { payload: { millis: Schema.Int } }) {}
class Break extends Task.Class<Break>()("Break", { payload: { secret: Schema.String } }) {}

const Sleeps = TaskGroup.make(Sleep)
const Breaks = TaskGroup.make(Break)
const sleeps = Sleeps.toLayer({ Sleep: ({ millis }) => Effect.sleep(millis) })
const breaks = Breaks.toLayer({ Break: () => Effect.die(new TypeError("on purpose")) })
const fiber = (concurrency: number) => FiberDispatcher.layer(Sleeps, { concurrency }).pipe(Layer.provide(sleeps))

/** Names of control characters, which JSON writes as six. */
const hostile = Array.from({ length: 80 }, (_, i) => {
  const name = `${i}${"\u0001".repeat(500)}`
  return { name, Hostile: class extends Task.Class<any>()(name) {} }
})
const Hostiles = TaskGroup.make(...hostile.map(({ Hostile }) => Hostile))
const unprintable = (i: number) =>
  Object.assign(new Error("\u0000\ud800".repeat(1000)), { name: `\u0007${i}`.repeat(50) })
const hostileHandlers = Hostiles.toLayer(
  Object.fromEntries(hostile.map(({ name }, i) => [name, () => Effect.die(unprintable(i))])) as never
)

const sum = (values: Iterable<number>): number => Array.from(values).reduce((total, value) => total + value, 0)
const bytes = (data: unknown): number => Buffer.byteLength(JSON.stringify(data))

describe("Recording", () => {
  it.effect("says where the time of slots went", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      const tasks = [1000, 1000, 3000].map((millis) => new Sleep({ millis }))
      const running = yield* Effect.forkChild(Stream.runDrain(Dispatcher.execute(tasks)))
      for (let i = 0; i < 40; i++) yield* TestClock.adjust(100)
      yield* Fiber.join(running)
      const { budget, duration, totals, types } = yield* recording.summary
      assert.deepStrictEqual([duration, totals.succeeded, types[0].name], [4000, 3, "Sleep"])
      // Two slots: 1 s and 1 s, then 3 s beside a slot without a task.
      assert.deepStrictEqual([budget.running, budget.noTasks], [5000, 3000])
      assert.strictEqual(sum(Object.values(budget)), 8000)
    }).pipe(Effect.provide(fiber(2))))

  it.effect("knows what free slots wait for", () =>
    Effect.gen(function*() {
      const reasonOf = Effect.fnUntraced(function*(run: Effect.Effect<void, unknown, Dispatcher.Dispatcher>) {
        return yield* Effect.scoped(Effect.gen(function*() {
          const recording = yield* Recording.make()
          const running = yield* Effect.forkChild(run)
          for (let i = 0; i < 100; i++) yield* TestClock.adjust(100)
          yield* Fiber.interrupt(running)
          const { budget } = yield* recording.summary
          const { running: _running, ...free } = budget
          return Object.entries(free).toSorted(([, a], [, b]) => b - a)[0][0]
        }))
      })
      const quick = (count: number) => Array.from({ length: count }, () => new Sleep({ millis: 1 }))
      const slowConsumer = Stream.runForEach(
        Dispatcher.execute(quick(100), { bufferSize: 2 }),
        () => Effect.sleep("1 second")
      )
      assert.strictEqual(yield* reasonOf(slowConsumer), "consumer")
      const slowSource = Stream.fromIterable(quick(100)).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.sleep("1 second"))
      )
      assert.strictEqual(yield* reasonOf(Stream.runDrain(Dispatcher.execute(slowSource))), "input")
      const first = [new Sleep({ millis: 60_000 }), ...quick(100)]
      const ordered = Stream.runDrain(Dispatcher.execute(first, { ordered: true, bufferSize: 2 }))
      assert.strictEqual(yield* reasonOf(ordered), "order")
      assert.strictEqual(yield* reasonOf(Effect.void), "noTasks")
    }).pipe(Effect.provide(fiber(2))))

  it.effect("gives all subscribers the same frames, twice a second, and a last one when it ends", () =>
    Effect.gen(function*() {
      const { recording, viewers } = yield* Effect.scoped(Effect.gen(function*() {
        const recording = yield* Recording.make({ name: "images" })
        const viewers = yield* Effect.forEach([1, 2], () => Effect.forkDetach(Stream.runCollect(recording.frames)))
        yield* Effect.yieldNow
        const running = yield* Effect.forkChild(
          Stream.runDrain(Dispatcher.execute(Array.from({ length: 4 }, () => new Sleep({ millis: 800 }))))
        )
        for (let i = 0; i < 20; i++) yield* TestClock.adjust(100)
        yield* Fiber.join(running)
        assert.strictEqual((yield* recording.snapshot).name, "images")
        return { recording, viewers }
      }))
      const [first, second] = yield* Effect.forEach(viewers, (viewer) => Fiber.join(viewer))
      assert.deepStrictEqual(first, second)
      assert.deepStrictEqual(first.map(({ at, sequence }) => [sequence, at]), [[1, 500], [2, 1000], [3, 1500], [
        4,
        2000
      ], [
        5,
        2000
      ]])
      assert.deepStrictEqual(first.map(({ ended }) => ended), [false, false, false, false, true])
      assert.strictEqual(sum(first.flatMap(({ segments }) => segments.tasks)), 4)
      assert.strictEqual(first.at(-1)!.totals.succeeded, 4)
      assert.deepStrictEqual(yield* Stream.runCollect(recording.frames), first.slice(-1))
    }).pipe(Effect.provide(fiber(2))))

  it.effect("records all dispatchers of a route, and keeps payloads only if it is asked to", () =>
    Effect.gen(function*() {
      const recordings = yield* Effect.all([Recording.make(), Recording.make({ payloads: true })])
      const tasks = [new Sleep({ millis: 0 }), new Break({ secret: "hidden" })]
      yield* Stream.runDrain(Dispatcher.results(tasks)).pipe(Effect.forkChild, Effect.tap(() => TestClock.adjust(10)))
      const [plain, withPayloads] = yield* Effect.forEach(recordings, ({ snapshot }) => snapshot)
      assert.deepStrictEqual(plain.workers.map(({ tasks }) => tasks), [1, 1])
      assert.deepStrictEqual([plain.totals.succeeded, plain.totals.failed, plain.failures], [1, 1, 1])
      assert.deepInclude(plain.latestFailures[0], { task: "Break", reason: "Defect", error: "TypeError", index: 1 })
      assert.notInclude(JSON.stringify([plain, withPayloads]), "hidden")
      const [hidden, shown] = yield* Effect.forEach(recordings, ({ failure }) => failure(1))
      assert.isNull(Option.getOrThrow(hidden).payload)
      assert.include(Option.getOrThrow(shown).payload, "hidden")
      assert.include(Option.getOrThrow(shown).trace, "on purpose")
      assert.isTrue(Option.isNone(yield* recordings[0].failure(2)))
    }).pipe(Effect.provide(RoutedDispatcher.layer([
      fiber(2),
      FiberDispatcher.layer(Breaks, { concurrency: 2 }).pipe(Layer.provide(breaks))
    ]))))

  it.effect("stays within its bounds, whatever is recorded", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      const frames = yield* Effect.forkChild(Stream.runCollect(Stream.take(recording.frames, 3)))
      yield* Effect.yieldNow
      for (let i = 0; i < 3; i++) {
        yield* Stream.runDrain(Dispatcher.results(Array.from({ length: 5_000 }, () => new Break({ secret: "x" }))))
        yield* TestClock.adjust(500)
      }
      for (const frame of yield* Fiber.join(frames)) assert.isAtMost(bytes(frame), 64 * 1024)
      const snapshot = yield* recording.snapshot
      assert.isAtMost(bytes(snapshot), 512 * 1024)
      assert.deepStrictEqual([snapshot.totals.failed, snapshot.workers.length], [15_000, 257])
      assert.isAtMost((yield* recording.history).length, 4 * 1024 * 1024)
    }).pipe(Effect.provide(Executor.layer(Breaks, {
      name: "wide",
      boundary: "none",
      maxChunk: 1,
      open: (scheduler) =>
        Effect.sync(() => {
          for (let n = 0; n < 1000; n++) {
            const trace = `Error\n    at handler${n} (${"deep/".repeat(200)}file.ts:${n}:1)`
            const worker: Executor.WorkerHandle = {
              name: `${"worker".repeat(50)}-${n}`,
              concurrency: 1,
              window: 1,
              wake: () => {
                for (let chunk = scheduler.take(worker, 1); chunk !== undefined; chunk = scheduler.take(worker, 1)) {
                  scheduler.fail(chunk, 0, { _tag: "Defect", defect: new Error("m".repeat(5000)), trace })
                }
              },
              cancel: () => {}
            }
            scheduler.join(worker)
          }
        })
    }))))

  it.effect("counts from when it was made, and observes no more when it has ended", () =>
    Effect.gen(function*() {
      const runSome = (count: number) =>
        Stream.runDrain(Dispatcher.execute(Array.from({ length: count }, () => new Sleep({ millis: 0 }))))
      yield* runSome(5)
      const recording = yield* Effect.scoped(Effect.tap(Recording.make(), () => runSome(7)))
      yield* runSome(11)
      const { duration, totals } = yield* recording.summary
      assert.deepStrictEqual([totals.succeeded, duration], [7, 0])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* recording.summary).duration, 0)
    }).pipe(Effect.provide(Testing.noop(Sleeps))))

  it.live("of a pool has the time in which threads start, and how they were lost", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      yield* Stream.runDrain(Dispatcher.results([new Misbehave({ how: "exit" }), new Add({ n: 1 })]))
      const { budget, events, workers } = yield* recording.snapshot
      assert.deepStrictEqual(events.toReversed().map(({ detail, kind, worker }) => [kind, worker, detail]), [
        ["joined", "thread-1", null],
        ["lost", "thread-1", "exit"],
        ["joined", "thread-2", null]
      ])
      assert.deepStrictEqual(workers.map(({ failed, state }) => [state, failed]), [["lost", 0], ["up", 0]])
      assert.isAbove(budget.starting, 0)
    }).pipe(Effect.provide(pool({ size: 1, maxWorkerLosses: 1 }))))

  it.live("has the heap of worker threads as of the latest look, and of no other workers", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      yield* Dispatcher.run(new Add({ n: 1 }))
      assert.deepStrictEqual((yield* recording.summary).workers.map(({ heap }) => heap), [null])
      const heaps = Effect.map(recording.summary, ({ workers }) => workers.map(({ heap }) => heap))
      const [heap] = yield* Effect.repeat(heaps, { until: ([heap]) => heap !== null, schedule: Schedule.spaced(5) })
      assert.isAbove(heap!, 1e6)
      yield* Stream.runDrain(Dispatcher.results([new Misbehave({ how: "exit" })]))
      const { workers } = yield* Effect.repeat(recording.summary, {
        until: ({ workers }) => workers[0].state === "lost",
        schedule: Schedule.spaced(5)
      })
      assert.isNull(workers[0].heap)
    }).pipe(Effect.provide(pool({ size: 1, maxWorkerLosses: 1 }))))

  it.effect("shows the chunk that a worker has held longest", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      const started = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(
        Effect.andThen(Deferred.succeed(started, undefined), Dispatcher.run(new Sleep({ millis: 60_000 })))
      )
      yield* Deferred.await(started)
      yield* Effect.yieldNow
      yield* TestClock.adjust("7 seconds")
      const { workers } = yield* recording.summary
      assert.deepStrictEqual(workers[0].oldest, { type: 0, tasks: 1, age: 7000 })
      yield* Fiber.interrupt(running)
    }).pipe(Effect.provide(fiber(2))))

  it.effect("has the workers in its frames that run a task for long, though nothing happens", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      const frames = yield* Effect.forkChild(Stream.runCollect(Stream.take(recording.frames, 4)))
      yield* Effect.yieldNow
      const running = yield* Effect.forkChild(Dispatcher.run(new Sleep({ millis: 60_000 })))
      yield* Effect.yieldNow
      for (let i = 0; i < 4; i++) yield* TestClock.adjust(500)
      const workers = (yield* Fiber.join(frames)).map(({ workers }) => workers[0])
      assert.deepStrictEqual(workers.map(({ busy, oldest }) => [busy, oldest?.age]), [
        [500, 500],
        [1000, 1000],
        [1500, 1500],
        [2000, 2000]
      ])
      yield* Fiber.interrupt(running)
    }).pipe(Effect.provide(fiber(1))))

  it.effect("stays within its bounds with names and messages that JSON escapes, and shows all types and groups in turn", () =>
    Effect.gen(function*() {
      const recording = yield* Recording.make()
      const frames = yield* Effect.forkChild(Stream.runCollect(Stream.take(recording.frames, 20)))
      yield* Effect.yieldNow
      yield* Stream.runDrain(Dispatcher.results(hostile.flatMap(({ Hostile }) => [new Hostile(), new Hostile()])))
      for (let i = 0; i < 20; i++) yield* TestClock.adjust(500)
      const all = yield* Fiber.join(frames)
      for (const frame of all) assert.isAtMost(bytes(frame), 64 * 1024)
      const snapshot = yield* recording.snapshot
      assert.isAtMost(bytes(snapshot), 512 * 1024)
      assert.strictEqual(snapshot.totals.failed, 160)
      assert.strictEqual(sum(snapshot.groups.map(({ count }) => count)) + snapshot.ungrouped, 160)
      assert.sameMembers(all.flatMap(({ types }) => types.map(({ id }) => id)), snapshot.types.map(({ id }) => id))
      const groups = new Map(all.flatMap(({ groups }) => groups.map(({ count, id }) => [id, count])))
      assert.strictEqual(sum(groups.values()) + all.at(-1)!.ungrouped, 160)
    }).pipe(Effect.provide(FiberDispatcher.layer(Hostiles).pipe(Layer.provide(hostileHandlers)))))

  it.effect("counts tasks once that waited for a retry when it was made", () =>
    Effect.gen(function*() {
      const running = yield* Dispatcher.results(
        [1, 2, 3].map(() => new Break({ secret: "x" })),
        { retry: { schedule: Schedule.spaced("1 second"), times: 2 } }
      ).pipe(Stream.runDrain, Effect.forkChild)
      yield* TestClock.adjust(500)
      const recording = yield* Recording.make()
      const figures = Effect.map(recording.summary, ({ totals, types }) => [
        [totals.started, totals.failed, totals.retried, totals.retrying],
        types.map(({ failed, reasons }) => [failed, reasons.Defect])
      ])
      assert.deepStrictEqual(yield* figures, [[3, 0, 0, 3], [[3, 3]]])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* figures, [[6, 0, 3, 3], [[3, 6]]])
      yield* TestClock.adjust(1000)
      yield* Fiber.join(running)
      assert.deepStrictEqual(yield* figures, [[9, 3, 6, 0], [[3, 9]]])
    }).pipe(Effect.provide(FiberDispatcher.layer(Breaks).pipe(Layer.provide(breaks)))))
})
