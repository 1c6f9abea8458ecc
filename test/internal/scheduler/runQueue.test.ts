import { assert, describe, it } from "@effect/vitest"
import { RunQueue } from "../../../src/internal/scheduler/runQueue.ts"
import type { ProducerSubscription } from "../../../src/internal/scheduler/subscription.ts"
import { entryOf, ListProducer, subscriptionTo } from "../../support/scheduler/fixtures.ts"

const subscriptions = (count: number) => Array.from({ length: count }, () => subscriptionTo(new ListProducer()))

const sameItems = (actual: ReadonlyArray<unknown>, expected: ReadonlyArray<unknown>) => {
  assert.strictEqual(actual.length, expected.length)
  actual.forEach((item, i) => assert.strictEqual(item, expected[i]))
}

const contents = (queue: RunQueue): Array<ProducerSubscription> => {
  const all: Array<ProducerSubscription> = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) all.push(next)
  return all
}

describe("RunQueue", () => {
  it("holds each subscription once, in the order in which they were added", () => {
    const queue = new RunQueue()
    const [a, b, c] = subscriptions(3)
    for (const subscription of [a, b, a, c, b]) queue.add(subscription)
    assert.strictEqual(queue.length, 3)
    sameItems(contents(queue), [a, b, c])
    assert.deepStrictEqual([a, b, c].map(({ queued }) => queued), [false, false, false])
  })

  it("puts the subscription whose turn ended last, or drops it", () => {
    const queue = new RunQueue()
    const [a, b, c] = subscriptions(3)
    for (const subscription of [a, b, c]) queue.add(subscription)
    queue.rotate(true)
    assert.strictEqual(queue.first, b)
    queue.rotate(false)
    assert.deepStrictEqual([a, b, c].map(({ queued }) => queued), [true, false, true])
    sameItems(contents(queue), [c, a])
  })

  it("says that it grew, also through a requeued entry", () => {
    const queue = new RunQueue()
    const [a] = subscriptions(1)
    const entry = entryOf(3)
    entry.subscription = a
    queue.requeue(entry)
    assert.isTrue(queue.grew)
    assert.strictEqual(queue.first, a)
    assert.isTrue(entry.holdsPlace)
    assert.strictEqual(a.shift(), entry)
  })

  it("does not requeue an entry that is not wanted", () => {
    const queue = new RunQueue()
    const [a] = subscriptions(1)
    const [cancelled, late] = [entryOf(0), entryOf(9)]
    for (const entry of [cancelled, late]) entry.subscription = a
    cancelled.cancelled = true
    a.cancelAfter(5)
    queue.requeue(cancelled)
    queue.requeue(late)
    assert.strictEqual(queue.length, 0)
    assert.strictEqual(a.requeued.length, 0)
  })

  it("starts requeued entries by index, before those of the producer", () => {
    const queue = new RunQueue()
    const a = subscriptionTo(new ListProducer([entryOf(7), entryOf(8)]))
    for (const index of [4, 2, 6]) {
      const entry = entryOf(index)
      entry.subscription = a
      queue.requeue(entry)
    }
    assert.deepStrictEqual(Array.from({ length: 5 }, () => a.shift()?.index), [2, 4, 6, 7, 8])
  })

  it("does not grow with subscriptions that ended", () => {
    const queue = new RunQueue()
    const open = subscriptions(3)
    for (const subscription of open) queue.add(subscription)
    for (const subscription of subscriptions(10_000)) {
      queue.add(subscription)
      subscription.end(() => {})
      queue.ended(subscription)
      assert.isAtMost(queue.length, 200)
    }
    sameItems(contents(queue).filter(({ ended }) => !ended), open)
  })

  it("keeps its order while a chunk is filled", () => {
    const queue = new RunQueue()
    const all = subscriptions(200)
    for (const subscription of all) queue.add(subscription)
    queue.rotating = true
    for (const subscription of all) {
      subscription.end(() => {})
      queue.ended(subscription)
    }
    assert.strictEqual(queue.length, 200)
  })
})
