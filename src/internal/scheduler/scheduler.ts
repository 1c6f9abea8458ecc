/**
 * The scheduler of one dispatcher: between origins (executions, queues, runs) and
 * the lanes of an executor. It holds what is true on every dispatcher below the
 * origins: capacity, fairness, chunk sizes, codecs of the caller's side, blame and
 * restarts after a loss, and the one place where late outcomes are dropped.
 *
 * All of it is synchronous: no fiber, promise, timer or closure per task.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as EffectScheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as TaskFailure from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import * as Codec from "../encoding/codec.ts"
import { estimateSize } from "../encoding/estimateSize.ts"
import { boundOption, countOption } from "../options.ts"
import type * as Task from "../task.ts"
import { type Timer, Timers } from "../timers.ts"
import { ChunkFill, TARGET_MICROS, updateEstimates } from "./chunkSizing.ts"
import type * as Contract from "./contract.ts"
import { reasonOf, workerLost } from "./failureReason.ts"
import type { ParentTask, Producer, SchedulerHandle, TaskEntry } from "./producer.ts"
import { isWanted, ProducerSubscription, subscriptionOf } from "./subscription.ts"
import { Chunk, type TaskType, typeOf, WorkerState } from "./workerState.ts"

/** What a scheduler is told beside what users may say. */
interface SchedulerOptions extends Contract.DispatcherOptions {
  /** Payloads come encoded, and results and errors stay so: tasks are passed on for another scheduler. */
  readonly relays?: boolean | undefined
}

/** Tasks of one name that no lane serves which has asked so far. */
interface Aside {
  readonly entries: Deque<TaskEntry>
  lastChunk: number
  timer: Timer | undefined
}

export class Scheduler implements Contract.Scheduler, SchedulerHandle {
  readonly timers: Timers
  private readonly later: (f: () => void) => void
  private readonly tasks: ReadonlyMap<string, Task.AnyClass>
  private readonly types = new Map<string, TaskType>()
  private readonly capacity: number
  private readonly maxWorkerLosses: number
  private readonly relays: boolean
  private readonly boundary: "codec" | "none"
  private readonly maxChunk: number
  private readonly chunkMicros: number
  private readonly patience: number

  private readonly seats = new Map<Contract.WorkerHandle, WorkerState>()
  private readonly links = new Set<ProducerSubscription>()
  /** Links that may have something to start, in the order of their turns. */
  private readonly turns = new Deque<ProducerSubscription>()
  /** Links among the turns that may have ended. */
  private stale = 0
  private readonly suspects = new Deque<TaskEntry>()
  /** What the lanes that asked do not serve, by name. */
  private readonly aside = new Map<string, Aside>()
  private readonly rejected: Array<readonly [entry: TaskEntry, worker: string, reason: TaskFailure.Reason<unknown>]> =
    []
  private slotCount = 0
  private windowCount = 0
  /** Places of the capacity in use. */
  accepted = 0
  private chunkId = 0
  private waking = false
  private wakesSoon = false
  private taking = false
  /** A link got its turn since this was last cleared. */
  private enqueued = false
  /** Something may have become startable while lanes were being woken. */
  private news = false
  private closed = false
  private noWorker: { readonly since: number; readonly cause: unknown } | undefined
  private succeeded = 0
  private failed = 0

  constructor(
    tasks: ReadonlyMap<string, Task.AnyClass>,
    executor: Contract.ExecutorSettings,
    options: SchedulerOptions,
    timers: Timers,
    later: (f: () => void) => void
  ) {
    this.relays = options.relays === true
    this.later = later
    this.tasks = tasks
    this.timers = timers
    this.capacity = boundOption("capacity", options.capacity, 1)
    this.maxWorkerLosses = countOption("maxWorkerLosses", options.maxWorkerLosses, 1) ?? 3
    this.boundary = executor.boundary
    this.maxChunk = executor.maxChunk
    this.chunkMicros = executor.chunkMicros ?? TARGET_MICROS
    this.patience = executor.unservedTimeout ?? 0
  }

  now(): number {
    return this.timers.now()
  }

  after(millis: number, f: () => void): Contract.Cancel {
    const timer = this.timers.set(millis, f)
    return () => this.timers.clear(timer)
  }

  // --- origins ---------------------------------------------------------------

  subscribe(origin: Producer): ProducerSubscription | undefined {
    if (this.closed) return undefined
    const parent = origin.parent?.scheduler === this ? origin.parent : undefined
    const link = new ProducerSubscription(this, origin, parent === undefined ? 0 : parent.depth + 1)
    this.links.add(link)
    if (parent !== undefined) (parent.subscriptions ??= new Set()).add(link)
    return link
  }

  unlink(link: ProducerSubscription): void {
    this.links.delete(link)
    link.producer.parent?.subscriptions?.delete(link)
    if (link.queued) this.forget()
    if (link.accepted > 0) {
      this.accepted -= link.accepted
      link.accepted = 0
      this.roomy()
    }
  }

  /** Drops links that have ended from the turns, where no lane comes by to do so. */
  private forget(): void {
    if (++this.stale < 64 || this.stale * 2 < this.turns.length || this.taking) return
    this.stale = 0
    for (const link of this.turns.clear()) {
      if (link.ended) link.queued = false
      else this.turns.push(link)
    }
  }

  enqueue(link: ProducerSubscription): void {
    if (!link.queued) {
      link.queued = true
      this.turns.push(link)
      this.enqueued = true
    }
    this.wake()
  }

  slots(): number {
    return this.slotCount
  }

  window(): number {
    return this.windowCount
  }

  /** Whether the capacity has a free place; a link without any always gets one. */
  hasRoom(): boolean {
    return this.unstarted() < this.capacity
  }

  private unstarted(): number {
    if (this.capacity === Infinity) return 0
    let count = this.accepted
    for (const seat of this.seats.values()) count += seat.ahead
    return count
  }

  private roomy(): void {
    if (this.capacity === Infinity) return
    for (const link of this.links) {
      if (!link.refused) continue
      link.refused = false
      link.producer.onCapacity()
    }
  }

  /** Cancels what lanes hold of a link, with an index above `after`. */
  cancelAfter(link: ProducerSubscription, after: number): void {
    if (link.active === 0) return
    const entries: Array<TaskEntry> = []
    for (const seat of this.seats.values()) {
      for (let chunk = seat.newest; chunk !== undefined; chunk = chunk.older) {
        for (const entry of chunk.items) {
          if (entry.subscription === link && entry.lease === chunk && entry.index > after) entries.push(entry)
        }
      }
    }
    this.cancel(entries)
  }

  cancel(entries: ReadonlyArray<TaskEntry>): void {
    const fresh = entries.filter((entry) => !entry.cancelled)
    // All before any of them ends: one that ends may let others end at once, and none is to start again for that.
    for (const entry of fresh) entry.cancelled = true
    for (const entry of fresh) {
      const chunk = entry.lease as Chunk | undefined
      if (chunk !== undefined) chunk.worker.worker.cancel(chunk, chunk.items.indexOf(entry))
    }
  }

  // --- lanes -----------------------------------------------------------------

  join(lane: Contract.WorkerHandle): void {
    if (this.closed) return
    const seat = new WorkerState(lane)
    seat.parked = true
    this.seats.set(lane, seat)
    this.slotCount += lane.concurrency
    this.windowCount += lane.window
    this.noWorker = undefined
    this.wake()
  }

  /** Wakes the lanes that asked in vain, until they ask in vain again or are full. */
  private wake(): void {
    if (this.closed) return
    if (this.noWorker !== undefined) return this.refuse()
    this.news = true
    if (this.waking) return
    this.waking = true
    while (this.news) {
      this.news = false
      for (const seat of this.seats.values()) {
        if (this.turns.length === 0 && this.suspects.length === 0 && this.aside.size === 0) break
        if (!seat.parked) continue
        seat.parked = false
        seat.worker.wake()
      }
    }
    this.waking = false
  }

  take(lane: Contract.WorkerHandle, max: number, first?: ParentTask): Chunk | undefined {
    const seat = this.seats.get(lane)
    if (seat === undefined || this.closed || max <= 0) return undefined
    if (this.taking) {
      // A source that uses the dispatcher while it is pulled: it cannot be pulled again meanwhile.
      seat.parked = true
      this.later(() => this.wake())
      return undefined
    }
    this.taking = true
    let leased: Chunk | undefined
    try {
      let again: boolean
      do {
        this.enqueued = false
        const entries = this.suspects.length > 0 || seat.alone
          ? this.takeSuspect(seat, max)
          : this.fill(seat, max, first)
        // What became ready while it was looked for may have been passed over, and what was found not be wanted now.
        again = entries.length > 0 || this.enqueued
        leased = entries.length === 0 ? undefined : this.lease(seat, entries)
      } while (leased === undefined && again)
    } finally {
      this.taking = false
    }
    if (leased === undefined) seat.parked = true
    return leased
  }

  private fill(seat: WorkerState, max: number, first: ParentTask | undefined): Array<TaskEntry> {
    const most = Math.min(max, this.maxChunk)
    const entries: Array<TaskEntry> = []
    if (this.aside.size > 0) this.fillFromAside(seat, most, entries)
    if (first?.subscriptions !== undefined) {
      for (const child of first.subscriptions) {
        if (entries.length >= most) return entries
        this.fillFrom(child as ProducerSubscription, most - entries.length, seat, entries)
      }
    }
    // Every link whose turn it is gives its share, until the chunk is full.
    for (let turns = this.turns.length; turns > 0 && entries.length < most; turns--) {
      const link = this.turns.first!
      const more = !link.ended && this.fillFrom(link, Math.ceil((most - entries.length) / turns), seat, entries)
      this.turns.next(more)
      if (!more) link.queued = false
    }
    return entries
  }

  /** Adds entries of one link, at most `share`; whether it may have more. */
  private fillFrom(link: ProducerSubscription, share: number, seat: WorkerState, entries: Array<TaskEntry>): boolean {
    const size = this.admitted(link, share, seat, entries)
    if (size <= 0) return true
    const fixed = link.producer.chunkSize
    // Chunks of live tasks are only a way to save calls: they need no estimate.
    const fill = fixed === undefined && this.boundary === "codec" && size > 1
      ? new ChunkFill(link.lastChunk, this.chunkMicros)
      : undefined
    const start = entries.length
    while (entries.length - start < size && !isAlone(entries, seat)) {
      const entry = link.shift()
      if (entry === undefined) {
        this.shareTail(link, entries, start)
        return link.requeued.length > 0
      }
      const type = this.prepare(entry, seat)
      if (type === undefined) continue
      if (entries.length > 0 && isMoved(entry, seat)) {
        link.putBack(entry)
        break
      }
      if (fill !== undefined) {
        if (!fill.fits(type)) {
          link.putBack(entry)
          break
        }
        fill.add(type)
      }
      entries.push(entry)
    }
    if (fill !== undefined && entries.length > start) link.lastChunk = entries.length - start
    return true
  }

  /** How many entries of a link may go into a chunk that has some already. */
  private admitted(
    link: ProducerSubscription,
    share: number,
    { held, worker: lane }: WorkerState,
    entries: ReadonlyArray<TaskEntry>
  ): number {
    let size = link.producer.chunkSize === undefined ? share : Math.min(share, link.producer.chunkSize)
    if (lane.capacityAt !== undefined) {
      const taken = entries.length === 0 ? 0 : entries.filter((entry) => entry.depth === link.depth).length
      size = Math.min(size, lane.capacityAt(link.depth) - taken)
    }
    if (this.capacity === Infinity || lane.window <= lane.concurrency) return size
    const atOnce = lane.concurrency - held - entries.length
    const free = this.capacity - this.unstarted() - Math.max(0, -atOnce)
    return Math.min(size, Math.max(0, atOnce) + Math.max(0, free) + link.accepted)
  }

  /** The end of a source is spread over the lanes. */
  private shareTail(link: ProducerSubscription, entries: Array<TaskEntry>, start: number): void {
    if (this.seats.size < 2 || link.producer.chunkSize !== undefined) return
    const end = start + Math.ceil((entries.length - start) / this.seats.size)
    while (entries.length > end) link.putBack(entries.pop()!)
  }

  /** Looks the type up and encodes the payload, or rejects the entry. */
  private prepare(entry: TaskEntry, seat: WorkerState): TaskType | undefined {
    const type = this.typeOf(entry.task._tag)
    if (type === undefined) {
      this.reject(entry, seat.worker.name, new TaskFailure.UnknownTask({ name: entry.task._tag }))
      return undefined
    }
    entry.type = type
    if (seat.worker.unsupported?.(type.name) !== undefined) {
      this.setAside(entry, type.name)
      return undefined
    }
    if (this.relays) {
      this.sample(type, entry.payload)
    } else if (type.codec === undefined) {
      entry.payload = entry.task
    } else if (entry.payload === undefined) {
      const encoded = type.codec.payload.encode(entry.task)
      if (encoded instanceof Codec.CodecError) {
        this.reject(
          entry,
          seat.worker.name,
          new TaskFailure.Undecodable({ part: "payload", message: encoded.message })
        )
        return undefined
      }
      entry.payload = encoded
      this.sample(type, encoded)
    }
    return type
  }

  private sample(type: TaskType, payload: unknown): void {
    if (type.sampled++ % 64 === 0) type.bytes += (estimateSize(payload) - type.bytes) / (type.sampled === 1 ? 1 : 8)
  }

  private typeOf(name: string): TaskType | undefined {
    const known = this.types.get(name)
    if (known !== undefined) return known
    const task = this.tasks.get(name)
    if (task === undefined) return undefined
    const type: TaskType = {
      name,
      codec: this.boundary === "codec" && !this.relays ? Codec.make(task) : undefined,
      micros: 0,
      bytes: 0,
      sampled: 0
    }
    this.types.set(name, type)
    return type
  }

  // --- what some lanes do not serve -------------------------------------------

  /** Keeps an entry for lanes that serve it. */
  private setAside(entry: TaskEntry, name: string): void {
    subscriptionOf(entry).count(entry)
    let aside = this.aside.get(name)
    if (aside === undefined) {
      aside = { entries: new Deque(), lastChunk: 1, timer: undefined }
      this.aside.set(name, aside)
    }
    aside.entries.push(entry)
    this.watchAside(name, aside)
  }

  /** While no lane serves the name, what waits does so as long as the executor says. */
  private watchAside(name: string, aside: Aside): void {
    for (const { worker: lane } of this.seats.values()) {
      if (lane.unsupported?.(name) !== undefined) continue
      // It may have asked before this was there.
      if (!this.wakesSoon) {
        this.wakesSoon = true
        this.later(() => {
          this.wakesSoon = false
          this.wake()
        })
      }
      return
    }
    aside.timer ??= this.timers.set(this.patience, () => this.giveUp(name))
  }

  private fillFromAside(seat: WorkerState, most: number, entries: Array<TaskEntry>): void {
    for (const [name, aside] of this.aside) {
      if (seat.worker.unsupported?.(name) !== undefined) continue
      const fill = this.boundary === "codec" ? new ChunkFill(aside.lastChunk, this.chunkMicros) : undefined
      const start = entries.length
      while (entries.length < most) {
        const entry = aside.entries.shift()
        if (entry === undefined) break
        const type = isWanted(entry) ? this.prepare(entry, seat) : undefined
        if (type === undefined) {
          subscriptionOf(entry).uncount(entry)
          continue
        }
        if (fill?.fits(type) === false) {
          aside.entries.unshift(entry)
          break
        }
        fill?.add(type)
        entries.push(entry)
      }
      if (entries.length > start) aside.lastChunk = entries.length - start
      if (aside.entries.length === 0) this.forgetAside(name, aside)
    }
  }

  private forgetAside(name: string, { timer }: Aside): void {
    if (timer !== undefined) this.timers.clear(timer)
    this.aside.delete(name)
  }

  /** No lane has come that serves tasks of this name. */
  private giveUp(name: string): void {
    const aside = this.aside.get(name)
    if (aside === undefined) return
    aside.timer = undefined
    const offers = new Set(Array.from(this.seats.values(), ({ worker: lane }) => lane.unsupported?.(name)))
    // One has come and is busy, or there is none at all, which is for the executor to say.
    if (offers.has(undefined) || offers.size === 0) return
    this.aside.delete(name)
    const offered = Array.from(offers).join("; ")
    for (const entry of aside.entries.clear()) {
      this.reject(entry, "none", new TaskFailure.UnknownTask({ name, offered }))
    }
  }

  private lease(seat: WorkerState, entries: Array<TaskEntry>): Chunk | undefined {
    let wanted = 0
    let roomier = false
    for (const entry of entries) {
      if (subscriptionOf(entry).uncount(entry)) roomier = true
      // The origin may have ended while it was asked.
      if (isWanted(entry)) entries[wanted++] = entry
    }
    if (wanted < entries.length) entries.length = wanted
    const chunk = wanted === 0 ? undefined : new Chunk(++this.chunkId, entries, seat)
    for (const entry of entries) {
      entry.lease = chunk
      entry.attempt++
      subscriptionOf(entry).active++
    }
    if (chunk !== undefined) seat.add(chunk)
    if (roomier) this.roomy()
    return chunk
  }

  // --- outcomes --------------------------------------------------------------

  succeed(chunk: Chunk, at: number, value: unknown): void {
    const entry = chunk.items[at]
    if (!this.release(chunk, entry)) return
    if (!entry.cancelled) {
      const codec = typeOf(entry).codec
      const decoded = codec === undefined ? value : codec.success.decode(value)
      if (decoded instanceof Codec.CodecError) {
        const reason = new TaskFailure.Undecodable({ part: "success", message: decoded.message })
        this.failWith(entry, chunk.worker.worker.name, reason, "")
      } else {
        entry.value = decoded
        this.succeeded++
        this.settle(entry)
      }
    }
    this.released(chunk, entry)
  }

  fail(chunk: Chunk, at: number, failure: Contract.WireFailure, ran?: Contract.AttemptInfo): void {
    const entry = chunk.items[at]
    if (!this.release(chunk, entry)) return
    if (ran !== undefined) entry.attempt = Math.max(entry.attempt, ran.attempt)
    const worker = ran?.worker ?? chunk.worker.worker.name
    if (entry.cancelled) {
      // Nobody waits for it.
    } else if (failure._tag === "WorkerLost") {
      this.restart(entry, failure, worker, chunk.worker, entry)
      this.wake()
    } else {
      const reason = TaskFailure.withoutStack(() => reasonOf(failure, entry.name, typeOf(entry).codec))
      this.failWith(entry, worker, reason, "trace" in failure ? failure.trace : "")
    }
    this.released(chunk, entry)
  }

  private failWith(entry: TaskEntry, worker: string, reason: TaskFailure.Reason<unknown>, trace: Contract.Trace): void {
    this.failed++
    entry.failure = TaskFailure.make({ task: entry.task, attempt: Math.max(1, entry.attempt), worker, trace, reason })
    this.settle(entry)
  }

  private settle(entry: TaskEntry): void {
    entry.payload = undefined
    subscriptionOf(entry).producer.settled(entry)
  }

  /** Takes the entry from its lane; false if it is not the chunk's any more. */
  private release(chunk: Chunk, entry: TaskEntry | undefined): entry is TaskEntry {
    if (entry === undefined || entry.lease !== chunk) return false
    entry.lease = undefined
    subscriptionOf(entry).active--
    const seat = chunk.worker
    seat.held--
    if (--chunk.open === 0) seat.remove(chunk)
    return true
  }

  private released(chunk: Chunk, entry: TaskEntry): void {
    subscriptionOf(entry).afterRelease(entry)
    const seat = chunk.worker
    if (seat.held === 0 && (seat.alone || seat.draining)) {
      seat.alone = false
      seat.draining = false
      this.wake()
    }
    this.roomy()
  }

  recordBusy(items: ReadonlyArray<TaskEntry>, micros: number): void {
    if (items.length > 0) updateEstimates(items.map(typeOf), micros)
  }

  /** Fails an entry that never got to a lane; later, so that who is asking is not disturbed. */
  private reject(entry: TaskEntry, worker: string, reason: TaskFailure.Reason<unknown>): void {
    subscriptionOf(entry).uncount(entry)
    if (this.rejected.push([entry, worker, reason]) > 1) return
    // In a turn of its own: what is rejected and tried again at once must not keep the event loop.
    this.later(() => {
      for (const [entry, worker, reason] of this.rejected.splice(0)) {
        if (isWanted(entry)) this.failWith(entry, worker, reason, "")
      }
      this.roomy()
    })
  }

  // --- losses ----------------------------------------------------------------

  requeue(chunk: Chunk, from: number, to: number): void {
    for (let at = Math.min(to, chunk.items.length) - 1; at >= from; at--) {
      const entry: TaskEntry = chunk.items[at]
      if (!this.release(chunk, entry)) continue
      entry.attempt--
      if (isMoved(entry, chunk.worker)) this.lost(entry, chunk.worker.worker.name, { outOfMemory: false })
      else this.again(entry)
      this.released(chunk, entry)
    }
    this.wake()
  }

  /** Puts an entry before those that have not been tried. */
  private again(entry: TaskEntry): void {
    const link = subscriptionOf(entry)
    if (!isWanted(entry)) return
    link.putBack(entry)
    if (!link.queued) {
      link.queued = true
      this.turns.push(link)
    }
  }

  leave(lane: Contract.WorkerHandle, loss?: Contract.WorkerLoss): void {
    const seat = this.seats.get(lane)
    if (seat === undefined) return
    this.seats.delete(lane)
    this.slotCount -= lane.concurrency
    this.windowCount -= lane.window
    const started: Array<TaskEntry> = []
    let culprit: TaskEntry | undefined
    // Newest first, so that the oldest ends up before the others.
    for (let chunk = seat.newest, older = chunk?.older; chunk !== undefined; chunk = older, older = chunk?.older) {
      const report = loss?.chunks.find((report) => report.chunk === chunk)
      for (let at = chunk.items.length - 1; at >= 0; at--) {
        const entry: TaskEntry = chunk.items[at]
        if (entry.lease !== chunk) continue
        if (report?.started(at) === true) {
          started.push(entry)
          if (report.culprit === at) culprit = entry
        } else {
          this.release(chunk, entry)
          entry.attempt--
          if (isMoved(entry, seat)) this.lost(entry, lane.name, loss ?? { outOfMemory: false })
          else this.again(entry)
          subscriptionOf(entry).afterRelease(entry)
        }
      }
    }
    for (const [name, aside] of this.aside) this.watchAside(name, aside)
    if (loss?.attribution === undefined && started.length === 1) culprit ??= started[0]
    for (const entry of started) {
      this.release(entry.lease as Chunk, entry)
      if (isWanted(entry)) this.restart(entry, loss!, lane.name, seat, culprit, loss!.attribution)
      subscriptionOf(entry).afterRelease(entry)
    }
    this.roomy()
    this.wake()
  }

  /** What becomes of a task that was running when what ran it was lost. */
  private restart(
    entry: TaskEntry,
    ending: Contract.WorkerExit,
    worker: string,
    seat: WorkerState,
    culprit: TaskEntry | undefined,
    blame?: Contract.WorkerLoss["attribution"]
  ): void {
    if (entry === culprit) entry.losses++
    if (!entry.idempotent || isMoved(entry, seat) || entry.losses >= this.maxWorkerLosses) {
      this.lost(entry, worker, ending)
    } else if (entry === culprit || (culprit === undefined && blame !== "nobody")) {
      subscriptionOf(entry).count(entry)
      this.suspects.push(entry)
    } else {
      this.again(entry)
    }
  }

  private lost(entry: TaskEntry, worker: string, ending: Contract.WorkerExit): void {
    if (isWanted(entry)) this.failWith(entry, worker, workerLost(ending), "")
  }

  /** A suspect runs alone, on a lane that is emptied for it. */
  private takeSuspect(seat: WorkerState, max: number): Array<TaskEntry> {
    if (seat.alone) return []
    if (seat.held > 0) {
      let draining = 0
      for (const other of this.seats.values()) if (other.draining || other.alone) draining++
      seat.draining = seat.draining || draining < this.suspects.length
      return seat.draining ? [] : this.fill(seat, max, undefined)
    }
    for (let left = this.suspects.length; left > 0; left--) {
      const entry = this.suspects.shift()!
      if (!isWanted(entry)) {
        subscriptionOf(entry).uncount(entry)
        continue
      }
      if (this.prepare(entry, seat) === undefined) continue
      seat.alone = true
      seat.draining = false
      return [entry]
    }
    return this.fill(seat, max, undefined)
  }

  unavailable(cause: unknown, waited = 0): void {
    this.noWorker = { since: this.timers.now() - waited, cause }
    this.refuse()
  }

  /** Without a worker, what waits fails instead of hanging. */
  private refuse(): void {
    const { cause, since } = this.noWorker!
    const waited = Duration.millis(this.timers.now() - since)
    const refuse = (entry: TaskEntry) =>
      this.reject(entry, "none", new TaskFailure.NoWorker({ waited, ...(cause === undefined ? {} : { cause }) }))
    for (const entry of this.suspects.clear()) refuse(entry)
    for (const [name, aside] of this.aside) {
      this.forgetAside(name, aside)
      for (const entry of aside.entries.clear()) refuse(entry)
    }
    for (let link = this.turns.shift(); link !== undefined; link = this.turns.shift()) {
      link.queued = false
      for (let entry = link.shift(); entry !== undefined; entry = link.shift()) refuse(entry)
    }
  }

  // --- the dispatcher --------------------------------------------------------

  get status(): Contract.Status {
    const seats = Array.from(this.seats.values())
    const workers = seats.map(({ held, worker: { concurrency, name } }) => ({ name, concurrency, assigned: held }))
    const ahead = seats.reduce((sum, seat) => sum + seat.ahead, 0)
    return {
      waiting: this.accepted + ahead,
      running: workers.reduce((sum, worker) => sum + worker.assigned, 0) - ahead,
      executions: this.links.size,
      succeeded: this.succeeded,
      failed: this.failed,
      workers
    }
  }

  /** Ends every origin; completes when all that ran has stopped. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.closed = true
    const links = Array.from(this.links)
    let left = links.length
    const done = () => {
      this.timers.close()
      resume(Effect.void)
    }
    if (left === 0) return done()
    for (const link of links) {
      link.producer.closed()
      link.end(() => {
        if (--left === 0) done()
      })
    }
  })
}

/** Whether the caller gave its payload up to the lane, so that it cannot be sent again. */
const isMoved = (entry: TaskEntry, { worker: lane }: WorkerState): boolean =>
  lane.moves === true && (entry.transfer === "payload" || entry.transfer === "both")

/** Whether nothing may join what is in a chunk: what is moved comes alone, so that nothing is stuck beside it. */
const isAlone = (entries: ReadonlyArray<TaskEntry>, seat: WorkerState): boolean =>
  entries.length === 1 && isMoved(entries[0], seat)

/** Makes the scheduler of an executor, which `open` then opens. */
export const makeScheduler = (
  tasks: ReadonlyMap<string, Task.AnyClass>,
  executor: Contract.ExecutorSettings,
  options: SchedulerOptions
): Effect.Effect<Scheduler> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const clock = yield* Clock.Clock
    const timers = new Timers(clock, Effect.runForkWith(context))
    const turns = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
    return new Scheduler(tasks, executor, options, timers, (f) => turns.scheduleTask(f, 0))
  })

/** Opens an executor; with the scope, first the scheduler is closed, and then the executor. */
export const openExecutor = <E, R>(
  scheduler: Scheduler,
  open: (scheduler: Contract.Scheduler) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R | Scope.Scope> =>
  Effect.andThen(
    Effect.suspend(() => open(scheduler as unknown as Contract.Scheduler)),
    Effect.addFinalizer(() => scheduler.close)
  )
