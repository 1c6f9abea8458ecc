/**
 * The memory suite: the resident memory while ten million tasks stream through `FiberDispatcher`, and the number of
 * tasks that are pulled ahead of a consumer a hundred times slower than its tasks.
 *
 *     node --conditions=papyros-source --max-semi-space-size=16 benchmark/memory/main.ts [TASKS]
 *
 * Without the flag V8 doubles its young generation, up to 128 MB, each time enough objects have survived its
 * collections, even if few objects are alive. Memory then steps up by 67 MB after some millions of tasks; the output
 * shows the young generation separately.
 *
 * The exit code is 1 if memory grows by 50 MB or more after the first tenth of the tasks, or if the source is pulled
 * further than the credits allow.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { getHeapSpaceStatistics } from "node:v8"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const CONCURRENCY = 64
const BUFFER_SIZE = 256
/** In MB. */
const MAX_GROWTH = 50
/** Tasks of a run with a slow consumer. */
const SLOW_TASKS = 5000

class Tick extends Task.Class<Tick>()("Tick", {
  payload: { n: Schema.Int, fails: Schema.Boolean },
  success: Schema.Int,
  error: Schema.String
}) {}

const group = TaskGroup.make(Tick)

/** With `fails`, the task succeeds on its tenth attempt. */
const handlers = group.toLayer({
  Tick: ({ fails, n }) =>
    fails
      ? Effect.flatMap(Task.CurrentAttempt, (attempt) => attempt < 10 ? Effect.fail("not yet") : Effect.succeed(n))
      : Effect.sync(() => n)
})

/** Resident memory and the part of it that is V8's young generation, in MB. */
const measure = (): { readonly resident: number; readonly young: number } => {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space")
  return { resident: process.memoryUsage.rss() / 1e6, young: (young?.physical_space_size ?? 0) / 1e6 }
}

const grouped = (n: number): string => n.toLocaleString("en-US")

/** Returns whether memory stays flat and every result arrives. */
const memory = (tasks: number) =>
  Effect.gen(function*() {
    const step = Math.max(1, Math.floor(tasks / 10))
    const sizes: Array<number> = []
    let taken = 0
    let sum = 0
    yield* Stream.range(1, tasks).pipe(
      Stream.map((n) => new Tick({ n, fails: false })),
      Dispatcher.execute(),
      Stream.runForEachArray((results) =>
        Effect.suspend(() => {
          taken += results.length
          for (const n of results) sum += n
          if (Math.floor(taken / step) === sizes.length) return Effect.void
          const { resident, young } = measure()
          sizes.push(resident)
          return Console.log(
            `${grouped(taken).padStart(12)} results: ${resident.toFixed(1)} MB, young generation ${young.toFixed(1)} MB`
          )
        })
      )
    )
    const growth = Math.max(...sizes) - sizes[0]
    const complete = taken === tasks && sum === tasks * (tasks + 1) / 2
    yield* Console.log(`Memory grew by ${growth.toFixed(1)} MB after the first tenth; the limit is ${MAX_GROWTH} MB.`)
    if (!complete) yield* Console.log(`Results were lost: ${grouped(taken)} of ${grouped(tasks)} arrived.`)
    return complete && growth < MAX_GROWTH
  })

/** Keeps the thread busy, as a consumer that computes. */
const spin = (micros: number): void => {
  const end = performance.now() + micros / 1000
  while (performance.now() < end);
}

/** Returns whether the source is never pulled further ahead of a slow consumer than the credits allow. */
const ahead = (name: string, options: Dispatcher.ExecuteOptions<Tick>, fails: (n: number) => boolean) =>
  Effect.gen(function*() {
    let pulled = 0
    let taken = 0
    let maxAhead = 0
    const tasks = function*() {
      for (let n = 1; n <= SLOW_TASKS; n++) {
        pulled++
        maxAhead = Math.max(maxAhead, pulled - taken)
        yield new Tick({ n, fails: fails(n) })
      }
    }
    yield* Dispatcher.execute(tasks(), { ...options, bufferSize: BUFFER_SIZE }).pipe(
      Stream.runForEach(() => {
        taken++
        spin(100)
        return Effect.yieldNow
      })
    )
    const bound = BUFFER_SIZE + CONCURRENCY
    yield* Console.log(
      `${name}: pulled at most ${maxAhead} tasks ahead, ${
        grouped(taken)
      } results; the limit is ${bound} tasks and one chunk.`
    )
    return taken === SLOW_TASKS && maxAhead <= bound + CONCURRENCY
  })

const program = Effect.gen(function*() {
  const flat = yield* memory(Number(process.argv[2] ?? 10_000_000))
  const unordered = yield* ahead("A slow consumer", {}, () => false)
  const ordered = yield* ahead(
    "A slow consumer of ordered results, with retries at the head",
    { ordered: true, retry: { times: 10 } },
    (n) => n % 500 === 1
  )
  if (!(flat && unordered && ordered)) process.exitCode = 1
})

program.pipe(
  Effect.provide(Layer.provide(FiberDispatcher.layer(group, { concurrency: CONCURRENCY }), handlers)),
  NodeRuntime.runMain
)
