import { assert, describe, it } from "@effect/vitest"
import * as EntityId from "effect/cluster/EntityId"
import { Sharding } from "effect/cluster/Sharding"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Effect from "effect/Effect"
import { Addresses, idsByShard } from "../../../../src/internal/cluster/client/addresses.ts"

describe("idsByShard", () => {
  it.effect("has one id for each shard of the engine", () =>
    Effect.gen(function*() {
      const sharding = yield* Sharding
      const shardOf = (id: string) => `${sharding.getShardId(EntityId.make(id), "default")}`
      const ids = idsByShard(shardOf)
      // The default of shardsPerGroup.
      assert.strictEqual(ids.length, 300)
      assert.strictEqual(new Set(ids.map(shardOf)).size, 300)
    }).pipe(Effect.provide(TestRunner.layer)))

  it("ends for one shard, and for more than it looks for", () => {
    assert.deepStrictEqual(idsByShard(() => "only"), ["0"])
    assert.isAtMost(idsByShard((id) => id).length, 4096)
  })
})

describe("Addresses", () => {
  it("uses the other ids of a runner before one that did not answer, and forgets ids that moved", () => {
    const addresses = new Addresses<string>(["1", "2", "3"])
    addresses.set("1", { incarnation: "a", offer: "old" })
    addresses.set("2", { incarnation: "a", offer: "new" })
    addresses.set("3", { incarnation: "b", offer: "" })
    assert.strictEqual(addresses.get("a")?.offer, "new")
    assert.strictEqual(addresses.idOf("a"), "1")
    assert.isTrue(addresses.suspect("1"))
    assert.strictEqual(addresses.idOf("a"), "2")
    addresses.set("2", { incarnation: "b", offer: "" })
    assert.strictEqual(addresses.idOf("a"), "1")
    assert.isFalse(addresses.suspect("1"))
    addresses.remove("1")
    assert.strictEqual(addresses.idOf("a"), undefined)
    assert.deepStrictEqual(addresses.runners.map(({ incarnation }) => incarnation), ["b"])
    addresses.forget("b")
    assert.deepStrictEqual(addresses.runners, [])
  })
})
