/**
 * Two runners of Effect Cluster and their client on one machine, without a server. Half way, one runner is killed. At
 * the end each task has exactly one outcome.
 *
 *     npm run example:cluster
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import * as Dispatcher from "papyros/Dispatcher"
import { start } from "../distributed/processes.ts"
import { client } from "./sharding.ts"
import { Tasks, Work } from "./tasks.ts"

const TASKS = 300

const module = fileURLToPath(new URL("./runner.ts", import.meta.url))

/** A task has no outcome, or more than one. */
class Wrong extends Schema.TaggedError<Wrong>()("Wrong", {}) {
  override readonly [Runtime.errorReported] = false
}

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const began = performance.now()
const say = (text: string) => Console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${text}`)

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const filename = `${yield* fs.makeTempDirectoryScoped({ prefix: "papyros-example-" })}/cluster.db`
  const startRunner = Effect.fnUntraced(function*(name: string) {
    const runner = yield* start([filename, `${yield* freePort}`], /Worker (\S+) of group/, {}, module)
    yield* say(`runner ${name} is ${runner.said}`)
    return runner
  })
  const [a] = yield* Effect.all([startRunner("A"), startRunner("B")], { concurrency: 2 })

  // The program counts the outcomes of each task, and the failures among them.
  const outcomes = new Map<number, number>()
  const processes = new Set<number>()
  let failed = 0
  const half = yield* Latch.make()
  const program = Stream.range(1, TASKS).pipe(
    Stream.map((id) => new Work({ id })),
    Dispatcher.results(),
    Stream.runForEach(Effect.fnUntraced(function*({ result, task }) {
      const before = outcomes.get(task.id) ?? 0
      outcomes.set(task.id, before + 1)
      if (Result.isFailure(result) || result.success.id !== task.id) failed++
      else processes.add(result.success.pid)
      if (outcomes.size % 100 === 0 && before === 0) yield* say(`${outcomes.size} of ${TASKS} tasks are done`)
      if (outcomes.size >= TASKS / 2) yield* half.open
    }))
  )
  const trouble = Effect.gen(function*() {
    yield* half.await
    yield* a.signal("SIGKILL")
    yield* say("runner A is killed")
  })

  yield* Effect.all([program, trouble], { concurrency: 2 }).pipe(
    Effect.provide(ClusterDispatcher.layer(Tasks)),
    Effect.provide(client(filename))
  )

  const missing = TASKS - outcomes.size
  const doubled = Array.from(outcomes.values()).filter((times) => times > 1).length
  yield* say(
    `${TASKS} tasks in ${processes.size} processes: ${missing} missing, ${doubled} doubled, ${failed} failed`
  )
  if (missing + doubled + failed > 0) return yield* new Wrong()
})

main.pipe(
  Effect.scoped,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
