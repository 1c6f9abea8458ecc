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
  const threads = new Set<Thread>()
  let started = 0
  const sizing = new Sizing(threads, { min: 2, max: 4, idleTimeToLive: 100, ...options }, () => {
    started++
    return new Thread()
  })
  sizing.open()
  /** A thread exits. */
  const lose = () => {
    const [thread] = threads
    threads.delete(thread)
    sizing.replace()
  }
  return { lose, sizing, threads, started: () => started }
}

describe("Sizing", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it("starts min threads, and grows to max", () => {
    const { sizing, threads } = make()
    assert.strictEqual(threads.size, 2)
    for (let i = 0; i < 5; i++) sizing.grow()
    assert.strictEqual(threads.size, 4)
  })

  it("ends idle threads, but never below min", () => {
    const { sizing, threads } = make()
    sizing.grow()
    sizing.grow()
    const all = Array.from(threads)
    all[1].idleSince = 50
    sizing.shrink(150)
    assert.deepStrictEqual(all.map(({ ended }) => ended), [false, false, false, false])
    sizing.shrink(151)
    assert.deepStrictEqual(all.map(({ ended }) => ended), [false, true, false, false])
    for (const thread of all) thread.idleSince = 50
    sizing.shrink(151)
    assert.strictEqual(threads.size, 2)
    assert.strictEqual(all.filter(({ ended }) => ended).length, 2)
    assert.isFalse(sizing.aboveMin)
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
    const { lose, sizing, threads } = make()
    lose()
    lose()
    lose()
    assert.strictEqual(threads.size, 0)
    vi.advanceTimersByTime(100)
    assert.strictEqual(threads.size, 1)
    vi.advanceTimersByTime(200)
    assert.strictEqual(threads.size, 2)
    sizing.grow()
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
