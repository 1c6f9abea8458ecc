/**
 * The number of threads of a pool: between `min` and `max`, not counting those that are about to end. It grows while
 * more tasks wait than the threads that start will run, shrinks by threads that stay idle, and replaces lost threads.
 * A first replacement starts at once; each further one waits twice as long as the one before, until a thread works
 * again, so that a thread that crashes while it starts does not spin. A thread that fails to start delays growth alike.
 */
import { platform } from "#platform"
import { clampTimeout } from "../../timeout.ts"

const FIRST_DELAY = 100
const LONGEST_DELAY = 10_000

/** How long tasks must wait before a thread is started for them, in milliseconds: it takes much longer to start. */
const MIN_WAIT = 20

/** The part of a thread that its pool's size depends on. */
export interface SizedThread {
  readonly idleSince: number | undefined
  readonly end: () => void
}

export interface SizeOptions {
  readonly min: number
  readonly max: number
  /** Milliseconds. */
  readonly idleTimeToLive: number
}

export class Sizing<T extends SizedThread> {
  /** Threads that start or work, but for those that are about to end. */
  private readonly threads = new Set<T>()
  private readonly options: SizeOptions
  private readonly start: () => T
  private restart: ReturnType<typeof setTimeout> | undefined
  private shrinkTimer: ReturnType<typeof setTimeout> | undefined
  /** Milliseconds that the next replacement waits; 0: it starts at once. */
  private delay = 0
  /** The time since when tasks wait while all slots are in use. */
  private fullSince: number | undefined
  /** No thread is added before this time. */
  private growAfter = 0
  private closed = false

  constructor(options: SizeOptions, start: () => T) {
    this.options = options
    this.start = start
  }

  /** Starts the first threads. */
  open(): void {
    for (let i = 0; i < this.options.min; i++) this.add()
  }

  /** Starts no more threads. */
  close(): void {
    this.closed = true
    clearTimeout(this.restart)
    clearTimeout(this.shrinkTimer)
  }

  // --- growing ---------------------------------------------------------------

  /** The number of threads that can be added. */
  get room(): number {
    return this.closed ? 0 : this.options.max - this.threads.size
  }

  /** Threads are missing for the tasks that wait; 0: none is. They are added once tasks have waited for some time. */
  grow(missing: number, now: number): void {
    if (missing <= 0) {
      this.fullSince = undefined
      return
    }
    this.fullSince ??= now
    if (now - this.fullSince < MIN_WAIT || now < this.growAfter) return
    for (let i = Math.min(missing, this.room); i > 0; i--) this.add()
  }

  // --- shrinking -------------------------------------------------------------

  /** A thread has become idle: ends it if it stays so. */
  idle(): void {
    if (this.threads.size > this.options.min) this.shrinkIn(this.options.idleTimeToLive)
  }

  private shrinkIn(millis: number): void {
    // An idle pool does not keep the process alive.
    if (this.shrinkTimer !== undefined) return
    this.shrinkTimer = setTimeout(() => {
      this.shrinkTimer = undefined
      this.shrink(performance.now())
    }, clampTimeout(millis))
    platform.unref(this.shrinkTimer)
  }

  /** Ends threads above `min` that have been idle for too long. */
  private shrink(now: number): void {
    let next = Infinity
    for (const thread of this.threads) {
      if (this.threads.size <= this.options.min) return
      if (thread.idleSince === undefined) continue
      const left = thread.idleSince + this.options.idleTimeToLive - now
      if (left <= 0) {
        this.threads.delete(thread)
        thread.end()
      } else {
        next = Math.min(next, left)
      }
    }
    if (next < Infinity) this.shrinkIn(next)
  }

  // --- replacing -------------------------------------------------------------

  /** A thread worked: the next replacement starts at once. */
  worked(): void {
    this.delay = 0
    this.growAfter = 0
  }

  /** A thread could not start. */
  failed(now: number): void {
    this.growAfter = now + Math.max(this.delay, FIRST_DELAY)
  }

  /**
   * A thread has ended or is about to: starts a successor. Returns the milliseconds until the next thread starts, if
   * one is missing.
   */
  replace(thread: T): number | undefined {
    this.threads.delete(thread)
    return this.fill()
  }

  /** Starts threads up to `min`, each when its delay is over. */
  private fill(): number | undefined {
    if (this.closed || this.threads.size >= this.options.min) return undefined
    if (this.restart !== undefined) return this.delay
    const { delay } = this
    this.delay = delay === 0 ? FIRST_DELAY : Math.min(delay * 2, LONGEST_DELAY)
    if (delay === 0) {
      this.add()
      this.fill()
      return 0
    }
    this.restart = setTimeout(() => {
      this.restart = undefined
      this.add()
      this.fill()
    }, delay)
    return delay
  }

  private add(): void {
    this.threads.add(this.start())
  }
}
