import { assert, describe, it } from "@effect/vitest"
import { ReceivedItems, SentItems } from "../../../../src/internal/threads/protocol/messageState.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"

describe("without shared memory", () => {
  it("items that were sent count as claimed, and are not revoked", () => {
    const main = new SentItems(2)
    assert.strictEqual(main.requestSlots, 2)
    main.open(1, 0)
    assert.strictEqual(main.revoke(1), 0)
    main.open(1, 7)
    assert.strictEqual(main.claimed(1), 7)
    assert.strictEqual(main.revoke(1), 7)
    assert.isFalse(main.hasEnded())
  })

  it("a thread claims what it has received, once, and keeps it when it revokes", () => {
    const thread = new ReceivedItems()
    thread.received(0, 2)
    assert.strictEqual(thread.claim(0), 0)
    assert.strictEqual(thread.revoke(0), 2)
    thread.markCancelled(0, 1)
    assert.isTrue(thread.isCancelled(0, 1))
    assert.strictEqual(thread.claim(0), 1)
    assert.isTrue(thread.isExhausted(0))
    assert.strictEqual(thread.claim(0), -1)
    thread.received(0, 2)
    assert.isFalse(thread.isCancelled(0, 1))
    assert.strictEqual(thread.claim(0), 0)
  })

  it("telemetry in flight is bounded, and acknowledged in hundreds", () => {
    const main = new SentItems(1)
    const thread = new ReceivedItems()
    const send = (): number => {
      let sent = 0
      while (thread.acquireTelemetry()) sent++
      return sent
    }
    const replay = (records: number): void => {
      for (let i = 0; i < records; i++) if (main.releaseTelemetry()) thread.acknowledgeTelemetry()
    }
    assert.strictEqual(send(), SharedState.maxTelemetry)
    replay(99)
    assert.strictEqual(send(), 0)
    replay(1)
    assert.strictEqual(send(), 100)
    replay(1000)
    assert.strictEqual(send(), 1000)
  })
})
