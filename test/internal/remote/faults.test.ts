/** Worker processes that end, or stand still, while they run tasks. */
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type { Papyros } from "../../support/remote/processes.ts"
import { Kill, Once, Work } from "../../support/remote/tasks.ts"
import {
  among,
  ends,
  joined,
  mixed,
  onces,
  ownSite,
  Place,
  type Site,
  until,
  works
} from "../../support/remote/testCluster.ts"

/** A worker group with one worker that no test ends, for tests that end another one, which is a process. They use it one after the other. */
class Shared extends Context.Service<Shared, { readonly site: Site; readonly turn: Semaphore.Semaphore }>()(
  "test/remote/Shared"
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function*() {
      const site = yield* ownSite
      yield* site.localWorkers(1)
      return { site, turn: yield* Semaphore.make(1) }
    })
  )
}

/** Runs a test with the shared worker and another one. The ids of its tasks are those of no other test. */
const withOther = <A, E, R>(test: (site: Site, other: Papyros) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Shared, ({ site, turn }) =>
    turn.withPermit(Effect.scoped(
      Effect.gen(function*() {
        const [other] = yield* site.workers(1)
        yield* joined(2)
        yield* test(site, other)
        assert.deepStrictEqual(site.violations, [])
      }).pipe(Effect.provide(site.client()))
    )))

layer(Layer.provideMerge(Shared.layer, Place.layer), { excludeTestServices: true, concurrent: true })(
  "RemoteDispatcher",
  (it) => {
    it.effect("moves the work of a worker that is killed", () =>
      withOther((site, victim) =>
        Effect.gen(function*() {
          const tasks = mixed(works(400, 3), onces(40, 3, 1000))
          const running = yield* Effect.forkChild(site.run(tasks))
          yield* until("it has done some", () => site.count("end", victim) >= 20)
          site.kill(victim, "SIGKILL")
          const results = yield* Fiber.join(running)
          assert.strictEqual(results.length, tasks.length)
          for (const { result, task } of results) {
            const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
            among(task._tag === "Once" ? ["success", "WorkerLost"] : ["success"], [end])
          }
        })
      ), 300_000)

    it.effect(
      "loses nothing with a worker that is told to end",
      () =>
        withOther((site, leaver) =>
          Effect.gen(function*() {
            const tasks = mixed(works(300, 5, 2000), onces(40, 30, 3000))
            const running = yield* Effect.forkChild(site.run(tasks))
            yield* until("it has done some", () => site.count("end", leaver) >= 20)
            leaver.kill("SIGTERM")
            assert.deepStrictEqual(yield* leaver.ended, { code: 0, signal: null })
            among(["success"], ends(yield* Fiber.join(running)))
            // So nothing has started twice.
            assert.strictEqual(site.count("end", leaver), site.count("start", leaver))
          })
        ),
      300_000
    )

    it.effect("moves what a worker that is told to end cannot finish in time", () =>
      Effect.gen(function*() {
        const site = yield* ownSite
        const [leaver] = yield* site.workers(1, { args: ["--concurrency", "2", "--drain-timeout", "300ms"] })
        yield* Effect.gen(function*() {
          yield* joined(1)
          const tasks = [new Work({ id: 1, millis: 0, first: 1e6 }), new Once({ id: 2, millis: 1e6 })]
          const running = yield* Effect.forkChild(site.run(tasks, { chunkSize: 1, ordered: true }))
          yield* until("both run", () => site.count("start") === 2)
          yield* site.localWorkers(1)
          site.fault(leaver)
          leaver.kill("SIGTERM")
          assert.deepStrictEqual(ends(yield* Fiber.join(running)), ["success", "WorkerLost"])
          assert.deepStrictEqual(yield* leaver.ended, { code: 0, signal: null })
          assert.deepStrictEqual(site.violations, [])
        }).pipe(Effect.provide(site.client()))
      }), 300_000)

    it.effect("ends a worker at once that is told so twice", () =>
      Effect.gen(function*() {
        const site = yield* ownSite
        const [worker] = yield* site.workers(1)
        yield* Effect.gen(function*() {
          yield* Effect.forkChild(site.run([new Work({ id: 1, millis: 1e6 })]))
          yield* until("it runs", () => site.count("start") === 1)
          site.fault(worker)
          worker.kill("SIGINT")
          yield* worker.wrote(/is draining/)
          worker.kill("SIGINT")
          // It would wait for 30 seconds.
          yield* Effect.timeout(worker.ended, "20 seconds")
          assert.deepStrictEqual(worker.exit, { code: 130, signal: null })
        }).pipe(Effect.provide(site.client()))
      }), 300_000)

    it.effect(
      "moves the work of a worker that stands still, which serves again when it goes on",
      () =>
        Effect.gen(function*() {
          const site = yield* ownSite
          const [frozen] = yield* site.workers(1, { args: ["--concurrency", "2"] })
          yield* Effect.gen(function*() {
            yield* joined(1)
            const held = [new Work({ id: 1, millis: 1, first: 1e6 }), new Once({ id: 2, millis: 1e6 })]
            const holding = yield* Effect.forkChild(site.run(held, { chunkSize: 1, ordered: true }))
            yield* until("both run", () => site.count("start") === 2)
            yield* site.localWorkers(1)
            yield* joined(2)
            const tasks = works(350, 15, 10)
            const running = yield* Effect.forkChild(site.run(tasks))
            yield* until("some are done", () => site.count("success") >= 50)
            site.kill(frozen, "SIGSTOP")
            assert.deepStrictEqual(ends(yield* Fiber.join(holding)), ["success", "WorkerLost"])
            among(["success"], ends(yield* Fiber.join(running)))
            yield* joined(1)
            frozen.kill("SIGCONT")
            yield* until("what it held is interrupted", () => site.count("interrupted", frozen) === 2)
            yield* joined(2)
            const before = site.count("end", frozen)
            for (let id = 10_000; site.count("end", frozen) === before; id += 10) {
              among(["success"], ends(yield* site.run(works(10, 20, id), { chunkSize: 1 })))
            }
            assert.deepStrictEqual(site.violations, [])
          }).pipe(Effect.provide(site.client()))
        }),
      300_000
    )

    it.effect("blames a task that kills its worker again and again, and nobody else", () =>
      Effect.gen(function*() {
        const site = yield* ownSite
        yield* Effect.forEach([1, 2], () =>
          Effect.forkScoped(Effect.forever(Effect.scoped(
            Effect.flatMap(site.start(), (worker) => worker.ended)
          ))))
        yield* Effect.gen(function*() {
          yield* joined(2)
          const tasks = [
            ...works(100, 1, 10),
            new Kill({ id: 1, times: 99 }),
            ...works(200, 1, 200)
          ]
          const results = yield* site.run(tasks)
          for (const { result, task } of results) {
            const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
            assert.strictEqual(end, task.id === 1 ? "WorkerLost" : "success", String(task))
          }
          assert.strictEqual(results.length, tasks.length)
          // Its first start was among others.
          const kills = site.lines.filter(({ id, what }) => id === 1 && what === "kills").length
          assert.include([3, 4], kills)
          assert.deepStrictEqual(site.violations, [])
        }).pipe(Effect.provide(site.client()))
      }), 300_000)

    it.effect(
      "does not start again what must not, and starts elsewhere what was not claimed",
      () =>
        Effect.gen(function*() {
          const site = yield* ownSite
          const [victim] = yield* site.workers(1)
          yield* Effect.gen(function*() {
            yield* joined(1)
            // From now on they are believed to be short, and go together; and they start as they were given.
            yield* site.run(onces(100, 0, 1000))
            const starts = site.lines.filter(({ what }) => what === "start").map(({ id }) => id)
            assert.deepStrictEqual(starts, starts.toSorted((a, b) => a - b))
            const tasks = [...onces(1, 1e6, 0), ...onces(50, 1, 1)]
            const running = yield* Effect.forkChild(site.run(tasks))
            yield* until("the first runs", () => site.count("start") === 101)
            site.kill(victim, "SIGKILL")
            yield* site.localWorkers(1)
            const found = ends(yield* Fiber.join(running))
            assert.strictEqual(found[0], "WorkerLost")
            among(["success", "WorkerLost"], found)
            assert.include(found, "success")
            assert.deepStrictEqual(site.violations, [])
          }).pipe(Effect.provide(site.client()))
        }),
      300_000
    )
  }
)
