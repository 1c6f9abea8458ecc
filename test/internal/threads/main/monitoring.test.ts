import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Deadlines } from "../../../../src/internal/threads/main/deadlines.ts"
import { Progress } from "../../../../src/internal/threads/main/progress.ts"
import { Requests } from "../../../../src/internal/threads/main/requests.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import { chunk, item, Recorder } from "./fixtures.ts"

const make = () => {
  const shared = SharedState.make()
  return { requests: new Requests(new SharedState(shared), new Recorder()), thread: new SharedState(shared) }
}

let now = 0

beforeEach(() => {
  now = 1000
  vi.spyOn(performance, "now").mockImplementation(() => now)
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe("Progress", () => {
  const open = (items: number, concurrency = 1) => {
    const { requests, thread } = make()
    const progress = new Progress(requests, concurrency)
    progress.beforeOpen()
    const request = requests.add(chunk(items))
    requests.publish(request)
    return { progress, request, requests, claim: () => thread.claim(request.requestSlot) }
  }

  it("finds a thread stalled that claims and settles nothing for 4 ms while items wait", () => {
    const { claim, progress } = open(3)
    claim()
    assert.strictEqual(progress.observe(now, 0), "progressed")
    assert.isUndefined(progress.observe(now + 3.9, 0))
    assert.strictEqual(progress.observe(now + 4, 0), "stalled")
    claim()
    assert.strictEqual(progress.observe(now + 6, 0), "progressed")
    assert.isUndefined(progress.observe(now + 8, 0))
    assert.strictEqual(progress.observe(now + 8, 1), "progressed")
  })

  it("gives an item as much time as its like take, and 100 ms at most", () => {
    const cases: ReadonlyArray<readonly [expectedMicros: number, options: object, concurrency: number, stall: number]> =
      [
        [500, {}, 1, 4],
        [8000, {}, 1, 32],
        [60_000, {}, 1, 100],
        [8000, {}, 2, 4],
        [8000, { taskTimeout: 1000 }, 1, 4],
        [8000, { idempotent: false }, 1, 4]
      ]
    for (const [expectedMicros, options, concurrency, stall] of cases) {
      const { requests, thread } = make()
      const progress = new Progress(requests, concurrency)
      const request = requests.add(chunk([item(0, options), item(1, options), item(2, options)], { expectedMicros }))
      requests.publish(request)
      thread.claim(request.requestSlot)
      assert.strictEqual(progress.observe(now, 0), "progressed")
      assert.isUndefined(progress.observe(now + stall - 0.1, 0))
      assert.strictEqual(progress.observe(now + stall, 0), "stalled")
    }
  })

  it("finds a thread stalled in which nothing waits only if it runs as much as it can", () => {
    for (const [concurrency, expected] of [[1, "stalled"], [2, undefined]] as const) {
      const { claim, progress } = open(1, concurrency)
      claim()
      progress.observe(now, 0)
      assert.strictEqual(progress.observe(now + 10, 0), expected)
    }
  })

  it("does not find a thread stalled in which nothing runs", () => {
    const { claim, progress, request, requests } = open(3)
    assert.isUndefined(progress.observe(now + 100, 0))
    claim()
    requests.succeed(request, 0, undefined)
    progress.observe(now + 100, 1)
    assert.isUndefined(progress.observe(now + 200, 1))
  })

  it("counts from when it was sent something, if it had nothing left to claim", () => {
    const { claim, progress, requests } = open(1, 2)
    claim()
    progress.observe(now, 0)
    now += 50
    progress.beforeOpen()
    requests.publish(requests.add(chunk(1)))
    assert.isUndefined(progress.observe(now + 3, 0))
    // Another request does not give it more time.
    now += 3
    progress.beforeOpen()
    requests.publish(requests.add(chunk(1)))
    assert.strictEqual(progress.observe(now + 1, 0), "stalled")
  })
})

describe("Deadlines", () => {
  const GRACE = 100

  const open = (...timeouts: ReadonlyArray<number | undefined>) => {
    const { requests, thread } = make()
    const deadlines = new Deadlines(requests, GRACE)
    const request = requests.add(chunk(timeouts.map((taskTimeout) => item(0, { taskTimeout }))))
    requests.publish(request)
    const check = (at: number) => {
      const { overdue, passed } = deadlines.check(at)
      return { passed, overdue: overdue.map(({ at, failure }) => [at, failure?._tag]) }
    }
    return { check, deadlines, request, requests, thread }
  }

  const none = { passed: false, overdue: [] }

  it("gives an item its timeout and the grace period from when it is first seen to run, and a second look", () => {
    const { check, request, thread } = open(50, 50)
    assert.deepStrictEqual(check(now), none)
    thread.claim(request.requestSlot)
    assert.deepStrictEqual(check(now + 1000), none)
    assert.deepStrictEqual(check(now + 1149), none)
    assert.deepStrictEqual(check(now + 1150), { passed: true, overdue: [] })
    assert.deepStrictEqual(check(now + 1152), { passed: true, overdue: [[0, "TimedOut"]] })
  })

  it("ends no thread for an item that has ended, though its outcome has not arrived", () => {
    const { check, request, thread } = open(50)
    thread.claim(request.requestSlot)
    check(now)
    assert.strictEqual(check(now + 150).passed, true)
    thread.markEnded(request.requestSlot, 0)
    assert.deepStrictEqual(check(now + 152), none)
    assert.deepStrictEqual(check(now + 1000), none)
  })

  it("forgets items that have their outcome", () => {
    const { check, request, requests, thread } = open(50)
    thread.claim(request.requestSlot)
    check(now)
    requests.succeed(request, 0, undefined)
    assert.deepStrictEqual(check(now + 1000), none)
    assert.strictEqual(request.deadlines.size, 0)
  })

  it("gives a cancelled item the grace period, and no outcome", () => {
    const { check, deadlines, request, thread } = open(undefined, undefined)
    thread.claim(request.requestSlot)
    deadlines.cancel(request, 0)
    assert.deepStrictEqual(check(now + 99), none)
    assert.deepStrictEqual(check(now + 100), { passed: true, overdue: [] })
    assert.deepStrictEqual(check(now + 102), { passed: true, overdue: [[0, undefined]] })
  })
})
