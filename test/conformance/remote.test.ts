/** Claims about worker processes: few, because processes take long to start. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Dispatcher from "papyros/Dispatcher"
import { Once, Work } from "../support/remote/tasks.ts"
import { ends, joined, ownSite, Place, until, works } from "../support/remote/testCluster.ts"
import { outcomes, sorted, values } from "./support/suite.ts"

const LONG = 600_000

layer(Place.layer, { excludeTestServices: true, timeout: 60_000 })("Conformance: remote", (it) => {
  it.effect("three workers: slots, interruptions and losses", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      const workers = yield* site.workers(3)
      const startsOf = (...ids: ReadonlyArray<number>) =>
        site.lines.filter(({ id, what }) => what === "start" && ids.includes(id))
      yield* Effect.gen(function*() {
        yield* joined(3)

        // dask.distributed, test_worker_client.py: test_secede_does_not_claim_worker. Ray, test_actor_pool.py: test_push
        const runs = yield* Effect.forEach(
          works(3, LONG, 301),
          (task) => Effect.forkChild(Dispatcher.run(task))
        )
        yield* until("all three run", () => startsOf(301, 302, 303).length === 3)
        yield* Effect.forEach(runs, Fiber.interrupt)

        // Ray, test_cancel.py: test_remote_cancel. dask.distributed, test_stress.py: test_cancel_stress
        for (const id of [1, 2, 3]) {
          const run = yield* Effect.forkChild(Dispatcher.run(new Work({ id, millis: LONG })))
          yield* until("it runs", () => startsOf(id).length === 1)
          yield* Fiber.interrupt(run)
          assert.isTrue(site.lines.some((line) => line.what === "interrupted" && line.id === id))
        }
        assert.strictEqual((yield* Dispatcher.run(new Work({ id: 4, millis: 0 }))).id, 4)

        // BullMQ, worker.test.ts: when passing maxStartedAttempts - should fail job when consuming the max started attempts
        const ids = [11, 12, 13]
        const onces = ids.map((id) => new Once({ id, millis: 1000 }))
        const run = yield* Effect.forkChild(outcomes<Once | Work>([...onces, ...works(40, 5, 100)], { chunkSize: 1 }))
        yield* until("one runs", () => startsOf(...ids).length > 0)
        const lost = startsOf(...ids)[0]
        const killed = workers.find(({ pid }) => pid === lost.thread)!
        site.kill(killed, "SIGKILL")
        // CPython, test_process_pool.py: test_killed_child. Here the loss of a process breaks nobody else.
        // dask.distributed, test_failed_workers.py: test_gather_after_failed_worker
        const all = ends(yield* Fiber.join(run))
        assert.deepStrictEqual(all.slice(3), works(40, 0).map(() => "success"))
        for (const [i, id] of ids.entries()) {
          // One that waited on the lost worker may be told the same: whether it had started is not known here.
          assert.include(id === lost.id ? ["WorkerLost"] : ["success", "WorkerLost"], all[i])
          assert.isAtMost(startsOf(id).length, 1)
        }

        // dask.distributed, test_failed_workers.py: test_submit_after_failed_worker
        const later = yield* values(works(5, 0, 200))
        assert.deepStrictEqual(sorted(later.map(({ id }) => id)), [200, 201, 202, 203, 204])
        assert.isTrue(later.every(({ pid }) => pid !== killed.pid))
      }).pipe(Effect.provide(site.client()))
    }).pipe(Effect.scoped), 120_000)
})
