import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { deepEqual } from "../../src/testing/deepEqual.ts"

class Point {
  readonly x: number
  constructor(x: number) {
    this.x = x
  }
}

/** Each value differs from all others; a call makes equal ones. */
const values = (): ReadonlyArray<unknown> => [
  undefined,
  null,
  0,
  -0,
  NaN,
  "",
  1n,
  [],
  [undefined],
  {},
  { x: undefined },
  { x: 1 },
  { x: 1, y: 2 },
  { x: [1, { y: 2 }] },
  { x: [1, { y: 3 }] },
  Object.create(null),
  new Point(1),
  new Point(2),
  new Date(0),
  new Date(NaN),
  new Uint8Array([1, 2]),
  new Uint8Array([1, 3]),
  new Uint8Array([0, 1, 2]).subarray(0, 2),
  new Uint16Array([1, 2]),
  new Uint8Array([1, 2]).buffer,
  new Float64Array([1]),
  new Map([["a", { x: 1 }]]),
  new Map([["a", { x: 2 }]]),
  new Set([1]),
  new Set([2]),
  new Error("a"),
  new Error("b"),
  new TypeError("a"),
  Option.none(),
  Option.some(1),
  Option.some({ x: 1 })
]

describe("deepEqual", () => {
  it("tells equal values from others", () => {
    for (const [i, a] of values().entries()) {
      for (const [j, b] of values().entries()) {
        assert.strictEqual(deepEqual(a, b), i === j, `${i} and ${j}`)
      }
    }
  })
})
