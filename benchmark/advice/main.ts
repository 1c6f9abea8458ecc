/**
 * The advice suite: each kind of advice of a recording is followed, and at least half of the time that it promises must
 * be saved.
 *
 *     node --conditions=papyros-source benchmark/advice/main.ts [CASE...]
 *
 * The cases are named like the kinds of advice; without arguments all of them run. The exit code is 1 if advice is not
 * given, or does not save what it should. `oneThread` needs two CPUs that are free. Cases that use the CPU run three times,
 * and the shortest runs are compared: other programs make the others longer.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Recording from "papyros/Recording"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "./handlers.ts"
import { Compute, Echo, Exit, Tasks, Wait } from "./tasks.ts"

type Run = Effect.Effect<void, unknown, Dispatcher.Dispatcher>

interface Case {
  readonly kind: Recording.Advice["kind"]
  readonly usesCpu?: boolean
  readonly before: readonly [Layer.Layer<Dispatcher.Dispatcher, unknown>, Run]
  /** The same work, as the advice says. */
  readonly after: readonly [Layer.Layer<Dispatcher.Dispatcher, unknown>, Run]
}

const fiber = (concurrency: number) => FiberDispatcher.layer(Tasks, { concurrency }).pipe(Layer.provide(handlers))
const pool = (size: number, maxWorkerLosses = 3) =>
  WorkerPoolDispatcher.layer(Tasks, { handlers: new URL("./handlers.ts", import.meta.url), size, maxWorkerLosses })

type Any = Wait | Compute | Echo | Exit

const times = <A>(count: number, make: (n: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, n) => make(n))
const waits = (count: number, millis: number) => times(count, () => new Wait({ millis }))
const all = (tasks: Iterable<Any> | Stream.Stream<Any>, options?: Dispatcher.ExecuteOptions<Any>): Run =>
  Stream.runDrain(Dispatcher.results(tasks, options))

const slowSource = Stream.fromIterable(waits(200, 10)).pipe(Stream.rechunk(1), Stream.tap(() => Effect.sleep(10)))
const consumed = (concurrency: number): Run =>
  pipe(
    Dispatcher.results(waits(200, 10), { bufferSize: 4 }),
    Stream.mapEffect(() => Effect.sleep(15), { concurrency }),
    Stream.runDrain
  )
const uneven = times(400, (n) => new Wait({ millis: n % 20 === 0 ? 100 : 10 }))
const longest = new Wait({ millis: 3000 })
const computing = times(400, () => new Compute({ millis: 10 }))
const echoes = times(3_000_000, (n) => new Echo({ n }))
const exits = (count: number) => times(80, (n) => new Exit({ n, exits: n % 8 === 0 && n / 8 < count }))

const cases: ReadonlyArray<Case> = [
  {
    kind: "input",
    before: [fiber(1), all(slowSource)],
    after: [fiber(1), all(Stream.buffer(slowSource, { capacity: 16 }))]
  },
  { kind: "consumer", before: [fiber(4), consumed(1)], after: [fiber(4), consumed(8)] },
  {
    kind: "order",
    before: [fiber(4), all(uneven, { ordered: true, bufferSize: 2 })],
    after: [fiber(4), all(uneven, { ordered: true })]
  },
  {
    kind: "tail",
    before: [fiber(4), all([...waits(160, 50), longest])],
    after: [fiber(4), all([longest, ...waits(160, 50)])]
  },
  { kind: "waiting", before: [pool(2), all(waits(500, 10))], after: [fiber(32), all(waits(500, 10))] },
  { kind: "oneThread", usesCpu: true, before: [fiber(4), all(computing)], after: [pool(2), all(computing)] },
  { kind: "small", usesCpu: true, before: [pool(2), all(echoes, { chunkSize: 1 })], after: [fiber(32), all(echoes)] },
  { kind: "chunkSize", usesCpu: true, before: [pool(2), all(echoes, { chunkSize: 1 })], after: [pool(2), all(echoes)] },
  { kind: "lost", before: [pool(1), all(exits(10))], after: [pool(1), all(exits(0))] }
]

const measure = ([layer, run]: Case["before"]) =>
  Effect.gen(function*() {
    const recording = yield* Recording.make()
    yield* run
    return yield* recording.summary
  }).pipe(Effect.scoped, Effect.provide(layer, { local: true }))

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const shorter = (a: Recording.Summary, b: Recording.Summary): Recording.Summary => a.duration <= b.duration ? a : b

/** Whether at least half of the gain came. */
const check = Effect.fnUntraced(function*({ after, before, kind, usesCpu = false }: Case) {
  let first = yield* measure(before)
  let second = yield* measure(after)
  for (let i = 1; i < (usesCpu ? 3 : 1); i++) {
    first = shorter(first, yield* measure(before))
    second = shorter(second, yield* measure(after))
  }
  const advice = first.advice.find((advice) => advice.kind === kind)
  if (advice === undefined) {
    yield* Console.log(
      `${kind}: ${seconds(first.duration)}, not advised: ${
        JSON.stringify([first.budget, first.mainThread, first.advice])
      }`
    )
    return false
  }
  const saved = first.duration - second.duration
  const passed = saved >= advice.gain / 2
  yield* Console.log(
    `${kind}: ${seconds(first.duration)}, then ${seconds(second.duration)}: ${seconds(saved)} saved of ${
      seconds(advice.gain)
    }${passed ? "" : ", which is less than half"}\n  ${advice.text}`
  )
  return passed
})

const program = Effect.gen(function*() {
  const names = process.argv.slice(2)
  const chosen = cases.filter(({ kind }) => names.length === 0 || names.includes(kind))
  const passed = yield* Effect.forEach(chosen, check)
  if (chosen.length === 0 || passed.includes(false)) process.exitCode = 1
})

NodeRuntime.runMain(program)
