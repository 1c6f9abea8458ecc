/** Prints the CPU time of this process while a thread starts: the least of some starts, from a bundle and without one. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Tasks } from "./tasks.ts"

const pools = {
  "one minified bundle": WorkerPoolDispatcher.layer(Tasks, {
    thread: new URL("./out/start/thread.js", import.meta.url),
    size: 1
  }),
  handlers: WorkerPoolDispatcher.layer(Tasks, { handlers: new URL("./handlers.ts", import.meta.url), size: 1 })
}

const cpuTimeOf = (pool: (typeof pools)["handlers"]) =>
  Effect.scoped(Effect.gen(function*() {
    const before = process.cpuUsage()
    yield* Layer.build(pool)
    const { system, user } = process.cpuUsage(before)
    return (system + user) / 1000
  }))

const least = Object.entries(pools).map(([name, pool]) =>
  Effect.map(
    Effect.all(Array.from({ length: 8 }, () => cpuTimeOf(pool))),
    (times) => `${name}: ${Math.min(...times).toFixed(1)} ms`
  )
)

console.log((await Effect.runPromise(Effect.all(least))).join(", "))
