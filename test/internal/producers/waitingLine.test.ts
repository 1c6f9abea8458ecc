import { assert, describe, it } from "@effect/vitest"
import { type Waiter, WaitingLine } from "../../../src/internal/producers/waitingLine.ts"

/** Waiters that are served while there is room, and the order in which they were. */
const make = (room: number) => {
  const line = new WaitingLine()
  const served: Array<string> = []
  const state = { room }
  const waiter = (name: string, fits = () => true): Waiter => ({
    retry: () => {
      if (state.room === 0 || !fits()) return false
      state.room--
      served.push(name)
      return true
    }
  })
  return { line, served, state, waiter }
}

describe("WaitingLine", () => {
  it("serves waiters in the order in which they came, as far as there is room", () => {
    const { line, served, state, waiter } = make(2)
    for (const name of ["a", "b", "c"]) line.join(waiter(name))
    line.serve()
    assert.deepStrictEqual(served, ["a", "b"])
    assert.isFalse(line.isEmpty)
    state.room = 1
    line.serve()
    assert.deepStrictEqual(served, ["a", "b", "c"])
    assert.isTrue(line.isEmpty)
  })

  it("keeps the place of a waiter that could not be served", () => {
    const { line, served, state, waiter } = make(0)
    for (const name of ["a", "b"]) line.join(waiter(name))
    line.serve()
    state.room = 1
    line.serve()
    assert.deepStrictEqual(served, ["a"])
  })

  it("serves the waiters behind one that leaves and could not be served", () => {
    const { line, served, waiter } = make(2)
    const stuck = waiter("stuck", () => false)
    for (const one of [stuck, waiter("a"), waiter("b")]) line.join(one)
    line.serve()
    assert.deepStrictEqual(served, [])
    line.leave(stuck)
    assert.deepStrictEqual(served, ["a", "b"])
  })
})
