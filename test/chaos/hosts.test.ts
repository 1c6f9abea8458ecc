/** Workers on separate hosts, over TLS. Hosts become unreachable for a while, or disappear without closing connections. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { writeFileSync } from "node:fs"
import * as Secret from "../../src/internal/remote/auth/secret.ts"
import { isChaos } from "../support/effort.ts"
import { nameServer, registered } from "../support/remote/processes.ts"
import { Once, Work } from "../support/remote/tasks.ts"
import { among, ends, joined, type Site, site, until, works } from "../support/remote/testCluster.ts"
import { type Host, host, whyNot } from "./hosts.ts"

/** A group whose workers are on other hosts. */
const start = Effect.gen(function*() {
  const secret = yield* Secret.generate
  const text = Redacted.value(secret)
  const { port } = yield* nameServer(0, { PAPYROS_SECRET: text }, ["--host", "0.0.0.0"])
  const own = yield* site(`127.0.0.1:${port}`)
  const file = `${own.journal}.secret`
  writeFileSync(file, text, { mode: 0o600 })
  const worker = ({ address, by, gateway }: Host, threads: number) =>
    Effect.tap(
      own.start({
        by,
        threads,
        nameServer: `${gateway}:${port}`,
        args: ["--host", address, "--secret-file", file]
      }),
      registered
    )
  return { own, worker, client: own.client({ secret }) }
})

/** Runs two tasks on the only worker, which has two threads, and waits until both run. */
const hold = (own: Site) =>
  Effect.gen(function*() {
    yield* joined(1)
    const held = [new Work({ id: 1, millis: 1, first: 1e6 }), new Once({ id: 2, millis: 1e6 })]
    const holding = yield* Effect.forkChild(own.run(held, { chunkSize: 1, ordered: true }))
    yield* until("both run", () => own.count("start") === 2)
    return holding
  })

const skipped = isChaos ? whyNot() : "needs PAPYROS_CHAOS=1"

const name = `RemoteDispatcher on hosts of their own${skipped === undefined ? "" : `: ${skipped}`}`

describe.skipIf(skipped !== undefined)(name, { concurrent: true }, () => {
  it.live.each([
    { what: "is unreachable for a while, and uses the host again afterwards", vanishes: false },
    { what: "disappears without closing connections", vanishes: true }
  ])("moves the work of a host that $what", ({ vanishes }) =>
    Effect.gen(function*() {
      const { client, own, worker } = yield* start
      const far = yield* host(vanishes ? 3 : 1)
      const away = yield* worker(far, 2)
      yield* Effect.gen(function*() {
        const holding = yield* hold(own)
        const near = yield* worker(yield* host(vanishes ? 4 : 2), 1)
        yield* joined(2)
        const running = yield* Effect.forkChild(own.run(works(1000, 5, 10)))
        yield* until("some are done", () => own.count("end", near) >= 50)
        own.fault(away)
        yield* far.unplug
        if (vanishes) away.kill("SIGKILL")
        assert.deepStrictEqual(ends(yield* Fiber.join(holding)), ["success", "WorkerLost"])
        among(["success"], ends(yield* Fiber.join(running)))
        yield* joined(1)
        if (!vanishes) {
          yield* until("its tasks are interrupted", () => own.count("interrupted", away) === 2)
          yield* far.plug
          yield* joined(2)
          const before = own.count("end", away)
          for (let id = 10_000; own.count("end", away) === before; id += 10) {
            among(["success"], ends(yield* own.run(works(10, 20, id), { chunkSize: 1 })))
          }
        }
        assert.deepStrictEqual(own.violations, [])
      }).pipe(Effect.provide(client))
    }), 120_000)
})
