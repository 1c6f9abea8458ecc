/** The limits of payloads and results, the tasks that a worker supports, and the clients that it accepts. */
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as RemoteWorker from "papyros/RemoteWorker"
import * as TaskGroup from "papyros/TaskGroup"
import * as Secret from "../../../../src/internal/remote/auth/secret.ts"
import { nameServer, registered } from "../../../support/remote/processes.ts"
import { Big, Environment, Load, Once, type Work } from "../../../support/remote/tasks.ts"
import {
  among,
  ends,
  joined,
  localNameServer,
  ownSite,
  Place,
  type Site,
  site,
  until,
  works
} from "../../../support/remote/testCluster.ts"
import * as Skew from "../skew/tasks.ts"

const MiB = 1024 * 1024

/** A group with one worker, for tests that do it no harm. */
class Shared extends Context.Service<Shared, Site>()("test/remote/Shared") {
  static readonly layer = Layer.effect(this, Effect.tap(ownSite, (site) => site.localWorkers(1)))
}

/** The failures, and how many succeeded. */
const failures = <T extends Work | Big | Load>(tasks: ReadonlyArray<T>) =>
  Effect.map(Stream.runCollect(Dispatcher.results(tasks)), (results) => ({
    failed: results.flatMap(({ index, result }) =>
      Result.isFailure(result) ? [{ index, reason: result.failure.reason }] : []
    ),
    succeeded: results.filter(({ result }) => Result.isSuccess(result)).length
  }))

layer(Shared.layer.pipe(Layer.provideMerge(Place.layer)), {
  excludeTestServices: true,
  concurrent: true,
  timeout: "60 seconds"
})("RemoteDispatcher", (it) => {
  it.effect(
    "fails a result that is too large, alone, and says how large it is and how large it may be",
    () =>
      Effect.gen(function*() {
        const shared = yield* Shared
        const tasks = [...works(500, 0), new Big({ id: 1, bytes: 20 * MiB }), ...works(500, 0, 500)]
        const { failed, succeeded } = yield* Effect.provide(failures(tasks), shared.client())
        assert.strictEqual(succeeded, 1000)
        assert.strictEqual(failed.length, 1)
        const [{ index, reason }] = failed
        assert.strictEqual(index, 500)
        assert(reason._tag === "Undecodable")
        assert.strictEqual(reason.part, "success")
        assert.match(reason.message, /\b20,97\d,\d{3}\b.*\b8,388,608\b/)
      }),
    90_000
  )

  it.effect(
    "fails a payload that is too large, alone, and says how large it is and how large it may be",
    () =>
      Effect.gen(function*() {
        const shared = yield* Shared
        const tasks = [...works(500, 0), new Load({ id: 1, bytes: new Uint8Array(20 * MiB) }), ...works(500, 0, 500)]
        const { failed, succeeded } = yield* Effect.provide(failures(tasks), shared.client())
        assert.strictEqual(succeeded, 1000)
        assert.strictEqual(failed.length, 1)
        const [{ index, reason }] = failed
        assert.strictEqual(index, 500)
        assert(reason._tag === "Undecodable")
        assert.strictEqual(reason.part, "payload")
        assert.match(reason.message, /\b20,97\d,\d{3}\b.*\b8,388,608\b/)
      }),
    90_000
  )

  it.effect(
    "runs tasks of another meaning only where they mean the same, while others flow",
    () =>
      Effect.gen(function*() {
        const own = yield* ownSite
        const [worker] = yield* own.localWorkers(1)
        const address = yield* worker.wrote(/Worker (\S+) of group/)
        const skewed = (noWorkerTimeout: Duration.Input) =>
          RemoteDispatcher.layer(Skew.Tasks, {
            nameServer: own.nameServer,
            workerGroup: own.group,
            noWorkerTimeout
          }).pipe(Layer.provide(Logger.layer([])))
        const work = new Skew.Work({ id: 1, title: "a title" })
        const flow = Stream.runCollect(Dispatcher.results([
          ...Array.from({ length: 50 }, (_, id) => new Once({ id: 100 + id, millis: 1 })),
          work,
          ...Array.from({ length: 50 }, (_, id) => new Once({ id: 200 + id, millis: 1 }))
        ]))
        yield* Effect.gen(function*() {
          yield* joined(1)
          const flowing = yield* Effect.forkChild(flow)
          yield* until("all others are done", () => own.count("end") === 100)
          assert.isUndefined(flowing.pollUnsafe())
        }).pipe(Effect.provide(skewed("10 minutes")))
        yield* Effect.gen(function*() {
          yield* joined(1)
          const results = yield* flow
          assert.strictEqual(results.filter(({ result }) => Result.isSuccess(result)).length, 100)
          const failed = results.find(({ result }) => Result.isFailure(result))!.result
          assert(Result.isFailure(failed) && failed.failure.reason._tag === "UnknownTask")
          assert.include(failed.failure.message, `${address} supports another Work`)
          // It waits for one that comes in time.
          const waiting = yield* Effect.forkChild(
            Effect.retry(Dispatcher.run(work), {
              while: (error) => error._tag === "TaskFailure" && error.reason._tag === "UnknownTask"
            })
          )
          yield* Layer.build(RemoteWorker.layer(TaskGroup.make(Skew.Work), {
            handlers: new URL("../skew/handlers.ts", import.meta.url),
            size: 1,
            nameServer: own.nameServer,
            workerGroup: own.group
          }))
          assert.strictEqual(yield* Fiber.join(waiting), "a title")
        }).pipe(Effect.provide(skewed("2 seconds")))
      }),
    90_000
  )

  it.effect("fails what waits for a worker when none has come in time", () =>
    Effect.gen(function*() {
      const own = yield* ownSite
      const results = yield* own.run(works(3, 1)).pipe(Effect.provide(own.client({ noWorkerTimeout: "1 second" })))
      for (const { result } of results) {
        assert(Result.isFailure(result) && result.failure.reason._tag === "NoWorker")
        assert.isAtLeast(Duration.toMillis(result.failure.reason.waited), 1000)
      }
      assert.strictEqual(results.length, 3)
    }), 90_000)

  it.effect(
    "lets nobody in who has another secret or none, and tells where the layer is built",
    () =>
      Effect.gen(function*() {
        const secret = yield* Effect.fromResult(Secret.parse(yield* Secret.generate))
        const own = yield* site(yield* localNameServer(0, secret))
        for (const secret of [yield* Secret.generate, undefined]) {
          const error = yield* Effect.flip(Effect.scoped(Layer.build(own.client({ secret }))))
          assert.strictEqual(error._tag, "RemoteError")
          assert.strictEqual(error.reason._tag, "Unauthorized")
        }
      }),
    90_000
  )

  it.effect(
    "shows its secret to no other process, to no handler, and to nothing that a handler starts",
    () =>
      Effect.gen(function*() {
        const secret = yield* Secret.generate
        const text = Redacted.value(secret)
        const env = { PAPYROS_SECRET: text }
        const { address, process: server } = yield* nameServer(0, env)
        const own = yield* site(address)
        const file = `${own.journal}.secret`
        writeFileSync(file, `${text}\n`, { mode: 0o600 })
        const workers = [
          yield* own.start({ env }),
          yield* own.start({ args: ["--secret-file", file] }),
          yield* own.start({ env, args: ["--secret-file", file] })
        ]
        yield* Effect.forEach(workers, registered)
        yield* Effect.gen(function*() {
          yield* joined(3)
          // Each gets its own.
          const results = yield* Stream.runCollect(
            Dispatcher.results(Array.from({ length: 60 }, () => new Environment({})), { chunkSize: 1 })
          )
          among(["success"], ends(results))
          for (const { result } of results) {
            assert(Result.isSuccess(result))
            const { child, thread } = result.success
            for (const seen of [child, thread.join("\n")]) {
              assert.include(seen, "PATH=")
              assert.notInclude(seen, text)
              assert.notInclude(seen, "PAPYROS_SECRET")
            }
          }
          const list = execFileSync("ps", ["-ww", "-eo", "args"], { encoding: "utf8" })
          assert.include(list, file)
          assert.notInclude(list, text)
          for (const { log } of [server, ...workers]) assert.notInclude(log, text)
        }).pipe(Effect.provide(own.client({ secret })))
      }),
    90_000
  )
})
