/**
 * All timers of one dispatcher: a binary heap, and one sleeping fiber for its earliest
 * timer. Time is the `Clock`'s, so that a test may move it, and a timer costs no fiber.
 * A cleared timer does not wake the fiber, unless it was the last one: a fiber that
 * sleeps keeps the process alive.
 *
 * Must stay true: `heapIndex` is a timer's place in the heap, or -1; a timer
 * fires at most once, never early, and in the order of time.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** How long the fiber may sleep after the last timer was cleared, in milliseconds. */
const IDLE_SLEEP = 100

/** A callback that is due at a moment of the clock's monotonic time. */
export interface Timer {
  readonly at: number
  readonly fire: () => void
  /** Place in the heap, -1 while it does not wait. */
  heapIndex: number
}

export class Timers {
  private readonly heap: Array<Timer> = []
  private sleeper: Fiber.Fiber<void> | undefined
  private sleepingUntil = Infinity
  /** The fiber sleeps no longer than it may without a timer. */
  private sleepsBriefly = false
  private closed = false
  private readonly clock: Clock.Clock
  /** The clock is that of the process, which can be read without a bigint. */
  private readonly isLive: boolean
  private readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>

  constructor(clock: Clock.Clock, runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.clock = clock
    this.isLive = clock === Context.get(Context.empty(), Clock.Clock)
    this.runFork = runFork
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.isLive ? performance.now() : Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Calls `fire` once, in `millis` milliseconds. */
  set(millis: number, fire: () => void): Timer {
    const timer: Timer = { at: this.now() + millis, fire, heapIndex: this.heap.length }
    if (timer.at === Infinity || this.closed) {
      timer.heapIndex = -1
      return timer
    }
    this.heap.push(timer)
    this.up(timer.heapIndex)
    this.arm()
    return timer
  }

  clear(timer: Timer): void {
    if (timer.heapIndex === -1) return
    this.remove(timer)
    if (this.heap.length === 0 && this.sleeper !== undefined && !this.sleepsBriefly) this.sleepBriefly()
  }

  /** Drops every timer, and every later one. */
  close(): void {
    this.closed = true
    for (const timer of this.heap) timer.heapIndex = -1
    this.heap.length = 0
    this.arm()
  }

  private arm(): void {
    const next = this.heap.length === 0 ? Infinity : this.heap[0].at
    if (next === this.sleepingUntil || (this.sleeper !== undefined && next > this.sleepingUntil && next !== Infinity)) {
      // Waking early finds nothing due and sleeps again: cheaper than interrupting a fiber per cleared timer.
      return
    }
    this.sleepAgain(next)
  }

  /** For tasks that run one after the other, the fiber is interrupted once in this time, and not with each of them. */
  private sleepBriefly(): void {
    const until = this.now() + IDLE_SLEEP
    if (until < this.sleepingUntil) this.sleepAgain(until)
    this.sleepsBriefly = true
  }

  private sleepAgain(until: number): void {
    const previous = this.sleeper
    this.sleeper = undefined
    this.sleepingUntil = Infinity
    if (previous !== undefined) previous.interruptUnsafe()
    if (until !== Infinity) this.sleep(until)
  }

  private sleep(until: number): void {
    this.sleepingUntil = until
    this.sleepsBriefly = false
    // Timers of the platform fire up to a millisecond early, so the time left is rounded up.
    const fiber = this.runFork(this.clock.sleep(Duration.millis(Math.max(0, Math.ceil(until - this.now())))))
    this.sleeper = fiber
    fiber.addObserver(() => {
      if (this.sleeper !== fiber) return
      this.sleeper = undefined
      this.sleepingUntil = Infinity
      this.fireDue()
      this.arm()
    })
  }

  private fireDue(): void {
    const now = this.now()
    while (this.heap.length > 0 && this.heap[0].at <= now) {
      const timer = this.heap[0]
      this.remove(timer)
      timer.fire()
    }
  }

  private remove(timer: Timer): void {
    const { heap } = this
    const index = timer.heapIndex
    const last = heap.pop()!
    timer.heapIndex = -1
    if (last === timer) return
    heap[index] = last
    last.heapIndex = index
    this.up(index)
    this.down(last.heapIndex)
  }

  private up(index: number): void {
    const { heap } = this
    const timer = heap[index]
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent].at <= timer.at) break
      heap[index] = heap[parent]
      heap[index].heapIndex = index
      index = parent
    }
    heap[index] = timer
    timer.heapIndex = index
  }

  private down(index: number): void {
    const { heap } = this
    const timer = heap[index]
    while (true) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++
      if (heap[child].at >= timer.at) break
      heap[index] = heap[child]
      heap[index].heapIndex = index
      index = child
    }
    heap[index] = timer
    timer.heapIndex = index
  }
}
