/**
 * The number of threads of a pool: between `min` and `max`. It grows while all threads are full, shrinks by threads
 * that stay idle, and replaces lost threads. A first replacement starts at once; each further one waits twice as long
 * as the one before, until a thread works again, so that a thread that crashes while it starts does not spin.
 */

const FIRST_DELAY = 100
const LONGEST_DELAY = 10_000

/** The part of a thread that its pool's size depends on. */
export interface SizedThread {
  readonly idleSince: number | undefined
  readonly end: (ended: () => void) => void
}

export interface SizeOptions {
  readonly min: number
  readonly max: number
  /** Milliseconds. */
  readonly idleTimeToLive: number
}

export class Sizing<T extends SizedThread> {
  private readonly threads: Set<T>
  private readonly options: SizeOptions
  private readonly start: () => T
  private restart: ReturnType<typeof setTimeout> | undefined
  /** Milliseconds that the next replacement waits; 0: it starts at once. */
  private delay = 0

  /** `threads` are all threads that have not exited, but for those that are ended because they are idle. */
  constructor(threads: Set<T>, options: SizeOptions, start: () => T) {
    this.threads = threads
    this.options = options
    this.start = start
  }

  /** Starts the first threads. */
  open(): void {
    for (let i = 0; i < this.options.min; i++) this.add()
  }

  /** Starts no more replacements. */
  close(): void {
    clearTimeout(this.restart)
  }

  /** There are threads that may be idle for too long. */
  get aboveMin(): boolean {
    return this.threads.size > this.options.min
  }

  grow(): void {
    if (this.threads.size < this.options.max) this.add()
  }

  /** Ends threads above `min` that have been idle for too long. */
  shrink(now: number): void {
    for (const thread of this.threads) {
      if (this.aboveMin && thread.idleSince !== undefined && now - thread.idleSince > this.options.idleTimeToLive) {
        this.threads.delete(thread)
        thread.end(() => {})
      }
    }
  }

  /** A thread worked: the next replacement starts at once. */
  worked(): void {
    this.delay = 0
  }

  /** Starts threads up to `min`, each when its delay is over. */
  replace(): void {
    if (this.restart !== undefined || this.threads.size >= this.options.min) return
    const { delay } = this
    this.delay = delay === 0 ? FIRST_DELAY : Math.min(delay * 2, LONGEST_DELAY)
    if (delay === 0) {
      this.add()
      return this.replace()
    }
    this.restart = setTimeout(() => {
      this.restart = undefined
      this.add()
      this.replace()
    }, delay)
  }

  private add(): void {
    this.threads.add(this.start())
  }
}
