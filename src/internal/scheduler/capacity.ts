/**
 * The capacity of a dispatcher: how many tasks may be accepted and not started. The
 * only owner of that count, and of the producers to notify when it falls.
 *
 * Must stay true:
 * - `waiting` = sum of the places of all open producers + sum of the tasks that
 *   each joined worker holds beyond its concurrency (prefetched).
 * - An entry has at most one place, and `TaskEntry.holdsPlace` says so.
 * - A producer without a place always gets one, and a requeued entry takes one
 *   without asking. So `waiting` may exceed the limit by these.
 * - A refused producer is notified once after the next release.
 */
import type { Producer, TaskEntry } from "./producer.ts"

export class Capacity {
  private readonly limit: number
  private places = 0
  private prefetched = 0
  /** Producers to notify, in the order in which they were refused. */
  private refused: Set<Places> | undefined

  constructor(limit: number) {
    this.limit = limit
  }

  get isUnbounded(): boolean {
    return this.limit === Infinity
  }

  /** Tasks accepted and not started. */
  get waiting(): number {
    return this.places + this.prefetched
  }

  /** Places left; negative where the limit was exceeded. */
  get free(): number {
    return this.limit - this.places - this.prefetched
  }

  /** A worker holds so many more tasks than before that it cannot run yet. */
  addPrefetched(count: number): void {
    this.prefetched += count
  }

  /** Notifies the producers that were refused. To be called after releases, when all state is consistent. */
  notify(): void {
    if (this.refused !== undefined) this.notifyRefused(this.refused)
  }

  private notifyRefused(refused: Set<Places>): void {
    // A producer that is refused again while it is notified waits for the next release.
    this.refused = undefined
    for (const places of refused) places.notify()
  }

  /** Called by `Places` alone. */
  addPlaces(count: number): void {
    this.places += count
  }

  /** Called by `Places` alone. */
  refuse(places: Places): void {
    ;(this.refused ??= new Set()).add(places)
  }

  /** Called by `Places` alone. */
  forget(places: Places): void {
    this.refused?.delete(places)
  }
}

/** The places of one producer. */
export class Places {
  private readonly capacity: Capacity
  private readonly producer: Pick<Producer, "onCapacity">
  private held = 0
  private closed = false

  constructor(capacity: Capacity, producer: Pick<Producer, "onCapacity">) {
    this.capacity = capacity
    this.producer = producer
  }

  get count(): number {
    return this.held
  }

  /** Whether `tryAcquire` would succeed. If not, the producer is notified after the next release. */
  hasRoom(): boolean {
    if (this.held === 0 || this.capacity.free > 0) return true
    this.capacity.refuse(this)
    return false
  }

  tryAcquire(entry: TaskEntry): boolean {
    if (!this.hasRoom()) return false
    this.acquire(entry)
    return true
  }

  /** Gives the entry a place, even where none is free. */
  acquire(entry: TaskEntry): void {
    if (entry.holdsPlace || this.closed) return
    entry.holdsPlace = true
    this.held++
    this.capacity.addPlaces(1)
  }

  /** The entry starts, or never will. Whether it had a place; the caller then calls `Capacity.notify`. */
  release(entry: TaskEntry): boolean {
    if (!entry.holdsPlace) return false
    entry.holdsPlace = false
    if (!this.closed) {
      this.held--
      this.capacity.addPlaces(-1)
    }
    return true
  }

  /** Releases the places of entries that will not start. */
  drop(entries: ReadonlyArray<TaskEntry>): void {
    let released = false
    for (const entry of entries) if (this.release(entry)) released = true
    if (released) this.capacity.notify()
  }

  /** Releases every place at once: none of the producer's entries will start. */
  close(): void {
    this.closed = true
    this.capacity.forget(this)
    if (this.held === 0) return
    this.capacity.addPlaces(-this.held)
    this.held = 0
    this.capacity.notify()
  }

  /** Called by `Capacity` alone. */
  notify(): void {
    if (!this.closed) this.producer.onCapacity()
  }
}
