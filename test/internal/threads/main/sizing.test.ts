import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { type SizeOptions, Sizing } from "../../../../src/internal/threads/main/sizing.ts"

class Thread {
  idleSince: number | undefined
  ended = false

  end(): void {
    this.ended = true
  }
}

const make = (options: Partial<SizeOptions> = {}) => {
  /** Threads that have not exited. */
  const threads = new Set<Thread>()
  let started = 0
  const sizing = new Sizing<Thread>({ min: 2, max: 4, idleTimeToLive: 100, ...options }, () => {
    started++
    const thread = new Thread()
    threads.add(thread)
    return thread
  })
  sizing.open()
  /** A thread exits. */
  const lose = () => {
    const [thread] = threads
    threads.delete(thread)
    return sizing.replace(thread)
  }
  /** Threads are missing at two moments. */
  const grow = (missing: number) => {
    sizing.grow(missing, performance.now())
    vi.advanceTimersByTime(20)
    sizing.grow(missing, performance.now())
  }
  /** All threads are idle from now on. */
  const idle = () => {
    for (const thread of threads) thread.idleSince = performance.now()
    sizing.idle()
  }
  const ended = () => Array.from(threads).filter(({ ended }) => ended).length
  return { ended, grow, idle, lose, sizing, threads, started: () => started }
}

describe("Sizing", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it("starts min threads, then those that are missing, up to max", () => {
    const { grow, sizing, threads } = make()
    assert.strictEqual(threads.size, 2)
    assert.strictEqual(sizing.room, 2)
    grow(1)
    assert.strictEqual(threads.size, 3)
    grow(5)
    assert.strictEqual(threads.size, 4)
    grow(5)
    assert.strictEqual(threads.size, 4)
    assert.strictEqual(sizing.room, 0)
  })

  it("starts no thread for tasks that wait for less than 20 ms", () => {
    const { sizing, threads } = make()
    for (let i = 0; i < 10; i++) {
      sizing.grow(1, 10 * i)
      sizing.grow(1, 10 * i + 9)
      sizing.grow(0, 10 * i + 9.5)
    }
    assert.strictEqual(threads.size, 2)
  })

  it("adds no thread for a while when one could not start", () => {
    const { grow, sizing, threads } = make()
    sizing.failed(performance.now())
    grow(1)
    assert.strictEqual(threads.size, 2)
    vi.advanceTimersByTime(79)
    sizing.grow(1, performance.now())
    assert.strictEqual(threads.size, 2)
    vi.advanceTimersByTime(1)
    sizing.grow(1, performance.now())
    assert.strictEqual(threads.size, 3)
  })

  it("ends idle threads, but never below min", () => {
    const { ended, grow, idle, sizing, threads } = make()
    grow(2)
    const [, second] = threads
    second.idleSince = performance.now()
    sizing.idle()
    vi.advanceTimersByTime(99)
    assert.strictEqual(ended(), 0)
    vi.advanceTimersByTime(1)
    assert.isTrue(second.ended)
    assert.strictEqual(ended(), 1)
    idle()
    vi.advanceTimersByTime(100)
    assert.strictEqual(ended(), 2)
    vi.advanceTimersByTime(60_000)
    assert.strictEqual(ended(), 2)
  })

  it("gives a thread that worked meanwhile its whole time again", () => {
    const { ended, grow, idle, threads } = make({ min: 1, max: 2 })
    grow(1)
    idle()
    vi.advanceTimersByTime(60)
    for (const thread of threads) thread.idleSince = performance.now()
    vi.advanceTimersByTime(99)
    assert.strictEqual(ended(), 0)
    vi.advanceTimersByTime(1)
    assert.strictEqual(ended(), 1)
  })

  it("waits for longer than a timer of the platform can", () => {
    const month = 30 * 24 * 3600 * 1000
    const { ended, grow, idle } = make({ min: 1, max: 2, idleTimeToLive: month })
    grow(1)
    idle()
    vi.advanceTimersByTime(month - 1)
    assert.strictEqual(ended(), 0)
    vi.advanceTimersByTime(1)
    assert.strictEqual(ended(), 1)
  })

  it("starts the successor of a thread that is about to end, once", () => {
    const { sizing, threads } = make({ min: 1 })
    const [thread] = threads
    assert.strictEqual(sizing.replace(thread), 0)
    assert.strictEqual(threads.size, 2)
    sizing.worked()
    assert.isUndefined(sizing.replace(thread))
    assert.strictEqual(threads.size, 2)
  })

  it("replaces a lost thread at once, and each next one after a delay that doubles up to 10 s", () => {
    const { lose, sizing, started } = make({ min: 1 })
    const delays: Array<number> = []
    for (let i = 0; i < 10; i++) {
      const before = started()
      const since = Date.now()
      lose()
      while (started() === before) vi.advanceTimersByTime(1)
      delays.push(Date.now() - since)
    }
    assert.deepStrictEqual(delays, [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    sizing.worked()
    const before = started()
    lose()
    assert.strictEqual(started(), before + 1)
  })

  it("replaces several lost threads one after the other, and none that is above min", () => {
    const { grow, lose, threads } = make()
    lose()
    lose()
    lose()
    assert.strictEqual(threads.size, 0)
    vi.advanceTimersByTime(100)
    assert.strictEqual(threads.size, 1)
    vi.advanceTimersByTime(200)
    assert.strictEqual(threads.size, 2)
    grow(1)
    assert.strictEqual(threads.size, 3)
    lose()
    vi.advanceTimersByTime(60_000)
    assert.strictEqual(threads.size, 2)
  })

  it("starts no replacement after it is closed", () => {
    const { lose, sizing, started } = make()
    lose()
    lose()
    const before = started()
    sizing.close()
    vi.advanceTimersByTime(60_000)
    assert.strictEqual(started(), before)
  })
})
