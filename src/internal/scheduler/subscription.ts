/**
 * A producer as its scheduler sees it: its places of the capacity, its entries that
 * workers hold, and its entries to start again.
 *
 * Must stay true: an entry handed out by `shift` is wanted at that moment, and
 * requeued entries start before those that the producer still holds, by index. Once
 * ended, nothing starts, and `end` calls back when no worker holds an entry.
 */
import { Deque } from "../deque.ts"
import type { Timers } from "../timers.ts"
import { type Capacity, Places } from "./capacity.ts"
import { AssignedShares } from "./chunkShares.ts"
import type { Producer, Subscription, TaskEntry } from "./producer.ts"
import { cancelAssigned } from "./workerState.ts"

/** What a subscription needs of its scheduler. */
export interface SubscriptionOwner {
  readonly timers: Timers
  readonly slots: () => number
  readonly window: () => number
  readonly enqueue: (subscription: ProducerSubscription) => void
  /** The entry waits for a worker from now on. */
  readonly accepted: (entry: TaskEntry) => void
  readonly unsubscribe: (subscription: ProducerSubscription) => void
}

export class ProducerSubscription implements Subscription {
  readonly producer: Producer
  readonly depth: number
  readonly places: Places
  /** Its entries that workers hold. */
  readonly assigned = new AssignedShares()
  /** Entries to start before those of the producer: they did not start, or are innocent of a loss. */
  readonly requeued = new Deque<TaskEntry>()
  /** It is in the run queue. Written by `RunQueue` alone. */
  queued = false
  ended = false
  /** How many tasks its last chunk had. Written by `ChunkFiller` alone. */
  lastChunk = 1
  /** Entries with a greater index are not wanted any more. */
  private wantedUpTo = Infinity
  /** `ready` was called while the producer was asked for an entry. */
  private readyWhilePulled = false
  private stopped: (() => void) | undefined
  private readonly owner: SubscriptionOwner

  constructor(owner: SubscriptionOwner, capacity: Capacity, producer: Producer, depth: number) {
    this.owner = owner
    this.producer = producer
    this.depth = depth
    this.places = new Places(capacity, producer)
  }

  get timers() {
    return this.owner.timers
  }

  slots(): number {
    return this.owner.slots()
  }

  window(): number {
    return this.owner.window()
  }

  ready(): void {
    if (this.ended) return
    this.readyWhilePulled = true
    this.owner.enqueue(this)
  }

  hasCapacity(): boolean {
    return this.places.hasRoom()
  }

  accept(entry: TaskEntry): boolean {
    if (!this.places.tryAcquire(entry)) return false
    this.owner.accepted(entry)
    return true
  }

  cancelAfter(after: number): void {
    this.wantedUpTo = Math.min(this.wantedUpTo, after)
    this.cancelAssignedAfter(after)
  }

  /** Cancels entries. `Producer.dropped` follows for those that workers hold; the others are returned. */
  cancel(entries: ReadonlyArray<TaskEntry>): ReadonlyArray<TaskEntry> {
    const waiting = entries.filter((entry) => entry.assignment === undefined)
    cancelAssigned(entries)
    return waiting
  }

  /** Takes the requeued entries back, for another scheduler to start. */
  reclaim(): ReadonlyArray<TaskEntry> {
    const entries = this.requeued.clear().filter(isWanted)
    for (const entry of entries) this.places.release(entry)
    return entries
  }

  end(stopped: () => void): void {
    if (this.ended) {
      if (this.assigned.size === 0) return stopped()
      const before = this.stopped
      this.stopped = before === undefined ? stopped : () => {
        before()
        stopped()
      }
      return
    }
    this.ended = true
    this.requeued.clear()
    this.owner.unsubscribe(this)
    this.cancelAssignedAfter(-1)
    if (this.assigned.size === 0) stopped()
    else this.stopped = stopped
  }

  /** Puts an entry before those of the producer; it has a place of the capacity until it starts. */
  requeue(entry: TaskEntry): void {
    this.places.acquire(entry)
    this.requeued.insert(entry, indexOf)
  }

  /** The next entry to start. */
  shift(): TaskEntry | undefined {
    for (let entry = this.requeued.shift(); entry !== undefined; entry = this.requeued.shift()) {
      if (this.wants(entry)) return entry
      this.places.release(entry)
    }
    return this.pull()
  }

  /** Entries that wait, counted up to `max`. Pulls the producer for it, as far as the capacity allows. */
  countWaiting(max: number): number {
    while (this.requeued.length < max && (this.producer.pushed || this.places.hasRoom())) {
      const entry = this.pull()
      if (entry === undefined) break
      this.requeue(entry)
      this.owner.accepted(entry)
    }
    return Math.min(max, this.requeued.length)
  }

  /** The next entry of the producer. */
  private pull(): TaskEntry | undefined {
    while (!this.ended) {
      this.readyWhilePulled = false
      const entry = this.producer.next()
      if (entry !== undefined) {
        entry.subscription = this
        // The work of the attempt before has not stopped.
        if (entry.lingers) entry.restarts = true
        else if (this.wants(entry)) return entry
        this.places.release(entry)
      } else if (!this.readyWhilePulled) return undefined
    }
    return undefined
  }

  /** Whether a caller still waits for the outcome of an entry of this producer. */
  wants(entry: TaskEntry): boolean {
    return !entry.cancelled && !this.ended && entry.index <= this.wantedUpTo
  }

  /** A worker holds the entry no more, and its outcome has been dealt with. */
  afterRelease(entry: TaskEntry): void {
    if (entry.lingers) this.afterLingering(entry)
    else if (entry.cancelled) this.producer.dropped?.(entry)
    if (this.ended && this.assigned.size === 0 && this.stopped !== undefined) {
      const stopped = this.stopped
      this.stopped = undefined
      stopped()
    }
  }

  private afterLingering(entry: TaskEntry): void {
    entry.lingers = false
    if (!entry.restarts) return
    entry.restarts = false
    if (!this.wants(entry)) return
    this.requeue(entry)
    this.owner.enqueue(this)
  }

  private cancelAssignedAfter(after: number): void {
    if (this.assigned.size > 0) cancelAssigned(this.assigned.above(after))
  }
}

export const subscriptionOf = (entry: TaskEntry): ProducerSubscription => entry.subscription as ProducerSubscription

/** Whether a caller still waits for its outcome. */
export const isWanted = (entry: TaskEntry): boolean => subscriptionOf(entry).wants(entry)

const indexOf = ({ index }: TaskEntry): number => index
