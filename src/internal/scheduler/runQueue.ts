/**
 * The producers that may have something to start, in the order of their turns:
 * fairness between producers is round-robin over this queue.
 *
 * Must stay true: a subscription is in the queue exactly as long as its
 * `queued` is set. One that ended is dropped at its turn, or earlier when many have
 * ended; while a chunk is filled (`rotating`) the queue only rotates and grows.
 */
import { Deque } from "../deque.ts"
import type { TaskEntry } from "./producer.ts"
import { isWanted, type ProducerSubscription, subscriptionOf } from "./subscription.ts"

/** Ended subscriptions in the queue that are worth a pass over it. */
const MIN_STALE = 64

export class RunQueue {
  private readonly turns = new Deque<ProducerSubscription>()
  /** Ended subscriptions that the queue may still hold. */
  private stale = 0
  /** A chunk is being filled. Written by `Scheduler.take`. */
  rotating = false
  /** A subscription was added since this was last cleared. Cleared by `Scheduler.take`. */
  grew = false

  get length(): number {
    return this.turns.length
  }

  /** The subscription whose turn it is. The queue must not be empty. */
  get first(): ProducerSubscription {
    return this.turns.first!
  }

  add(subscription: ProducerSubscription): void {
    if (subscription.queued) return
    subscription.queued = true
    this.turns.push(subscription)
    this.grew = true
  }

  /** Ends the turn of `first`: it goes to the end if it may have more to start. */
  rotate(hasMore: boolean): void {
    if (!hasMore) this.first.queued = false
    this.turns.next(hasMore)
  }

  /** Entries that wait, counted up to `max`. */
  countWaiting(max: number): number {
    let count = 0
    for (const subscription of this.turns) {
      if (count >= max) break
      if (!subscription.ended) count += subscription.countWaiting(max - count)
    }
    return count
  }

  shift(): ProducerSubscription | undefined {
    const subscription = this.turns.shift()
    if (subscription !== undefined) subscription.queued = false
    return subscription
  }

  /** An entry is to start before those of its producer that have not been tried. */
  requeue(entry: TaskEntry): void {
    if (!isWanted(entry)) return
    const subscription = subscriptionOf(entry)
    subscription.requeue(entry)
    this.add(subscription)
  }

  /** Called once when a subscription has ended. Drops ended ones where no worker comes by to do so. */
  ended({ queued }: ProducerSubscription): void {
    if (!queued || ++this.stale < MIN_STALE || this.stale * 2 < this.turns.length || this.rotating) return
    this.stale = 0
    for (const subscription of this.turns.clear()) {
      if (subscription.ended) subscription.queued = false
      else this.turns.push(subscription)
    }
  }
}
