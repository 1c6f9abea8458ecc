/**
 * One process of the recorder suite: runs a case over and over, and writes the CPU time of a task in each round, in
 * nanoseconds, as JSON: that of the main thread, and that of the process.
 *
 * The arguments are the case, the variant (`off`, `on` or `viewed`), and the number of rounds.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Recording from "papyros/Recording"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "../pool/workload/handlers.ts"
import { group, Inc } from "../pool/workload/tasks.ts"

const fiber = FiberDispatcher.layer(group, { concurrency: 64 }).pipe(Layer.provide(handlers))
const pool = WorkerPoolDispatcher.layer(group, {
  handlers: new URL("../pool/workload/handlers.ts", import.meta.url),
  size: 1
})

const cases = {
  fiber: { layer: fiber, tasks: 200_000, chunkSize: "auto" },
  "fiber-1": { layer: fiber, tasks: 100_000, chunkSize: 1 },
  pool: { layer: pool, tasks: 200_000, chunkSize: "auto" },
  "pool-1": { layer: pool, tasks: 50_000, chunkSize: 1 }
} as const

/** Rounds that begin within these milliseconds are not counted: a recording samples more often in its first 2 seconds. */
const WARM_UP = 2500

const [name, variant, rounds] = process.argv.slice(2)
const { chunkSize, layer, tasks } = cases[name as keyof typeof cases]

const program = Effect.gen(function*() {
  if (variant !== "off") {
    const recording = yield* Recording.make()
    if (variant === "viewed") yield* Effect.forkScoped(Stream.runDrain(recording.frames))
  }
  const input = Array.from({ length: tasks }, (_, n) => new Inc({ n }))
  const run = Stream.runDrain(Dispatcher.execute(input, { chunkSize }))
  const times: Array<[main: number, all: number]> = []
  const counted = performance.now() + WARM_UP
  while (times.length < Number(rounds)) {
    const counts = performance.now() > counted
    const main = process.threadCpuUsage()
    const all = process.cpuUsage()
    yield* run
    const { system, user } = process.threadCpuUsage(main)
    const used = process.cpuUsage(all)
    if (counts) {
      times.push([1000 * (user + system) / tasks, 1000 * (used.user + used.system) / tasks])
    }
  }
  process.stdout.write(JSON.stringify(times))
}).pipe(Effect.scoped, Effect.provide(layer))

await Effect.runPromise(program)
