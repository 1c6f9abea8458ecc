import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import { handlersUrl, type Subject, Tasks } from "papyros/testing"
import { workerSubject } from "../workerSubject.ts"
import { registered, worker } from "./processes.ts"
import { localNameServer } from "./testCluster.ts"

const start = Effect.gen(function*() {
  const address = yield* localNameServer()
  const handlers = fileURLToPath(handlersUrl)
  const workers = [yield* worker(address, { handlers }), yield* worker(address, { handlers })]
  yield* Effect.forEach(workers, registered)
  return address
})

/**
 * `RemoteDispatcher` as a subject of the laws, with two worker processes of one thread each for all tests of the file, and their
 * name server in the process of the tests.
 */
export const remoteSubject = (effort: number): Subject => {
  const scope = Scope.makeUnsafe()
  let address: string
  beforeAll(() =>
    Effect.runPromise(Effect.map(Scope.provide(start, scope), (started) => {
      address = started
    }))
  )
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return {
    layer: ({ capacity }) =>
      Layer.provide(RemoteDispatcher.layer(Tasks, { nameServer: address, capacity }), Logger.layer([])),
    // Of each process: its one thread.
    ...workerSubject,
    effort
  }
}
