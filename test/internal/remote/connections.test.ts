/** Name servers, clients and connections that come and go while tasks run. */
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { writeFileSync } from "node:fs"
import type * as Dispatcher from "papyros/Dispatcher"
import { isChaos } from "../../support/effort.ts"
import { freePort, handlers, nameServer, papyros } from "../../support/remote/processes.ts"
import { proxiedLocal } from "../../support/remote/proxy.ts"
import { Once, Work } from "../../support/remote/tasks.ts"
import {
  among,
  ends,
  joined,
  localNameServer,
  mixed,
  onces,
  ownSite,
  Place,
  site,
  until,
  works
} from "../../support/remote/testCluster.ts"

/** The processes that have run tasks. */
const pids = (results: ReadonlyArray<Dispatcher.TaskResult<Work | Once>>): Array<number> =>
  Array.from(new Set(results.flatMap(({ result }) => Result.isSuccess(result) ? [result.success.pid] : [])))

layer(Place.layer, { excludeTestServices: true, concurrent: true, timeout: "60 seconds" })("RemoteDispatcher", (it) => {
  it.effect(
    "runs on while its name server is killed and started again, and learns of new workers then",
    () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { address, port } = yield* Scope.provide(nameServer(yield* freePort), scope)
        const own = yield* site(address)
        const first = yield* own.localWorkers(1)
        yield* Effect.gen(function*() {
          yield* joined(1)
          const running = yield* Effect.forkChild(own.run(mixed(works(500, 15), onces(30, 5, 10_000))))
          yield* until("some are done", () => own.count("success") >= 50)
          // Kills it.
          yield* Scope.close(scope, Exit.void)
          const before = own.count("success")
          yield* until("it runs on", () => own.count("success") >= before + 50)
          yield* nameServer(port)
          const [second] = yield* own.localWorkers(1)
          yield* joined(2)
          yield* until("the new one works", () => own.count("end", second) > 0 || own.count("success") === 530)
          among(["success"], ends(yield* Fiber.join(running)))
          assert.strictEqual(own.count("interrupted"), 0)
          assert.sameMembers(pids(yield* own.run(works(20, 100, 20_000), { chunkSize: 1 })), [first[0].pid, second.pid])
          assert.deepStrictEqual(own.violations, [])
        }).pipe(Effect.provide(own.client()))
      }),
    300_000
  )

  it.effect("counts the bytes of all its connections in its metrics, also of those that are cut", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      const { proxy } = yield* proxiedLocal(site)
      yield* Effect.gen(function*() {
        const of = (name: string) =>
          (Metric.snapshotUnsafe(Context.empty()).find(({ attributes, id }) =>
            id === `papyros_${name}_bytes_total` && attributes?.dispatcher === site.group
          )!.state as Metric.CounterState<number>).count
        const { bytes } = proxy
        yield* joined(1)
        yield* site.run(works(300, 0))
        yield* until(
          "the metrics have the bytes of the proxy",
          () => bytes.fromClients > 3000 && of("sent") === bytes.fromClients && of("received") === bytes.toClients
        )
        proxy.cut()
        yield* site.run(works(300, 0, 1000))
        // What it sends before it learns of the cut does not arrive.
        yield* until(
          "they have those of the next connection",
          () => bytes.fromClients > 6000 && of("sent") >= bytes.fromClients && of("received") === bytes.toClients
        )
        assert.isBelow(of("sent"), bytes.fromClients + 3000)
      }).pipe(Effect.provide(site.client({ name: site.group })))
    }))

  it.effect("goes on with all tasks whenever connections are cut", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      const { proxy, worker } = yield* proxiedLocal(site)
      yield* site.localWorkers(1)
      yield* Effect.gen(function*() {
        yield* joined(2)
        const tasks = mixed(works(200, 15), onces(60, 5, 1000))
        const running = yield* Effect.forkChild(site.run(tasks))
        site.fault(worker)
        for (let cuts = 1; cuts <= 3; cuts++) {
          const before = site.count("end", worker)
          yield* until("it works", () => site.count("end", worker) >= before + 10 || running.pollUnsafe() !== undefined)
          proxy.cut()
          yield* joined(2)
        }
        const results = yield* Fiber.join(running)
        assert.strictEqual(results.length, tasks.length)
        among(["success"], ends(results))
        assert.strictEqual(site.count("start"), tasks.length)
        assert.deepStrictEqual(site.violations, [])
      }).pipe(Effect.provide(site.client()))
    }), 300_000)

  it.effect("goes on with the tasks of a worker whose connections are cut for a second", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      const { proxy, worker } = yield* proxiedLocal(site, { concurrency: 8 })
      yield* Effect.gen(function*() {
        yield* joined(1)
        const timed = (tasks: ReadonlyArray<Work | Once>) => {
          const start = performance.now()
          return Effect.map(site.run(tasks, { chunkSize: 1 }), (results) => ({
            results,
            millis: performance.now() - start
          }))
        }
        const tasks = (from: number) => mixed(works(70, 500, from), onces(10, 500, from + 70))
        // Times are checked on a machine that does nothing else.
        const undisturbed = isChaos ? (yield* timed(tasks(1000))).millis : 0
        const before = site.count("start")
        const running = yield* Effect.forkChild(timed(tasks(0)))
        yield* until("some are done", () => site.count("end", worker) >= before + 16)
        proxy.cutOff()
        yield* Effect.sleep(1000)
        proxy.restore()
        const { millis, results } = yield* Fiber.join(running)
        among(["success"], ends(results))
        // Nothing has started twice, and no attempt was counted as a loss.
        assert.strictEqual(site.count("start"), before + 80)
        assert.deepStrictEqual(site.lines.filter(({ attempt }) => (attempt ?? 1) > 1), [])
        assert.deepStrictEqual(site.violations, [])
        if (isChaos) assert.isBelow(millis - undisturbed, 1500)
      }).pipe(Effect.provide(site.client()))
    }), 300_000)

  it.effect(
    "moves work when a connection stands still, and its worker interrupts what nobody waits for",
    () =>
      Effect.gen(function*() {
        const site = yield* ownSite
        const { proxy, worker } = yield* proxiedLocal(site, { concurrency: 2 })
        yield* Effect.gen(function*() {
          yield* joined(1)
          const tasks = [new Work({ id: 1, millis: 1, first: 1e6 }), new Once({ id: 2, millis: 1e6 })]
          const running = yield* Effect.forkChild(site.run(tasks, { chunkSize: 1, ordered: true }))
          yield* until("both run", () => site.count("start") === 2)
          site.fault(worker)
          proxy.freeze()
          yield* site.localWorkers(1)
          assert.deepStrictEqual(ends(yield* Fiber.join(running)), ["success", "WorkerLost"])
          yield* until("both are interrupted", () => site.count("interrupted", worker) === 2)
          proxy.thaw()
          yield* joined(2)
          let used: Array<number> = []
          for (let id = 100; !used.includes(worker.pid); id += 10) {
            used = pids(yield* site.run(works(10, 20, id), { chunkSize: 1 }))
          }
          assert.deepStrictEqual(site.violations, [])
        }).pipe(Effect.provide(site.client()))
      }),
    300_000
  )

  it.effect(
    "gives a worker that joins its share of what has not started, and starts nothing twice",
    () =>
      Effect.gen(function*() {
        const site = yield* ownSite
        const [first] = yield* site.localWorkers(1)
        yield* Effect.gen(function*() {
          yield* joined(1)
          const tasks = Array.from({ length: 6 }, (_, id) => new Work({ id, millis: 0, gated: true }))
          const running = yield* Effect.forkChild(site.run(tasks, { chunkSize: 3 }))
          yield* until("the first runs", () => site.count("start", first) === 1)
          const [second] = yield* site.localWorkers(1)
          yield* until("the second runs one", () => site.count("start", second) === 1)
          site.open()
          const results = yield* Fiber.join(running)
          among(["success"], ends(results))
          assert.sameMembers(pids(results), [first.pid, second.pid])
          assert.strictEqual(site.count("start"), 6)
          assert.deepStrictEqual(site.violations, [])
        }).pipe(Effect.provide(site.client()))
      }),
    300_000
  )

  it.effect("gives two clients of a group each its own results, and lets both go on", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      yield* site.localWorkers(1)
      const one = yield* Layer.build(site.client())
      const other = yield* Layer.build(site.client())
      const endless = yield* Effect.forkChild(Effect.provideContext(site.run(works(100_000, 5, 1000)), one))
      yield* until("it is under way", () => site.count("success") >= 20)
      const tasks = mixed(works(100, 2), onces(20, 2, 500))
      const results = yield* Effect.provideContext(site.run(tasks), other)
      assert.sameMembers(results.map(({ task }) => task.id), tasks.map(({ id }) => id))
      for (const { result, task } of results) assert.strictEqual(Result.isSuccess(result) && result.success.id, task.id)
      assert.isUndefined(endless.pollUnsafe())
      const before = site.count("success")
      yield* until("the first goes on", () => site.count("success") >= before + 20)
      yield* Fiber.interrupt(endless)
      // Those that were interrupted have no outcome.
      assert.deepStrictEqual(site.violations.filter((text) => !text.endsWith("has no outcome")), [])
    }), 300_000)

  it.effect("keeps the groups of a name server apart", () =>
    Effect.gen(function*() {
      const one = yield* ownSite
      const other = yield* ownSite
      const [first] = yield* one.localWorkers(1)
      const [second] = yield* other.localWorkers(1)
      const run = (at: typeof one) => Effect.provide(at.run(works(50, 1)), at.client())
      const [mine, theirs] = yield* Effect.all([run(one), run(other)], { concurrency: 2 })
      assert.deepStrictEqual(pids(mine), [first.pid])
      assert.deepStrictEqual(pids(theirs), [second.pid])
      assert.deepStrictEqual([...one.violations, ...other.violations], [])
    }), 300_000)

  it.effect("interrupts the tasks of a client that is killed", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      const [worker] = yield* site.localWorkers(1)
      const input = `${site.journal}.ndjson`
      writeFileSync(input, `{"id":1,"millis":1000000}\n{"id":2,"millis":1000000}\n`)
      const run = ["run", handlers, "Work", "--input", input, "--dispatcher", "remote"]
      const client = yield* papyros([...run, "--group", site.group, "--name-server", site.nameServer])
      yield* until("one runs", () => site.count("start", worker) === 1)
      client.kill("SIGKILL")
      yield* until("it is interrupted", () => site.count("interrupted", worker) === 1)
      // The other one never starts.
      const results = yield* Effect.provide(site.run(works(5, 1, 10)), site.client())
      among(["success"], ends(results))
      assert.deepStrictEqual(site.lines.filter(({ id }) => id === 2), [])
    }), 300_000)

  it.effect("works whatever starts first", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const own = yield* site(`127.0.0.1:${port}`)
      const running = yield* Effect.forkChild(Effect.provide(own.run(works(20, 1)), own.client()))
      const worker = yield* own.startLocal()
      yield* worker.wrote(/trying again/)
      yield* localNameServer(port)
      yield* worker.registered
      among(["success"], ends(yield* Fiber.join(running)))
      assert.deepStrictEqual(own.violations, [])
    }), 300_000)
})
