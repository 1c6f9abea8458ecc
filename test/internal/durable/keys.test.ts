import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import { Occurrences } from "../../../src/internal/durable/occurrences.ts"
import { TaskKeys } from "../../../src/internal/durable/taskKeys.ts"
import { stringify } from "../../../src/internal/encoding/jsonText.ts"

class Look extends Task.Class<Look>()("Look", { payload: { any: Schema.Json } }) {}
class Other extends Task.Class<Other>()("Look", { payload: { any: Schema.Json }, success: Schema.Int }) {}

const keyIn = (keys: TaskKeys, task: Task.Any): string => {
  const keyed = keys.key(task)
  return "key" in keyed ? keyed.key : assert.fail(keyed.message)
}
const key = (task: Task.Any) => keyIn(new TaskKeys(undefined, true), task)

describe("JSON of payloads", () => {
  it.prop("is read as the same value", { value: Schema.Json }, ({ value }) => {
    assert.deepStrictEqual(JSON.parse(stringify(value)), value)
  })

  it("keeps the sign of zero, a lone surrogate and a key that names the prototype", () => {
    assert.isTrue(Object.is(JSON.parse(stringify(-0)), -0))
    const value = JSON.parse(`{"__proto__":["\\ud800"]}`)
    assert.deepStrictEqual(JSON.parse(stringify(value)), value)
  })

  it.prop(
    "does not depend on the order of keys",
    { entries: Schema.Array(Schema.Tuple([Schema.String, Schema.Int])) },
    ({ entries }) => {
      const object = Object.fromEntries(entries)
      assert.strictEqual(stringify(object), stringify(Object.fromEntries(Object.entries(object).reverse())))
    }
  )
})

describe("Keys of tasks", () => {
  it("are the same in every version, since stored runs have them", () => {
    // Computed when durable runs were introduced. A change would make every stored run run again.
    assert.strictEqual(key(new Look({ any: { b: [1, null], a: "x" } })), "cChFRcHdpSPvn6JtOIekLA")
  })

  it("depend on the payload and on the schemas", () => {
    assert.strictEqual(key(new Look({ any: { a: 1, b: 2 } })), key(new Look({ any: { b: 2, a: 1 } })))
    assert.notStrictEqual(key(new Look({ any: 1 })), key(new Look({ any: "1" })))
    assert.notStrictEqual(key(new Look({ any: 1 })), key(new Other({ any: 1 })))
  })

  it.prop("are different for each occurrence, whatever comes between", {
    values: Schema.Array(Schema.Literals([1, 2, 3]))
  }, ({ values }) => {
    const keys = new TaskKeys(undefined, true)
    const all = values.map((any) => keyIn(keys, new Look({ any })))
    assert.strictEqual(new Set(all).size, values.length)
    const alone = new TaskKeys(undefined, true)
    const ones = values.filter((any) => any === 1).map((any) => keyIn(alone, new Look({ any })))
    assert.deepStrictEqual(all.filter((_, i) => values[i] === 1), ones)
  })
})

describe("Occurrences", () => {
  it("are counted as by a map, over growth and collisions", () => {
    const occurrences = new Occurrences()
    const map = new Map<string, number>()
    for (let i = 0; i < 20_000; i++) {
      // Many hashes have the same low half, and so the same place.
      const [high, low] = [(i * 7919) % 4001 << 20, i % 5 === 0 ? 0xffff_fff0 : (i * 104_729) % 3001]
      const name = `${high >>> 0} ${low}`
      assert.strictEqual(occurrences.add(high, low), map.get(name) ?? 0)
      map.set(name, (map.get(name) ?? 0) + 1)
    }
  })
})
