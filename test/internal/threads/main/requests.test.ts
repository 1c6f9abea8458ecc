import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { RequestSegment } from "../../../../src/internal/threads/main/request.ts"
import { Requests } from "../../../../src/internal/threads/main/requests.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import { chunk, item, Recorder } from "./fixtures.ts"

const make = () => {
  const shared = SharedState.make()
  const recorder = new Recorder()
  return {
    recorder,
    requests: new Requests(new SharedState(shared), recorder),
    thread: new SharedState(shared)
  }
}

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))

describe("Requests", () => {
  it.prop(
    "gives back exactly the items that the thread has not claimed, by chunk, once",
    {
      sizes: Schema.NonEmptyArray(Size).check(Schema.isMaxLength(5)),
      claims: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 25 })),
      settled: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 24 })))
    },
    ({ claims, settled, sizes }) => {
      const { recorder, requests, thread } = make()
      const [first, ...rest] = sizes.map((size) => chunk(size))
      const request = requests.add(first)
      for (const next of rest) requests.extend(request, next)
      assert.strictEqual(requests.sent, request.items.length)
      requests.publish(request)
      // The items of all chunks in a row, by the identity of their chunk.
      const flat = [first, ...rest].flatMap(({ id, items }) => items.map((_, at) => [id, at] as const))
      const claimed = Math.min(claims, flat.length)
      for (let i = 0; i < claimed; i++) thread.claim(request.requestSlot)
      const closed = new Set(settled.filter((at) => at < claimed))
      for (const at of closed) requests.succeed(request, at, "value")
      assert.deepStrictEqual(
        recorder.events,
        Array.from(closed, (at) => ["succeed", ...flat[at], "value"] as const)
      )
      recorder.events.length = 0
      requests.revoke(request)
      requests.revoke(request)
      const requeued = recorder.events.flatMap(([event, id, from, to]) => {
        assert.strictEqual(event, "requeue")
        assert.isBelow(Number(from), Number(to))
        return Array.from({ length: Number(to) - Number(from) }, (_, i) => [id, Number(from) + i])
      })
      assert.deepStrictEqual(requeued, flat.slice(claimed).map(([id, at]) => [id, at]))
      assert.strictEqual(request.open, claimed - closed.size)
      assert.strictEqual(requests.sent, claimed)
      assert.strictEqual(thread.claim(request.requestSlot), -1)
      for (let at = 0; at < flat.length; at++) assert.strictEqual(request.isOpen(at), at < claimed && !closed.has(at))
      const openChunks = new Set(flat.filter((_, at) => request.isOpen(at)).map(([id]) => id))
      assert.strictEqual(request.openSegments, openChunks.size)
      const firstOpen = flat.findIndex((_, at) => request.isOpen(at))
      assert.strictEqual(request.first, firstOpen === -1 ? flat.length : firstOpen)
    },
    { arbitrary: { runs: 1000 } }
  )

  it("takes nothing back of moved payloads, unless all is revoked", () => {
    const { recorder, requests } = make()
    const moved = chunk([item(new ArrayBuffer(8), { transfer: "payload" })])
    const copied = chunk(2)
    for (const next of [moved, copied]) requests.publish(requests.add(next))
    requests.revokeCopied()
    assert.deepStrictEqual(recorder.events, [["requeue", copied.id, 0, 2]])
    requests.revokeAll()
    assert.deepStrictEqual(recorder.events.slice(1), [["requeue", moved.id, 0, 1]])
  })

  it("keeps a request apart whose payload is moved, that was revoked, or that would be too long", () => {
    const { requests } = make()
    const request = requests.add(chunk(3))
    assert.isTrue(request.fits(chunk(2), 5))
    assert.isFalse(request.fits(chunk(3), 5))
    const moved = () => chunk([item(0, { transfer: "both" })])
    assert.isFalse(request.fits(moved(), 5))
    assert.isFalse(requests.add(moved()).fits(chunk(1), 5))
    requests.publish(request)
    requests.revoke(request)
    assert.isFalse(request.fits(chunk(1), 5))
  })

  it("publishes nothing of a request that was revoked before it was sent", () => {
    const { recorder, requests, thread } = make()
    const cancelled = chunk(3)
    const request = requests.add(cancelled)
    requests.revoke((cancelled.note as RequestSegment).request)
    assert.deepStrictEqual(recorder.events, [["requeue", cancelled.id, 0, 3]])
    requests.publish(request)
    assert.strictEqual(thread.claim(request.requestSlot), -1)
  })

  it("gives a slot to one request at a time, until it is closed", () => {
    const { requests } = make()
    const opened = Array.from({ length: 64 }, () => requests.add(chunk(1)))
    assert.isTrue(requests.full)
    assert.strictEqual(new Set(opened.map(({ requestSlot }) => requestSlot)).size, 64)
    requests.revoke(opened[7])
    assert.isTrue(requests.full)
    requests.close(opened[7])
    assert.isFalse(requests.full)
    assert.isUndefined(requests.find(opened[7].id))
    const next = requests.add(chunk(1))
    assert.strictEqual(next.requestSlot, opened[7].requestSlot)
    assert.strictEqual(requests.find(next.id), next)
    assert.notInclude(opened.map(({ id }) => id), next.id)
  })

  it("finds the request of the culprit", () => {
    const { requests, thread } = make()
    const [, second] = [requests.add(chunk(2)), requests.add(chunk(2))]
    assert.isUndefined(requests.culprit())
    thread.enterItem(second.requestSlot, 1)
    assert.deepStrictEqual(requests.culprit(), { request: second, at: 1 })
  })
})
