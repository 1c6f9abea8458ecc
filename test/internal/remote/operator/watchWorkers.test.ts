import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as RemoteWorker from "papyros/RemoteWorker"
import type { Frame } from "../../../../src/internal/recorder/model.ts"
import * as Secret from "../../../../src/internal/remote/auth/secret.ts"
import { watchWorkers } from "../../../../src/internal/remote/operator/watchWorkers.ts"
import * as NameServer from "../../../../src/internal/remote/registry/server.ts"
import { handlers } from "../../../support/pool/pool.ts"
import { Add, Misbehave, Tasks } from "../../../support/pool/tasks.ts"
import { until } from "../../../support/remote/sockets.ts"

describe("watchWorkers", () => {
  it.live(
    "shows the workers of a name server as one recording, while somebody looks",
    () =>
      Effect.gen(function*() {
        const secret = yield* Secret.generate
        const { address, members } = yield* NameServer.serve({ host: "127.0.0.1", port: 0, secret })
        const nameServer = `127.0.0.1:${"port" in address ? address.port : 0}`
        const start = Effect.fnUntraced(function*() {
          const scope = yield* Scope.make()
          const { scheduler } = yield* Scope.provide(
            RemoteWorker.start(Tasks, { handlers, size: 1, nameServer, secret }),
            scope
          )
          return { scheduler, stop: Scope.close(scope, Exit.void) }
        })
        const first = yield* start()
        const second = yield* start()
        const client = yield* Layer.build(RemoteDispatcher.layer(Tasks, { nameServer, secret }))
        const run = (count: number) =>
          Stream.fromIterable([
            ...Array.from({ length: count }, (_, n) => new Add({ n })),
            new Misbehave({ how: "throw" })
          ]).pipe(
            Dispatcher.results({ chunkSize: 1 }),
            Stream.runDrain,
            Effect.provideContext(client)
          )

        const recording = yield* watchWorkers({ members, secret, maxTaskBytes: 1024 * 1024, name: "all" })
        yield* run(10)
        const frames: Array<Frame> = []
        const looking = yield* Scope.make()
        yield* recording.frames.pipe(
          Stream.runForEach((frame) => Effect.sync(() => frames.push(frame))),
          Effect.forkIn(looking)
        )
        const latest = (): Frame | undefined => frames.at(-1)
        yield* until(() => latest()?.totals.slots === 2)
        yield* run(40)
        yield* until(() => latest()!.totals.succeeded === 40 && latest()!.totals.failed === 1)
        const snapshot = yield* recording.snapshot
        assert.deepStrictEqual(
          snapshot.workers.map(({ name }) => name.replace(/:\d+/, "")),
          ["127.0.0.1 thread-1", "127.0.0.1 thread-1"]
        )
        assert.strictEqual(snapshot.types.find(({ name }) => name === "Add")!.succeeded, 40)
        assert.strictEqual(snapshot.segments.tasks.reduce((sum, tasks) => sum + tasks, 0), 41)
        const [failure] = snapshot.latestFailures
        const details = Option.getOrThrow(yield* recording.failure(failure.id))
        assert.deepInclude(details, { task: "Misbehave", worker: failure.worker, payload: null })
        assert.isNotEmpty(details.text)

        // A worker that leaves is shown, and its counts stay.
        yield* second.stop
        yield* until(() => latest()!.totals.slots === 1)
        assert.strictEqual(latest()!.totals.succeeded, 40)
        const states = (yield* recording.snapshot).workers.map(({ state }) => state)
        assert.lengthOf(states.filter((state) => state === "up"), 1)
        yield* Scope.close(looking, Exit.void)
        yield* first.stop
      }),
    60_000
  )
})
