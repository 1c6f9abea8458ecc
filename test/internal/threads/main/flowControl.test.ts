import { assert, describe, it } from "@effect/vitest"
import { canBeStolen, InFlightWork } from "../../../../src/internal/threads/main/flowControl.ts"
import type { Request } from "../../../../src/internal/threads/main/request.ts"
import { Requests } from "../../../../src/internal/threads/main/requests.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import { chunk, Recorder } from "./fixtures.ts"

const make = () => {
  const shared = SharedState.make()
  return { requests: new Requests(new SharedState(shared), new Recorder()), thread: new SharedState(shared) }
}

/** How many chunks are sent to a thread that has so many of them already. */
const sent = (
  inFlight: number,
  options: { readonly expectedMicros: number; readonly bytes: number },
  threads = 1,
  concurrency = 1
) => {
  const { requests } = make()
  let request: Request | undefined
  for (let i = 0; i < inFlight; i++) {
    const added = chunk(1, options)
    if (request?.fits(added, SharedState.maxItems) === true) requests.extend(request, added)
    else request = requests.add(added)
  }
  const work = new InFlightWork(requests.all, threads, concurrency)
  let count = 0
  while (work.hasCapacity && count < 1000) {
    work.add(chunk(1, options))
    count++
  }
  return count
}

const MiB = 1024 * 1024

describe("Flow control", () => {
  it("sends two chunks, however long, large or unknown they are", () => {
    assert.strictEqual(sent(0, { expectedMicros: 1e9, bytes: 1 }), 2)
    assert.strictEqual(sent(0, { expectedMicros: 1, bytes: 1e12 }), 2)
    assert.strictEqual(sent(0, { expectedMicros: 0, bytes: 0 }), 2)
    assert.strictEqual(sent(1, { expectedMicros: 0, bytes: 0 }), 1)
    assert.strictEqual(sent(2, { expectedMicros: 0, bytes: 0 }), 0)
  })

  it("sends as many items as the thread runs at once and one more, however long, large or unknown they are", () => {
    for (const work of [{ expectedMicros: 1e9, bytes: 1 }, { expectedMicros: 1, bytes: 1e12 }]) {
      assert.strictEqual(sent(0, work, 1, 8), 9)
      assert.strictEqual(sent(8, work, 1, 8), 1)
      assert.strictEqual(sent(9, work, 1, 8), 0)
    }
  })

  it("sends up to 512 small chunks, and more only when half of them are done", () => {
    const small = { expectedMicros: 1, bytes: 1 }
    assert.strictEqual(sent(0, small), 512)
    assert.strictEqual(sent(256, small), 256)
    assert.strictEqual(sent(257, small), 0)
  })

  it("sends chunks for at most about 8 ms of work, and more only when half of them are done", () => {
    assert.strictEqual(sent(0, { expectedMicros: 200, bytes: 1 }), 40)
    assert.strictEqual(sent(20, { expectedMicros: 200, bytes: 1 }), 20)
    assert.strictEqual(sent(21, { expectedMicros: 200, bytes: 1 }), 0)
    assert.strictEqual(sent(0, { expectedMicros: 1000, bytes: 1 }), 8)
    assert.strictEqual(sent(2, { expectedMicros: 3000, bytes: 1 }), 1)
  })

  it("sends chunks for at most about 2 ms of work if their payloads are more than 256 KiB", () => {
    const large = { expectedMicros: 200, bytes: 100 * 1024 }
    assert.strictEqual(sent(0, large), 10)
    assert.strictEqual(sent(5, large), 5)
    assert.strictEqual(sent(6, large), 0)
    assert.strictEqual(sent(0, { expectedMicros: 200, bytes: 8 * 1024 }), 33)
  })

  it("bounds the bytes of all threads, and refills when half of them are done", () => {
    const large = { expectedMicros: 1, bytes: MiB }
    assert.strictEqual(sent(0, large), 32)
    assert.strictEqual(sent(0, large, 4), 8)
    assert.strictEqual(sent(4, large, 4), 4)
    assert.strictEqual(sent(5, large, 4), 0)
  })

  it("counts only chunks with items that have no outcome", () => {
    const { requests } = make()
    const first = requests.add(chunk(2, { expectedMicros: 3000 }))
    first.add(chunk(1, { expectedMicros: 3000 }))
    requests.publish(first)
    const hasCapacity = () => new InFlightWork(requests.all, 1, 1).hasCapacity
    assert.isFalse(hasCapacity())
    requests.succeed(first, 0, undefined)
    assert.isTrue(hasCapacity())
    first.add(chunk(1, { expectedMicros: 3000 }))
    assert.isFalse(hasCapacity())
    requests.succeed(first, 1, undefined)
    requests.succeed(first, 2, undefined)
    assert.isTrue(hasCapacity())
  })

  it("lets others steal items that wait unclaimed behind more than 2 ms of work", () => {
    const { requests, thread } = make()
    const request = requests.add(chunk(6, { expectedMicros: 500 }))
    requests.publish(request)
    assert.isTrue(canBeStolen(requests))
    for (const at of [0, 1]) {
      thread.claim(request.requestSlot)
      assert.isTrue(canBeStolen(requests))
      requests.succeed(request, at, undefined)
    }
    assert.isFalse(canBeStolen(requests))
    // A short one behind a long one that runs.
    const long = make()
    long.requests.publish(long.requests.add(chunk(1, { expectedMicros: 3000 })))
    long.requests.publish(long.requests.add(chunk(1, { expectedMicros: 10 })))
    long.thread.claim(0)
    assert.isTrue(canBeStolen(long.requests))
    long.thread.claim(1)
    assert.isFalse(canBeStolen(long.requests))
  })
})
