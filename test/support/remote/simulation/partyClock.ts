/** The clock of one process of a simulation: it may run fast or slow, jump, or stand still with its process. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { World } from "../../../../src/testing/simulation/world.ts"

export class PartyClock implements Clock.Clock {
  private readonly world: World
  private rate = 1
  /** The monotonic time at a time of the world: both in milliseconds. */
  private own = 0
  private since = 0
  private wallOffset = 0
  private frozen = false
  /** Called when the process goes on, or when the clock has changed. */
  private readonly waiting = new Set<() => void>()

  constructor(world: World) {
    this.world = world
  }

  get isFrozen(): boolean {
    return this.frozen
  }

  /** Milliseconds of the monotonic clock. */
  get now(): number {
    return this.own + (this.world.now - this.since) * this.rate
  }

  /** From now on, so many milliseconds pass in one. */
  runAt(rate: number): void {
    this.own = this.now
    this.since = this.world.now
    this.rate = rate
    this.changed()
  }

  /** The monotonic clock jumps: the process did not run for so long, though others did not notice. */
  jump(millis: number): void {
    this.own += millis
    this.changed()
  }

  /** The time of day is set to another one. */
  setWall(offset: number): void {
    this.wallOffset = offset
  }

  /** The process is stopped. Its monotonic clock goes on. */
  freeze(): void {
    this.frozen = true
  }

  thaw(): void {
    this.frozen = false
    this.changed()
  }

  /** Calls `f` as soon as the process runs. */
  onRunning(f: () => void): void {
    if (!this.frozen) return f()
    const retry = () => {
      if (this.frozen) return
      this.waiting.delete(retry)
      f()
    }
    this.waiting.add(retry)
  }

  private changed(): void {
    for (const wake of Array.from(this.waiting)) if (this.waiting.has(wake)) wake()
  }

  currentTimeMillisUnsafe = () => this.now + this.wallOffset
  currentTimeNanosUnsafe = () => BigInt(Math.round((this.now + this.wallOffset) * 1e6))
  monotonicTimeNanosUnsafe = () => BigInt(Math.round(this.now * 1e6))
  currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return resume(Effect.void)
      if (millis === Infinity) return undefined
      const until = this.now + millis
      let cancel = () => {}
      const end = () => {
        cancel()
        this.waiting.delete(look)
      }
      const look = () => {
        cancel()
        if (this.frozen) return
        if (this.now >= until - 1e-6) {
          end()
          return resume(Effect.void)
        }
        cancel = this.world.sleepUntil(this.world.now + (until - this.now) / this.rate, look)
      }
      this.waiting.add(look)
      look()
      return Effect.sync(end)
    })
  }
}
