/** An origin as its scheduler sees it: its turn, its places of the capacity, and what is to be started again. */
import { Deque } from "../deque.ts"
import type { Timers } from "../timers.ts"
import type { Producer, Subscription, TaskEntry } from "./producer.ts"

/** What a link needs of its scheduler. */
export interface SubscriptionScheduler {
  readonly timers: Timers
  /** Places of the capacity in use. */
  accepted: number
  readonly slots: () => number
  readonly window: () => number
  readonly hasRoom: () => boolean
  readonly enqueue: (link: ProducerSubscription) => void
  readonly unlink: (link: ProducerSubscription) => void
  readonly cancel: (entries: ReadonlyArray<TaskEntry>) => void
  readonly cancelAfter: (link: ProducerSubscription, after: number) => void
}

/** An origin that joined. */
export class ProducerSubscription implements Subscription {
  readonly producer: Producer
  readonly scheduler: SubscriptionScheduler
  readonly depth: number
  /** Entries to start before those of the origin: given back, or innocent of a loss. */
  readonly requeued = new Deque<TaskEntry>()
  /** Entries that lanes hold. */
  active = 0
  /** Places of the capacity that its waiting tasks have. */
  accepted = 0
  queued = false
  /** `ready` was called while the origin was asked. */
  readyWhilePulled = false
  ended = false
  /** A push was refused. */
  refused = false
  /** Entries above are not wanted any more. */
  bound = Infinity
  lastChunk = 1
  private stopped: (() => void) | undefined

  constructor(scheduler: SubscriptionScheduler, origin: Producer, depth: number) {
    this.scheduler = scheduler
    this.producer = origin
    this.depth = depth
  }

  get timers() {
    return this.scheduler.timers
  }

  slots(): number {
    return this.scheduler.slots()
  }

  window(): number {
    return this.scheduler.window()
  }

  ready(): void {
    if (this.ended) return
    this.readyWhilePulled = true
    this.scheduler.enqueue(this)
  }

  hasCapacity(): boolean {
    if (this.accepted === 0 || this.scheduler.hasRoom()) return true
    this.refused = true
    return false
  }

  accept(): boolean {
    if (!this.hasCapacity()) return false
    this.accepted++
    this.scheduler.accepted++
    return true
  }

  cancelAfter(after: number): void {
    this.bound = Math.min(this.bound, after)
    this.scheduler.cancelAfter(this, after)
  }

  /** Cancels entries. Of those that lanes hold, `origin.dropped` tells when they do no more; the others are returned. */
  cancel(entries: ReadonlyArray<TaskEntry>): ReadonlyArray<TaskEntry> {
    const free = entries.filter((entry) => entry.lease === undefined)
    this.scheduler.cancel(entries)
    return free
  }

  /** Takes what waits to be started again, for somebody else to start. */
  reclaim(): ReadonlyArray<TaskEntry> {
    const entries = this.requeued.clear().filter(isWanted)
    for (const entry of entries) this.uncount(entry)
    return entries
  }

  end(stopped: () => void): void {
    if (this.ended) {
      if (this.active === 0) stopped()
      else {
        const before = this.stopped
        this.stopped = before === undefined ? stopped : () => {
          before()
          stopped()
        }
      }
      return
    }
    this.ended = true
    this.requeued.clear()
    this.scheduler.unlink(this)
    this.scheduler.cancelAfter(this, -1)
    if (this.active === 0) stopped()
    else this.stopped = stopped
  }

  /** Puts an entry before those that have not been tried; until it starts it has a place of the capacity. */
  putBack(entry: TaskEntry): void {
    this.count(entry)
    this.requeued.insert(entry, indexOf)
  }

  /** Gives the entry a place of the capacity, asked or not. */
  count(entry: TaskEntry): void {
    if (entry.accepted) return
    entry.accepted = true
    this.accepted++
    this.scheduler.accepted++
  }

  /** Takes the place back: the entry starts, or never will. */
  uncount(entry: TaskEntry): boolean {
    if (!entry.accepted) return false
    entry.accepted = false
    // The places of an ended link are free already.
    if (!this.ended) {
      this.accepted--
      this.scheduler.accepted--
    }
    return true
  }

  /** The next entry to start. */
  shift(): TaskEntry | undefined {
    for (let entry = this.requeued.shift(); entry !== undefined; entry = this.requeued.shift()) {
      if (isWanted(entry)) return entry
      this.uncount(entry)
    }
    while (!this.ended) {
      this.readyWhilePulled = false
      const entry = this.producer.next()
      if (entry !== undefined) {
        entry.subscription = this
        if (isWanted(entry)) return entry
        this.uncount(entry)
      } else if (!this.readyWhilePulled) return undefined
    }
    return undefined
  }

  /** To be called when everything about a released entry is done. */
  afterRelease(entry: TaskEntry): void {
    if (entry.cancelled) this.producer.dropped?.(entry)
    if (this.ended && this.active === 0 && this.stopped !== undefined) {
      const stopped = this.stopped
      this.stopped = undefined
      stopped()
    }
  }
}

export const subscriptionOf = (entry: TaskEntry): ProducerSubscription => entry.subscription as ProducerSubscription

/** Whether somebody still waits for its outcome. */
export const isWanted = (entry: TaskEntry): boolean => {
  const link = subscriptionOf(entry)
  return !entry.cancelled && !link.ended && entry.index <= link.bound
}

const indexOf = ({ index }: TaskEntry): number => index
