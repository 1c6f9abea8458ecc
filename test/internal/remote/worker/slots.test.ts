import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Work } from "../../../support/remote/tasks.ts"
import { joined, ownSite, Place, until } from "../../../support/remote/testCluster.ts"

layer(Place.layer, { excludeTestServices: true, timeout: "60 seconds" })("RemoteDispatcher", (it) => {
  it.effect("fills the free slot of a thread whose other slot runs something long", () =>
    Effect.gen(function*() {
      const site = yield* ownSite
      yield* site.localWorkers(1, { concurrency: 2 })
      yield* Effect.gen(function*() {
        yield* joined(1)
        yield* Effect.forkChild(site.run([new Work({ id: 1, millis: 1e6 })]))
        yield* until("it runs", () => site.count("start") === 1)
        // Longer than tasks may wait in a thread before they are taken back.
        yield* Effect.sleep(100)
        yield* Effect.timeout(site.run([new Work({ id: 2, millis: 1 })]), "60 seconds")
        assert.strictEqual(site.count("end"), 1)
      }).pipe(Effect.provide(site.client()))
    }), 90_000)
})
