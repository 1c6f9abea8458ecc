/** The laws on worker handles and sessions that are joined in memory: the remote dispatcher without its sockets. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Executor from "papyros/Executor"
import { handlersUrl, laws, Tasks } from "papyros/testing"
import * as RemoteExecutor from "../../../../src/internal/remote/client/executor.ts"
import type { Member } from "../../../../src/internal/remote/client/member.ts"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { ClientSessions } from "../../../../src/internal/remote/worker/sessions.ts"
import { makeScheduler, openExecutor } from "../../../../src/internal/scheduler/opening.ts"
import * as ThreadsExecutor from "../../../../src/internal/threads/main/executor.ts"
import { checkPool } from "../../../../src/internal/threads/main/options.ts"
import { effort } from "../../../support/effort.ts"
import { workerSubject } from "../../../support/workerSubject.ts"

const MAX = 8 * 1024 * 1024

const catalog = new TaskCatalog(Tasks.tasks)

/** A worker of one thread. */
const worker = (name: string) =>
  Effect.gen(function*() {
    const pool = ThreadsExecutor.make(checkPool(Tasks, { handlers: handlersUrl, size: 1, gracePeriod: 200 }))
    const scheduler = yield* makeScheduler(Tasks.tasks, pool, { maxWorkerLosses: 1, relays: true })
    yield* openExecutor(scheduler, pool.open)
    return new ClientSessions({ scheduler, catalog, worker: name, slots: 1, maxTaskBytes: MAX, log: () => {} })
  })

laws("RemoteDispatcher without sockets", {
  layer: ({ capacity }) =>
    Layer.unwrap(
      Effect.gen(function*() {
        const workers = [yield* worker("a"), yield* worker("b")]
        const executor = RemoteExecutor.make({
          catalog,
          maxTaskBytes: MAX,
          noWorkerTimeout: 5000,
          members: Stream.succeed(Result.succeed(workers.map((sessions, i): Member => ({
            address: `memory:${i}`,
            connect: Effect.sync(() => {
              const key = { isSilent: false, remoteAddress: "memory", loss: "" }
              return {
                handshake: {
                  protocol: 2,
                  version: "",
                  valueFormat: 0,
                  worker: `memory:${i}`,
                  slots: 1,
                  maxTaskBytes: MAX,
                  fingerprints: Array.from(catalog.fingerprints)
                },
                events: (session, onEvents) =>
                  Stream.runForEach(sessions.events(key, { ...session, maxTaskBytes: MAX }), onEvents),
                end: (session) => Effect.sync(() => sessions.end(session)),
                isSilent: () => false,
                closed: Effect.succeed("closed"),
                send: (commands) => Effect.try(() => sessions.onCommands(key, commands))
              }
            })
          }))))
        })
        return Executor.layer(Tasks, executor, { capacity })
      })
    ).pipe(Layer.provide(Logger.layer([]))),
  ...workerSubject,
  effort: effort(0.3, 5)
})
