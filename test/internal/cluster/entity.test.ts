import { assert, describe, it } from "@effect/vitest"
import { entityOf } from "../../../src/internal/cluster/entity.ts"

describe("entityOf", () => {
  it("gives the dispatchers of a worker group one entity, for which a Sharding keeps one client", () => {
    assert.strictEqual(entityOf("default", undefined), entityOf("default", undefined))
    assert.strictEqual(entityOf("default", "gpu"), entityOf("default", "gpu"))
    assert.notStrictEqual(entityOf("default", undefined), entityOf("default", "undefined"))
    assert.notStrictEqual(entityOf("default", undefined), entityOf("other", undefined))
  })
})
