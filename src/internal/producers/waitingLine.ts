/**
 * A line of waiters that are served in the order in which they came.
 *
 * Must stay true: `serve` must be called after every event that may serve a
 * waiter. A waiter that leaves may let the next one be served, so `leave` serves too.
 */
import { Deque } from "../deque.ts"

export interface Waiter {
  /** Tries again. Whether it is served, and so waits no longer. */
  readonly retry: () => boolean
}

export class WaitingLine {
  private readonly waiters = new Deque<Waiter>()

  get isEmpty(): boolean {
    return this.waiters.length === 0
  }

  join(waiter: Waiter): void {
    this.waiters.push(waiter)
  }

  /** Takes a waiter out. Those behind it may be served where it could not be: on a route, room differs by task. */
  leave(waiter: Waiter): void {
    if (this.waiters.remove(waiter)) this.serve()
  }

  /** Serves waiters until one must go on waiting. */
  serve(): void {
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      if (!waiter.retry()) return this.waiters.unshift(waiter)
    }
  }
}
