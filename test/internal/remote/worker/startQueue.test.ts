import { assert, describe, it } from "@effect/vitest"
import { type SessionChunk, SessionEntry } from "../../../../src/internal/remote/worker/sessionEntry.ts"
import { StartQueue } from "../../../../src/internal/remote/worker/startQueue.ts"

const chunk: SessionChunk = { id: 1, names: ["T"], entries: [], blocks: [], received: 0, open: 0 }

const entry = (at: number, options: { readonly idempotent?: boolean; readonly confirmStart?: boolean } = {}) => {
  const { confirmStart = false, idempotent = true } = options
  const task = { _tag: "T", "~papyros/Task": { idempotent } as never }
  return new SessionEntry(task, at, undefined, chunk, at, 0, undefined, confirmStart)
}

const claimed = (...ats: ReadonlyArray<number>) => ats.map((at) => entry(at, { confirmStart: true }))

/** A queue, and the positions that it announced. */
const make = (slots: number, ...entries: ReadonlyArray<SessionEntry>) => {
  const announced: Array<number> = []
  const queue = new StartQueue(slots, ({ at }) => announced.push(at))
  for (const one of entries) queue.add(one)
  return { queue, announced }
}

describe("StartQueue", () => {
  it("starts tasks in order, and those that are cancelled never", () => {
    const [first, second, third] = [entry(1), entry(2), entry(3)]
    const { announced, queue } = make(1, first, second, third)
    second.cancelled = true
    assert.deepStrictEqual([queue.next(), queue.next(), queue.next()], [first, third, undefined])
    assert.deepStrictEqual(announced, [])
  })

  it("announces a task that may start only once, and starts it when that is confirmed", () => {
    const once = entry(1, { idempotent: false })
    const { announced, queue } = make(1, once)
    assert.isUndefined(queue.next())
    assert.deepStrictEqual(announced, [1])
    queue.confirm(once)
    assert.strictEqual(queue.next(), once)
  })

  it("has at most one unconfirmed claim per slot, and keeps the order behind a task that needs one more", () => {
    const [first, second, third] = claimed(1, 2, 3)
    const { announced, queue } = make(2, first, second, third, entry(4))
    assert.isUndefined(queue.next())
    assert.deepStrictEqual(announced, [1, 2])
    queue.confirm(second)
    assert.strictEqual(queue.next(), second)
    assert.strictEqual(queue.next()!.at, 4)
    assert.deepStrictEqual(announced, [1, 2, 3])
  })

  it("starts confirmed tasks before all others", () => {
    const [first] = claimed(1)
    const { queue } = make(2, first, entry(2), entry(3))
    assert.strictEqual(queue.next()!.at, 2)
    queue.confirm(first)
    assert.deepStrictEqual([queue.next()!.at, queue.next()!.at], [1, 3])
  })

  it("does not start a task whose claim was withdrawn or taken, however late the confirmation comes", () => {
    const [withdrawn, taken] = claimed(1, 2)
    const { queue } = make(2, withdrawn, taken)
    assert.isUndefined(queue.next())
    queue.withdraw(withdrawn)
    assert.deepStrictEqual(queue.takeAll(), [taken])
    queue.confirm(withdrawn)
    queue.confirm(taken)
    assert.isUndefined(queue.next())
  })

  it("gives back everything that has not started: confirmed, claimed and waiting tasks", () => {
    const [confirmed, unconfirmed] = claimed(1, 2)
    const [waiting, cancelled] = [entry(3), entry(4)]
    const { queue } = make(2, confirmed, unconfirmed, waiting)
    assert.strictEqual(queue.next(), waiting)
    queue.add(waiting)
    queue.add(cancelled)
    cancelled.cancelled = true
    queue.confirm(confirmed)
    assert.deepStrictEqual(queue.takeAll(), [confirmed, unconfirmed, waiting])
    assert.deepStrictEqual(queue.takeAll(), [])
  })
})
