/**
 * The tasks of one client at a worker process: a producer of the worker's own scheduler, whose payloads come encoded
 * over the connection, and whose outcomes go back encoded.
 *
 * Must stay true: every task that the client sent is answered once, by an outcome or by its return, unless the session
 * ends first. A client that sends more than its credit allows, or a message that no client of this version sends, is refused:
 * see docs/internals/remote-protocol.md.
 */
import * as Tracer from "effect/Tracer"
import type { Producer, TaskBlock, TaskEntry } from "../../scheduler/producer.ts"
import type { ProducerSubscription } from "../../scheduler/subscription.ts"
import { CHUNKS_PER_CREDIT, MAX_CHUNK } from "../protocol/limits.ts"
import type { Commands, RunCommand } from "../protocol/messages.ts"
import { bytesOfCommands } from "../protocol/messageSizes.ts"
import {
  areBelow16,
  decodeAll,
  type DecodedValues,
  decodeValues,
  FRAME_BYTES,
  fromNumbers16
} from "../protocol/payloads.ts"
import { EventBuffer, type EventBufferOptions } from "./eventBuffer.ts"
import { type BlockOwner, SessionBlock } from "./sessionBlock.ts"
import { type SessionChunk, SessionEntry } from "./sessionEntry.ts"
import { StartQueue } from "./startQueue.ts"

export interface ClientSessionOptions extends EventBufferOptions {
  /** Tasks that it runs at once. */
  readonly slots: number
  /** The client has no task without an outcome any more. */
  readonly onIdle: () => void
}

/** The fewest tasks for which a message of their own to a thread costs less than their entries. */
const MIN_BLOCK = 16

/** The most bytes of payloads that threads get together. */
const MAX_BLOCK_BYTES = 256 * 1024

export class ClientSession implements Producer, BlockOwner {
  readonly pushed = true
  readonly callers = 1
  readonly chunkSize = undefined
  readonly parent = undefined
  /** The events to send. */
  readonly events: EventBuffer["outbox"]
  private readonly options: ClientSessionOptions
  private readonly buffer: EventBuffer
  private readonly queue: StartQueue
  private readonly chunks = new Map<number, SessionChunk>()
  /** The chunk of the latest run: only this one can have further runs. */
  private latest: SessionChunk | undefined
  private subscription: ProducerSubscription | undefined
  private count = 0
  private credit = 0
  private largestCredit = 0
  private draining = false

  constructor(options: ClientSessionOptions) {
    this.options = options
    this.buffer = new EventBuffer(options)
    this.queue = new StartQueue(options.slots, (entry) => this.buffer.claim(entry))
    this.events = this.buffer.outbox
  }

  /** Called before any other method. */
  subscribed(subscription: ProducerSubscription): void {
    this.subscription = subscription
  }

  /** Tasks without an outcome. */
  get unsettled(): number {
    let open = 0
    for (const chunk of this.chunks.values()) open += chunk.open
    return open
  }

  /** It has tasks without an outcome. */
  get busy(): boolean {
    return this.chunks.size > 0
  }

  // --- the client's commands -------------------------------------------------

  /** Throws for commands that no client of this version sends. */
  onCommands(commands: typeof Commands.Type): void {
    if (!this.events.receive(commands, bytesOfCommands(commands))) return
    const { cancels, confirmed, runs, steal } = commands
    for (const run of runs) this.run(run, runs.length === 1)
    for (const position of confirmed) {
      const entry = this.find(position)
      if (entry !== undefined) this.queue.confirm(entry)
    }
    if (cancels.length > 0) this.cancel(cancels.map((position) => this.find(position)))
    if (steal) this.returnUnstarted()
    this.subscription!.ready()
  }

  /** A task without an outcome. */
  private find({ at, chunk: id }: { readonly at: number; readonly chunk: number }): SessionEntry | undefined {
    const chunk = this.chunks.get(id)
    chunk?.blocks.find(({ first, size }) => first <= at && at < first + size)?.expand()
    return chunk?.entries[at]
  }

  /** `isOnly`: its message has no other. */
  private run(run: typeof RunCommand.Type, isOnly: boolean): void {
    const { catalog } = this.options
    const { attempts, confirmStart, first, spans, timeouts } = run
    const count = run.nameIndexes.length >> 1
    checkRun(run, count)
    const chunk = this.chunkOf(run, count)
    if (this.takesBlock(run, count, isOnly)) return this.addBlock(chunk, first, count, run.payloads[0])
    const nameIndexes = fromNumbers16(run.nameIndexes)
    const codecs = chunk.names.map((name) => catalog.values(name)?.payload)
    const payloads = decodeAll(run.payloads, nameIndexes, codecs)
    const taken = codecs.map(() => 0)
    nameIndexes.forEach((nameIndex, i) => {
      const timeout = timeouts?.[i] ?? -1
      const span = spans?.[i]
      const entry = new SessionEntry(
        catalog.task(chunk.names[nameIndex]),
        this.count++,
        timeout < 0 ? undefined : timeout,
        chunk,
        first + i,
        nameIndex,
        span === undefined || span === null ? undefined : Tracer.externalSpan(span),
        confirmStart
      )
      // The scheduler counts the next start itself.
      entry.attempt = (attempts?.[i] ?? 1) - 1
      chunk.entries[entry.at] = entry
      const ofName = payloads[nameIndex]
      // The client may have sent the run before it learned that this worker drains.
      if (this.draining) this.returnEntry(entry)
      else if (typeof ofName === "string") this.refuse(entry, ofName, codecs[nameIndex] !== undefined)
      else {
        entry.payload = ofName[taken[nameIndex]++]
        this.queue.add(entry)
      }
    })
  }

  /** Whether the tasks of a run need no entries. */
  private takesBlock(
    { attempts, confirmStart, names, payloads, spans, timeouts }: typeof RunCommand.Type,
    count: number,
    isOnly: boolean
  ): boolean {
    // Entries of small runs travel together to a thread, unless there is nothing to travel with.
    if (count < MIN_BLOCK && !(isOnly && this.queue.isEmpty)) return false
    if (names.length !== 1 || confirmStart || attempts !== undefined || timeouts !== undefined || spans !== undefined) {
      return false
    }
    const { catalog, maxTaskBytes } = this.options
    const [name] = names
    const { idempotent, transfer } = catalog.task(name)["~papyros/Task"]
    return catalog.values(name) !== undefined && idempotent && transfer === undefined && !this.draining &&
      payloads[0].length <= MAX_BLOCK_BYTES && maxTaskBytes >= FRAME_BYTES
  }

  private addBlock(chunk: SessionChunk, first: number, size: number, payloads: Uint8Array): void {
    const block = new SessionBlock(this, chunk.names[0], chunk, first, size, this.count, payloads)
    this.count += size
    chunk.blocks.push(block)
    this.queue.add(block)
  }

  entryOf({ first, index, name, of }: SessionBlock, position: number): SessionEntry {
    const task = this.options.catalog.task(name)
    return new SessionEntry(task, index + position, undefined, of, first + position, 0, undefined, false)
  }

  payloadsOf({ name, payloads, size }: SessionBlock): DecodedValues {
    return decodeValues(this.options.catalog.values(name)?.payload, payloads, size)
  }

  resultsOf({ name }: SessionBlock, results: Uint8Array, count: number): DecodedValues {
    return decodeValues(this.options.catalog.values(name)?.success, results, count)
  }

  settledBlock({ first, of }: SessionBlock, from: number, to: number, results: Uint8Array, micros: number): void {
    this.buffer.settleBlock(of, first + from, first + to, results, micros)
    this.closeTasks(of, to - from)
  }

  /** The chunk of a run. Its tasks count as open. */
  private chunkOf({ chunk: id, first, names }: typeof RunCommand.Type, count: number): SessionChunk {
    const { latest } = this
    if (latest?.id === id) {
      if (first < latest.received) throw new RangeError("a task was sent twice")
    } else {
      if (latest !== undefined && id < latest.id) throw new RangeError("a chunk was sent again")
      if (this.chunks.size >= this.largestCredit * CHUNKS_PER_CREDIT) throw new RangeError("more chunks than granted")
      this.latest = { id, names, entries: [], blocks: [], received: 0, open: 0 }
    }
    const chunk = this.latest!
    if (first + count > MAX_CHUNK || names.length !== chunk.names.length) throw new RangeError("a malformed chunk")
    chunk.received = first + count
    chunk.open += count
    this.chunks.set(id, chunk)
    return chunk
  }

  /** Fails a task without a start. */
  refuse(entry: SessionEntry, message: string, isKnown = true): void {
    if (entry.assignment !== undefined) this.subscription!.forgets(entry)
    entry.cancelled = true
    entry.refusal = isKnown ? { _tag: "Undecodable", part: "payload", message } : { _tag: "UnknownTask" }
    this.buffer.settle(entry)
    this.close(entry)
  }

  private cancel(entries: ReadonlyArray<SessionEntry | undefined>): void {
    const open = entries.filter((entry) => entry?.cancelled === false) as ReadonlyArray<SessionEntry>
    for (const entry of this.subscription!.cancel(open) as ReadonlyArray<SessionEntry>) {
      this.queue.withdraw(entry)
      this.returnEntry(entry)
    }
  }

  private returnUnstarted(): void {
    const requeued = this.subscription!.reclaim() as ReadonlyArray<SessionEntry>
    for (const entry of requeued) if (!entry.cancelled) this.returnEntry(entry)
    for (const entry of this.queue.takeAll()) this.returnEntry(entry)
  }

  // --- the worker's side -----------------------------------------------------

  /** Grants the client this number of chunks in flight. */
  grant(credit: number): void {
    if (credit === this.credit) return
    this.credit = credit
    this.largestCredit = Math.max(credit, this.largestCredit)
    this.buffer.grant(credit)
  }

  /** Starts nothing more, and returns all that has not started. */
  drain(): void {
    this.draining = true
    this.returnUnstarted()
    this.grant(0)
  }

  /** Interrupts the running tasks; calls `stopped` once they have stopped. */
  end(stopped: () => void): void {
    this.queue.clear()
    this.events.close()
    this.subscription!.end(stopped)
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    return this.queue.next()
  }

  nextBlock(fits: (block: TaskBlock) => boolean): TaskBlock | undefined {
    return this.queue.nextBlock(fits)
  }

  settled(entry: TaskEntry): void {
    this.buffer.settle(entry as SessionEntry)
    this.close(entry as SessionEntry)
  }

  dropped(entry: TaskEntry): void {
    // One that was refused has its outcome.
    if ((entry as SessionEntry).refusal === undefined) this.returnEntry(entry as SessionEntry)
  }

  onCapacity(): void {}

  closed(): void {}

  private returnEntry(entry: SessionEntry): void {
    entry.cancelled = true
    this.buffer.returnEntry(entry)
    this.close(entry)
  }

  private close({ at, chunk }: SessionEntry): void {
    chunk.entries[at] = undefined
    this.closeTasks(chunk, 1)
  }

  private closeTasks(chunk: SessionChunk, count: number): void {
    chunk.open -= count
    if (chunk.open > 0) return
    this.chunks.delete(chunk.id)
    if (this.chunks.size === 0) this.options.onIdle()
  }
}

/** Throws for a run that no client of this version sends. */
const checkRun = (run: typeof RunCommand.Type, count: number): void => {
  const { attempts, chunk, first, nameIndexes, names, payloads, spans, timeouts } = run
  const isOfRun = (list: ReadonlyArray<unknown> | undefined) => list === undefined || list.length === count
  if (
    !Number.isSafeInteger(chunk) || !Number.isSafeInteger(first) || first < 0 || count === 0 ||
    names.length > MAX_CHUNK || payloads.length !== names.length ||
    !areBelow16(nameIndexes, names.length) ||
    !isOfRun(attempts) || !isOfRun(timeouts) || !isOfRun(spans) ||
    attempts?.every((attempt) => Number.isSafeInteger(attempt) && attempt > 0) === false ||
    timeouts?.every((timeout) => Number.isFinite(timeout)) === false
  ) throw new RangeError("a malformed run")
}
