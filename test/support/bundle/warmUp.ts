/**
 * Runs in one process what the processes of the tests run: a name server, a worker with a thread, a client, a pool, and
 * the command. Then V8's code cache has the functions that they call.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { isMainThread } from "node:worker_threads"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as RemoteWorker from "papyros/RemoteWorker"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import * as NameServer from "../../../src/internal/remote/registry/server.ts"

const writeCaches: () => void = Reflect.get(globalThis, Symbol.for("papyros/test/writeCaches"))

class Square extends Task.Class<Square>()("Square", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const COUNT = 50

const Tasks = TaskGroup.make(Square)

export default Tasks.toLayer({
  Square: ({ n }) =>
    n === COUNT && !isMainThread
      ? Effect.as(Effect.sync(writeCaches), 0)
      : n % 2 === 0
      ? Effect.succeed(n * n)
      : Effect.as(Effect.sleep(1), n * n)
})

const tasks = Array.from({ length: COUNT + 1 }, (_, n) => new Square({ n }))

if (isMainThread) {
  const handlers = new URL(import.meta.url)
  const run = Stream.runDrain(Dispatcher.results(tasks, { ordered: true }))
  const program = Effect.gen(function*() {
    yield* Effect.provide(run, WorkerPoolDispatcher.layer(Tasks, { handlers, size: 1 }))
    const { address } = yield* NameServer.serve({ host: "127.0.0.1", port: 0, secret: undefined })
    const nameServer = NetAddress.formatSocketAddress(address)
    yield* Layer.build(RemoteWorker.layer(Tasks, { handlers, nameServer, size: 1 }))
    yield* Effect.provide(run, RemoteDispatcher.layer(Tasks, { nameServer }))
  })
  process.once("exit", writeCaches)
  await Effect.runPromise(Effect.scoped(program))
  process.argv.push("run", handlers.pathname, "Square", "--dispatcher=fiber")
  await import("../../../src/bin.ts")
}
