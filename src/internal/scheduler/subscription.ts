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

/** The members of the scheduler that a subscription uses. */
export interface SubscriptionOwner {
  readonly timers: Timers
  readonly slots: () => number
  readonly window: () => number
  readonly enqueue: (subscription: ProducerSubscription, given?: TaskEntry) => void
  /** The entry waits for a worker from now on. */
  readonly accepted: (entry: TaskEntry) => void
  readonly waited: (millis: number) => void
  readonly unsubscribe: (subscription: ProducerSubscription) => void
}

export class ProducerSubscription implements Subscription {
  readonly producer: Producer
  readonly depth: number
  readonly places: Places
  /** Its entries that workers hold. */
  readonly assigned = new AssignedShares()
  /** Of these, those that have no slot. */
  private prefetched = 0
  /** Of those that have a slot, the ones that were cancelled, or that have their outcome. */
  private forgotten = 0
  /** Entries to start before those of the producer: they did not start, or are innocent of a loss. */
  readonly requeued = new Deque<TaskEntry>()
  /** It is in the run queue. Written by `RunQueue` alone. */
  queued = false
  /** When it was added to the run queue while there was no worker. Written by `WorkerAbsence` alone. */
  waitsSince = 0
  ended = false
  /** How many tasks its last chunk had. Written by `ChunkFiller` alone. */
  lastChunk = 1
  /** Entries with a greater index are not wanted any more. */
  private wantedUpTo = Infinity
  /** `ready` was called while the producer was asked for an entry. */
  private readyWhilePulled = false
  private stopped: (() => void) | undefined
  /** Lingering entries that the producer handed out again: they restart when their work has stopped. */
  private restarting: Set<TaskEntry> | undefined
  /** The entry whose time of waiting is measured, and since when. */
  private timed: { readonly entry: TaskEntry; readonly at: number } | undefined
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

  time(entry: TaskEntry): void {
    this.timed ??= { entry, at: this.timers.now() }
  }

  ready(given?: TaskEntry): void {
    if (this.ended) return
    this.readyWhilePulled = true
    this.owner.enqueue(this, given)
  }

  hasCapacity(): boolean {
    return this.places.hasRoom()
  }

  accept(entry: TaskEntry): boolean {
    if (!this.places.tryAcquire(entry)) return false
    this.owner.accepted(entry)
    return true
  }

  running(): number {
    return this.assigned.size - this.prefetched
  }

  runningUnsettled(): number {
    return this.assigned.size - this.prefetched - this.forgotten
  }

  /** A worker holds the entry and has no slot for it. */
  prefetches(entry: TaskEntry): void {
    entry.prefetched = true
    this.prefetched++
  }

  /** A worker has a slot for an entry that it had prefetched. */
  starts(entry: TaskEntry): void {
    entry.prefetched = false
    this.prefetched--
    if (isForgotten(entry)) this.forgotten++
    this.producer.onRunning?.()
  }

  /** To be called before an entry that a worker holds is cancelled, or has its outcome. */
  forgets(entry: TaskEntry): void {
    if (entry.prefetched || isForgotten(entry)) return
    this.forgotten++
    this.producer.onRunning?.()
  }

  /** A worker holds so many entries of a block, and has no slot for them. */
  prefetchesBlock(count: number): void {
    this.prefetched += count
  }

  /** A worker has a slot for so many of them, or holds them no more. */
  startsBlock(count: number): void {
    this.prefetched -= count
    this.producer.onRunning?.()
  }

  /** A worker holds the entry no more. */
  released(entry: TaskEntry): void {
    if (entry.prefetched) {
      entry.prefetched = false
      this.prefetched--
    } else if (isForgotten(entry)) {
      this.forgotten--
    }
    this.producer.onRunning?.()
  }

  cancelAfter(after: number): void {
    this.wantedUpTo = Math.min(this.wantedUpTo, after)
    this.cancelAssignedAfter(after)
  }

  cancel(entries: ReadonlyArray<TaskEntry>): ReadonlyArray<TaskEntry> {
    const waiting = entries.filter((entry) => entry.assignment === undefined)
    cancelAssigned(entries)
    this.places.drop(waiting)
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
    this.timed = undefined
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
    const entry = this.takeNext()
    if (this.timed !== undefined && this.timed.entry === entry) {
      this.owner.waited(this.timers.now() - this.timed.at)
      this.timed = undefined
    }
    return entry
  }

  private takeNext(): TaskEntry | undefined {
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
        if (entry.lingers) this.restartLater(entry)
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

  private restartLater(entry: TaskEntry): void {
    this.restarting ??= new Set()
    this.restarting.add(entry)
  }

  private afterLingering(entry: TaskEntry): void {
    entry.lingers = false
    if (this.restarting?.delete(entry) !== true || !this.wants(entry)) return
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

/** Tells the workers that hold them to stop these entries. */
const cancelAssigned = (entries: ReadonlyArray<TaskEntry>): void => {
  const fresh = entries.filter((entry) => !entry.cancelled)
  // All are marked before the first is stopped: its end may end others at once, and free slots in which these must not start.
  for (const entry of fresh) {
    if (entry.assignment !== undefined) subscriptionOf(entry).forgets(entry)
    entry.cancelled = true
  }
  for (const entry of fresh) entry.assignment?.cancel(entry)
}

/** It was cancelled, or has its outcome and lingers. */
const isForgotten = ({ cancelled, lingers }: TaskEntry): boolean => cancelled || lingers

const indexOf = ({ index }: TaskEntry): number => index
