import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Deque } from "../../src/internal/deque.ts"

const Step = Schema.Struct({
  does: Schema.Literals(["push", "unshift", "insert", "shift", "take", "remove", "next", "drop"]),
  key: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 })),
  times: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
})

const own = (n: number) => n

describe("Deque", () => {
  it.effect.prop("holds what an array would hold", { steps: Schema.Array(Step) }, ({ steps }) =>
    Effect.sync(() => {
      const deque = new Deque<number>()
      let array: Array<number> = []
      for (const { does, key, times } of steps) {
        for (let i = 0; i < times; i++) {
          switch (does) {
            case "push":
              deque.push(key)
              array.push(key)
              break
            case "unshift":
              deque.unshift(key)
              array.unshift(key)
              break
            case "insert": {
              // Into a sorted list, behind those with the same key.
              const items = deque.clear()
              for (const item of items) deque.insert(item, own)
              deque.insert(key, own)
              array = [...array, key].toSorted((a, b) => a - b)
              break
            }
            case "shift":
              assert.strictEqual(deque.shift(), array.shift())
              break
            case "take":
              assert.deepStrictEqual(deque.take(i), array.splice(0, i))
              break
            case "remove": {
              const at = array.indexOf(key)
              assert.strictEqual(deque.remove(key), at !== -1)
              if (at !== -1) array.splice(at, 1)
              break
            }
            case "next":
              deque.next(true)
              array.push(...array.splice(0, 1))
              break
            case "drop":
              deque.next(false)
              array.shift()
          }
          assert.strictEqual(deque.length, array.length)
          assert.strictEqual(deque.first, array[0])
        }
        assert.deepStrictEqual(Array.from(deque), array)
      }
    }))
})
