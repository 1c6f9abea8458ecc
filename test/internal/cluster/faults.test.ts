/** Runner processes that join, end, or stand still, while they run tasks. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Dispatcher from "papyros/Dispatcher"
import { clusterSite } from "../../support/cluster/site.ts"
import { isChaos } from "../../support/effort.ts"
import { binaries } from "../../support/postgres/binaries.ts"
import * as Postgres from "../../support/postgres/server.ts"
import type { Papyros } from "../../support/remote/processes.ts"
import { Kill, Once, Work } from "../../support/remote/tasks.ts"
import { among, ends, joined, mixed, onces, until, works } from "../../support/remote/testCluster.ts"

/** Cases that wait for losses and leases. */
const slow = { concurrent: true, skip: !isChaos, timeout: 240_000 }

/** Two runners, and a client that has found them. */
const two = Effect.fnUntraced(function*(place?: string) {
  const site = yield* clusterSite(place)
  const runners = yield* Effect.all([site.start, site.start], { concurrency: 2 })
  return { site, runners }
})

describe("ClusterDispatcher", () => {
  it.live("restarts nothing when a runner joins, and when runners are told to end", () =>
    Effect.gen(function*() {
      const { runners, site } = yield* two()
      yield* Effect.gen(function*() {
        yield* joined(2)
        let ending = false
        const tasks = function*() {
          for (let id = 1; !ending; id++) {
            yield id % 10 === 0
              ? new Once({ id, millis: 30 })
              : new Work({ id, millis: 30 })
          }
        }
        const running = yield* Effect.forkChild(site.run(tasks()))
        yield* until("both have done some", () => runners.every((runner) => site.count("end", runner) >= 10))
        const third = yield* site.start
        yield* until("the new runner has work", () => site.count("start", third) > 0)
        for (const leaver of runners) {
          leaver.kill("SIGTERM")
          assert.strictEqual((yield* leaver.ended).signal, null)
          assert.strictEqual(site.count("end", leaver), site.count("start", leaver))
        }
        ending = true
        const results = yield* Fiber.join(running)
        among(["success"], ends(results))
        // No process is recorded as faulty, so nothing may have started twice.
        assert.deepStrictEqual(site.violations, [])
        assert.strictEqual(site.count("start"), results.length)
      }).pipe(Effect.provide(site.client()))
    }), 120_000)
})

describe("ClusterDispatcher", slow, () => {
  /** How each task may end when runners are lost. */
  const expectMoved = (results: ReadonlyArray<Dispatcher.TaskResult<Work | Once>>, count: number) => {
    assert.strictEqual(results.length, count)
    for (const { result, task } of results) {
      const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
      among(task._tag === "Once" ? ["success", "WorkerLost"] : ["success"], [end])
    }
  }

  for (const storage of ["a file", "Postgres"] as const) {
    it.live.skipIf(storage === "Postgres" && binaries === undefined)(
      `with ${storage}, moves the work of a runner that is killed`,
      () =>
        Effect.gen(function*() {
          const { runners: [victim], site } = yield* two(
            storage === "Postgres" ? (yield* Postgres.make).url : undefined
          )
          yield* Effect.gen(function*() {
            yield* joined(2)
            const tasks = mixed(works(200, 20), onces(20, 20, 1000))
            const running = yield* Effect.forkChild(site.run(tasks))
            yield* until("it has done some", () => site.count("end", victim) >= 20)
            site.kill(victim, "SIGKILL")
            // It is lost by the client's clock: the leases of the cluster, of 35 seconds and more, decide nothing.
            const results = yield* Fiber.join(running)
            expectMoved(results, tasks.length)
            assert.deepStrictEqual(site.violations, [])
          }).pipe(Effect.provide(site.client()))
        })
    )
  }

  it.live("says that a worker was lost after exactly as many losses as it may cause", () =>
    Effect.gen(function*() {
      const { runners, site } = yield* two()
      const replaced = (runner: Papyros): Effect.Effect<never, never, Scope.Scope> =>
        Effect.flatMap(Effect.andThen(runner.ended, site.start), replaced)
      yield* Effect.forEach(runners, (runner) => Effect.forkScoped(replaced(runner)))
      yield* Effect.gen(function*() {
        yield* joined(2)
        const [{ result }] = yield* site.run([new Kill({ id: 1, times: 99 })])
        assert.strictEqual(Result.isFailure(result) && result.failure.reason._tag, "WorkerLost")
        assert.strictEqual(site.count("kills"), 2)
        assert.deepStrictEqual(site.violations, [])
        among(["success"], ends(yield* site.run(works(20, 1, 10))))
      }).pipe(Effect.provide(site.client({ maxWorkerLosses: 2 })))
    }))

  it.live("loses a runner that stands still, and finds it again", () =>
    Effect.gen(function*() {
      const { runners: [frozen], site } = yield* two()
      yield* Effect.gen(function*() {
        yield* joined(2)
        const tasks = mixed(works(400, 50), onces(40, 50, 1000))
        const running = yield* Effect.forkChild(site.run(tasks))
        yield* until("it has done some", () => site.count("end", frozen) >= 20)
        site.kill(frozen, "SIGSTOP")
        yield* Effect.sleep("12 seconds")
        frozen.kill("SIGCONT")
        expectMoved(yield* Fiber.join(running), tasks.length)
        assert.deepStrictEqual(site.violations, [])
        yield* joined(2)
        const before = site.count("end", frozen)
        among(["success"], ends(yield* site.run(works(200, 5, 2000))))
        assert.isAbove(site.count("end", frozen), before)
      }).pipe(Effect.provide(site.client()))
    }))

  it.live.skipIf(binaries === undefined)(
    "fails no task while the database of the cluster is away",
    () =>
      Effect.gen(function*() {
        const server = yield* Postgres.make
        const { runners, site } = yield* two(server.url)
        yield* Effect.gen(function*() {
          yield* joined(2)
          // The engine gives up all shards.
          for (const runner of runners) site.fault(runner)
          const tasks = works(1000, 30)
          const running = yield* Effect.forkChild(site.run(tasks))
          yield* until("some are done", () => site.outcomes >= 50)
          yield* server.stop("fast")
          yield* Effect.sleep("20 seconds")
          yield* server.start
          among(["success"], ends(yield* Fiber.join(running)))
          assert.deepStrictEqual(site.violations, [])
        }).pipe(Effect.provide(site.client()))
      })
  )
})
