/**
 * A name server, two worker processes and their client on one machine. During the run one
 * worker is killed and restarted, and the other is frozen for so long that the client
 * considers it lost. At the end each task has exactly one outcome.
 *
 *     npm run example:distributed
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
import { fileURLToPath } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as Progress from "papyros/Progress"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import { start } from "./processes.ts"
import { Tasks, Work } from "./tasks.ts"

const TASKS = 500

/** Clients consider a worker lost after 8 seconds without a message. */
const FROZEN = "9 seconds"

const handlers = fileURLToPath(new URL("./handlers.ts", import.meta.url))

/** A task has no outcome, or more than one. */
class Wrong extends Schema.TaggedError<Wrong>()("Wrong", {}) {
  override readonly [Runtime.errorReported] = false
}

const began = performance.now()
const say = (text: string) => Console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${text}`)

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const journal = `${yield* fs.makeTempDirectoryScoped({ prefix: "papyros-example-" })}/starts`
  const nameServer = yield* start(["nameserver", "--port", "0"], /listening on (\S+)/)
  yield* say(`name server at ${nameServer.said}`)
  const startWorker = Effect.fnUntraced(function*(name: string) {
    const args = ["workers", handlers, "-n", "1", "--name-server", nameServer.said]
    const worker = yield* start(args, /Worker (\S+) is registered/, { EXAMPLE_JOURNAL: journal })
    yield* say(`worker ${name} at ${worker.said}`)
    return worker
  })
  const [a, b] = yield* Effect.all([startWorker("A"), startWorker("B")], { concurrency: 2 })

  // The program counts the outcomes of each task, and the failures among them.
  const outcomes = new Map<number, number>()
  let failed = 0
  const half = yield* Latch.make()
  const program = Stream.range(1, TASKS).pipe(
    Stream.map((id) => new Work({ id })),
    Dispatcher.results(),
    Progress.track({ label: "Work", total: TASKS }),
    Stream.runForEach(Effect.fnUntraced(function*({ result, task }) {
      const before = outcomes.get(task.id) ?? 0
      outcomes.set(task.id, before + 1)
      if (Result.isFailure(result) || result.success.id !== task.id) failed++
      if (outcomes.size >= TASKS / 2) yield* half.open
    }))
  )

  // The faults that the program must survive.
  const trouble = Effect.gen(function*() {
    yield* half.await
    yield* a.signal("SIGKILL")
    yield* say("worker A is killed")
    yield* startWorker("A, again,")
    yield* b.signal("SIGSTOP")
    yield* say(`worker B is frozen, for ${FROZEN}`)
    yield* Effect.sleep(FROZEN)
    yield* b.signal("SIGCONT")
    yield* say("worker B goes on")
  })

  yield* Effect.all([program, trouble], { concurrency: 2 }).pipe(
    Effect.provide(RemoteDispatcher.layer(Tasks, { nameServer: nameServer.said }))
  )

  const starts = (yield* fs.readFileString(journal)).trimEnd().split("\n")
  const repeated = starts.length - new Set(starts).size
  const missing = TASKS - outcomes.size
  const doubled = Array.from(outcomes.values()).filter((times) => times > 1).length
  yield* say(
    `${TASKS} tasks: ${missing} missing, ${doubled} doubled, ${failed} failed; ${repeated} starts were repeated`
  )
  if (missing + doubled + failed > 0) return yield* new Wrong()
})

main.pipe(
  Effect.scoped,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
