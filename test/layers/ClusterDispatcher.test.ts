import { afterAll, beforeAll } from "@effect/vitest"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import { handlersUrl, laws, Tasks } from "papyros/testing"
import { startRunner } from "../support/cluster/site.ts"
import { client } from "../support/cluster/transport.ts"
import { effort, isChaos } from "../support/effort.ts"
import { binaries } from "../support/postgres/binaries.ts"
import * as Postgres from "../support/postgres/server.ts"
import { workerSubject } from "../support/workerSubject.ts"

laws("ClusterDispatcher", {
  ...workerSubject,
  effort: effort(0.2, 5),
  layer: ({ capacity }) =>
    ClusterDispatcher.layer(Tasks, { capacity }).pipe(
      Layer.provide(ClusterDispatcher.toLayer(Tasks, { handlers: handlersUrl, size: 2, gracePeriod: 200 })),
      Layer.provide(TestRunner.layer),
      Layer.provide(Logger.layer([]))
    )
})

if (isChaos && binaries !== undefined) {
  const scope = Scope.makeUnsafe()
  let place = ""
  const start = Effect.gen(function*() {
    const { url } = yield* Postgres.make
    const runner = startRunner(url, fileURLToPath(handlersUrl))
    yield* Effect.all([runner, runner], { concurrency: 2 })
    return url
  })
  beforeAll(async () => {
    place = await Effect.runPromise(Scope.provide(start, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  laws("ClusterDispatcher with two runner processes and Postgres", {
    ...workerSubject,
    layer: ({ capacity }) =>
      ClusterDispatcher.layer(Tasks, { capacity }).pipe(
        Layer.provide(client(place)),
        Layer.provide(Logger.layer([]))
      ),
    effort: 0.3
  })
}
