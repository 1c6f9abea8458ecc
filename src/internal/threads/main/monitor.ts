/**
 * Ticks every 2 ms while threads are busy, to find items that do not yield. One timer serves all threads; it does not
 * run while the pool has nothing to do.
 */

const INTERVAL = 2

export class Monitor {
  private readonly tick: () => void
  private timer: ReturnType<typeof setInterval> | undefined
  private closed = false

  constructor(tick: () => void) {
    this.tick = tick
  }

  get running(): boolean {
    return this.timer !== undefined
  }

  start(): void {
    if (!this.closed) this.timer ??= setInterval(this.tick, INTERVAL)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** Stops for good: threads that are still busy while the pool closes are not ticked, and no thread is added. */
  close(): void {
    this.closed = true
    this.stop()
  }
}
