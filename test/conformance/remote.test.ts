/** Claims about worker processes: few, because processes take long to start. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Dispatcher from "papyros/Dispatcher"
import { Once, Work } from "../support/remote/tasks.ts"
import { ends, joined, ownSite, Place, until, works } from "../support/remote/testCluster.ts"
import { failsBy, outcomes, sorted, values } from "./support/suite.ts"

const LONG = 600_000

layer(Place.layer, { excludeTestServices: true, timeout: 60_000 })("Conformance: remote", (it) => {
  it.effect(
    "two workers: tasks that are interrupted stop, and the loss of a worker breaks nobody else",
    () =>
      Effect.gen(function*() {
        const site = yield* ownSite
        const [first] = yield* site.workers(2)
        yield* Effect.gen(function*() {
          yield* joined(2)

          // Ray, test_cancel.py: test_remote_cancel. dask.distributed, test_stress.py: test_cancel_stress
          for (const id of [1, 2, 3]) {
            const run = yield* Effect.forkChild(Dispatcher.run(new Work({ id, millis: LONG })))
            yield* until("it runs", () => site.count("start") === id)
            yield* Fiber.interrupt(run)
            assert.strictEqual(site.count("interrupted"), id)
          }
          assert.strictEqual((yield* Dispatcher.run(new Work({ id: 4, millis: 0 }))).id, 4)

          // BullMQ, worker.test.ts: when passing maxStartedAttempts - should fail job when consuming the max started attempts
          const onces = [new Once({ id: 11, millis: 1000 }), new Once({ id: 12, millis: 1000 })]
          const started = () => site.lines.filter(({ id, what }) => what === "start" && (id === 11 || id === 12))
          const run = yield* Effect.forkChild(outcomes<Once | Work>([...onces, ...works(40, 5, 100)], { chunkSize: 1 }))
          yield* until("both run", () => started().length === 2)
          const lost = started().find(({ thread }) => thread === first.pid)!.id
          site.kill(first, "SIGKILL")
          // CPython, test_process_pool.py: test_killed_child. Here the loss of a process breaks nobody else.
          // dask.distributed, test_failed_workers.py: test_gather_after_failed_worker
          const expected = onces.map(({ id }) => id === lost ? "WorkerLost" : "success")
          assert.deepStrictEqual(ends(yield* Fiber.join(run)), [...expected, ...works(40, 0).map(() => "success")])
          assert.strictEqual(started().length, 2)

          // dask.distributed, test_failed_workers.py: test_submit_after_failed_worker
          const later = yield* values(works(5, 0, 200))
          assert.deepStrictEqual(sorted(later.map(({ id }) => id)), [200, 201, 202, 203, 204])
          assert.isTrue(later.every(({ pid }) => pid !== first.pid))
        }).pipe(Effect.provide(site.client()))
      }).pipe(Effect.scoped),
    120_000
  )

  // dask.distributed, test_worker_client.py: test_secede_does_not_claim_worker. Ray, test_actor_pool.py: test_push
  it.effect("three workers run three tasks that are given one by one [known: R11]", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      yield* site.workers(3)
      yield* Effect.gen(function*() {
        yield* joined(3)
        const tasks = works(3, LONG)
        const runs = yield* Effect.forEach(tasks, (task) => Effect.forkChild(Dispatcher.run(task)))
        yield* failsBy("R11", until("all three run", () => site.count("start") === 3))
        yield* Effect.forEach(runs, Fiber.interrupt)
      }).pipe(Effect.provide(site.client()))
    }).pipe(Effect.scoped), 120_000)
})
