/**
 * Counts the steps that the scheduler and the producers take for each task, in workloads of two sizes, and prints them
 * as JSON. A step is one execution of a block of code in `src/internal`, as V8's precise coverage counts them: the
 * number does not depend on the speed of the machine.
 *
 * With the argument `broken`, each release of a task from its worker looks at all tasks that were released before.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Session } from "node:inspector"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { Assignments } from "../../../src/internal/scheduler/assignments.ts"

class Echo extends Task.Class<Echo>()("Echo", { payload: { n: Schema.Int }, success: Schema.Int }) {}
class Wait extends Task.Class<Wait>()("Wait") {}

const group = TaskGroup.make(Echo, Wait)

const handlers = group.toLayer({ Echo: ({ n }) => Effect.as(Effect.yieldNow, n), Wait: () => Effect.never })

const dispatcher = (capacity: number | "unbounded") =>
  FiberDispatcher.layer(group, { concurrency: 8, capacity }).pipe(Layer.provide(handlers))

const echoes = (count: number) => Array.from({ length: count }, (_, n) => new Echo({ n }))

/** A workload of a size: the number of its tasks, and of producers that are open at the same time. */
type Workload = (size: number) => readonly [tasks: number, program: Effect.Effect<unknown, unknown>]

const on = <A, E>(program: Effect.Effect<A, E, Dispatcher.Dispatcher>, capacity: number | "unbounded" = "unbounded") =>
  Effect.provide(program, dispatcher(capacity))

const all = { concurrency: "unbounded", discard: true } as const

const workloads: Readonly<Record<string, Workload>> = {
  "tasks of an execution": (size) => [size, on(Stream.runDrain(Dispatcher.execute(echoes(size))))],
  "ordered tasks of an execution": (size) => [
    size,
    on(Stream.runDrain(Dispatcher.execute(echoes(size), { ordered: true })))
  ],
  "executions that are open": (size) => [
    4 * size,
    on(Effect.forEach(Array.from({ length: size }), () => Stream.runDrain(Dispatcher.execute(echoes(4))), all))
  ],
  "queues that are open": (size) => [
    4 * size,
    on(Effect.scoped(Effect.gen(function*() {
      const queues = yield* Effect.forEach(Array.from({ length: size }), () => Dispatcher.makeQueue<Echo>())
      yield* Effect.forEach(queues, (queue) => Effect.forEach(echoes(4), (task) => queue.push(task)), all)
      yield* Effect.forEach(queues, (queue) => Effect.forEach(echoes(4), () => queue.pop()), all)
    })))
  ],
  "single runs that are open": (size) => [size, on(Effect.forEach(echoes(size), (task) => Dispatcher.run(task), all))],
  "single runs under a finite capacity": (size) => [
    size,
    on(Effect.forEach(echoes(size), (task) => Dispatcher.run(task), all), 16)
  ],
  "single runs that are interrupted": (size) => [
    size,
    on(Effect.gen(function*() {
      const fibers = yield* Effect.forEach(
        Array.from({ length: size }),
        () => Effect.forkChild(Dispatcher.run(new Wait()))
      )
      yield* Effect.yieldNow
      yield* Fiber.interruptAll(fibers)
    }))
  ]
}

// ----------------------------------------------------------------------------
// Counting
// ----------------------------------------------------------------------------

const session = new Session()
session.connect()

const post = (method: string, parameters: object = {}): any => {
  let answer: unknown
  session.post(method, parameters, (error, result) => {
    if (error !== null) throw new Error(`${method}: ${JSON.stringify(error)}`)
    answer = result
  })
  return answer
}

/** The blocks that were executed since the last call. */
const steps = (): number => {
  let count = 0
  for (const { functions, url } of post("Profiler.takePreciseCoverage").result) {
    if (!url.includes("/src/internal/")) continue
    for (const { ranges } of functions) for (const range of ranges) count += range.count
  }
  return count
}

let released = 0

const broken = process.argv[2] === "broken"

if (broken) {
  const { release } = Assignments.prototype
  Assignments.prototype.release = function(chunk, entry): entry is NonNullable<typeof entry> {
    released++
    for (let i = 0; i < released; i++) this.holds(chunk, undefined)
    return release.call(this, chunk, entry)
  }
}

post("Profiler.enable")
post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })

/** The steps for each task of a workload. */
const measure = async (workload: Workload, size: number): Promise<number> => {
  const [tasks, program] = workload(size)
  released = 0
  steps()
  await Effect.runPromise(program)
  return steps() / tasks
}

// A broken release takes time that grows with the square of the size, and shows in few tasks.
const LARGE = broken ? 400 : 1000

const report: Record<string, readonly [small: number, large: number]> = {}
for (const [name, workload] of Object.entries(workloads)) {
  report[name] = [await measure(workload, 50), await measure(workload, LARGE)]
}
console.log(JSON.stringify(report))
