/**
 * One session at a worker process, as the scheduler of a client sees it: takes chunks while the worker grants
 * credit, reports the worker's events, and asks for unstarted tasks when another worker is idle.
 *
 * Must stay true: a session that ends is a loss, unless the worker has announced that it drains. A task whose start
 * must be confirmed has started only if this handle confirmed its claim. See docs/internals/remote-protocol.md for
 * credit, claims and stealing.
 */
import type * as Executor from "../../../Executor.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import { MAX_CHUNK } from "../protocol/limits.ts"
import type { ChunkOutcomes, Events } from "../protocol/messages.ts"
import { bytesOfEvents } from "../protocol/messageSizes.ts"
import type { SessionOutbox } from "../protocol/outbox.ts"
import { areBelow16, decodeAll, decodeValues, fromNumbers16 } from "../protocol/payloads.ts"
import { CommandBuffer, type CommandsContent, type ItemPosition } from "./commandBuffer.ts"
import { decodeFailure } from "./failures.ts"
import { type InFlightChunk, InFlightChunks, usedCredit } from "./inFlight.ts"

/** How long a worker without outcomes keeps its unstarted tasks while another worker is idle, in milliseconds. */
const STEAL_DELAY = 40

/** The longest time that a worker may report for one message, in microseconds: 30 years. */
const MAX_MICROS = 1e15

export interface ProcessHandleOptions {
  readonly name: string
  readonly slots: number
  readonly maxTaskBytes: number
  readonly catalog: TaskCatalog
  readonly unsupported: (name: string) => string | undefined
  readonly scheduler: Executor.Scheduler
  readonly onJoined: () => void
  /** The worker drains and has nothing in flight any more. */
  readonly onLeft: () => void
}

export class ProcessHandle implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly unsupported: (name: string) => string | undefined
  /** The commands to send. */
  readonly commands: SessionOutbox<CommandsContent>
  private readonly options: ProcessHandleOptions
  private readonly scheduler: Executor.Scheduler
  private readonly inFlight = new InFlightChunks()
  private readonly buffer: CommandBuffer
  private credit = 0
  joined = false
  private draining = false
  /** Its connection is lost, and the session may go on over another one. */
  private suspended = false
  /** When the worker last sent an outcome, was last asked to return tasks, or got a chunk while it had none. */
  private lastProgress = 0

  constructor(options: ProcessHandleOptions) {
    this.options = options
    this.scheduler = options.scheduler
    this.name = options.name
    this.concurrency = options.slots
    this.window = 2 * options.slots * MAX_CHUNK
    this.unsupported = options.unsupported
    this.buffer = new CommandBuffer({
      catalog: options.catalog,
      maxTaskBytes: options.maxTaskBytes,
      after: (millis, f) => options.scheduler.after(millis, f),
      onUnsendable: (chunk, at, message) => {
        this.fail(chunk, at, { _tag: "Undecodable", part: "payload", message })
        // The failed item has freed credit.
        queueMicrotask(() => {
          this.pull()
          this.leaveIfDrained()
        })
      }
    })
    this.commands = this.buffer.outbox
  }

  get busy(): boolean {
    return this.inFlight.size > 0
  }

  /** It has a task that the other worker supports. */
  hasTaskFor(other: Pick<ProcessHandle, "unsupported">): boolean {
    return this.inFlight.some(({ names }) => names.some((name) => other.unsupported(name) === undefined))
  }

  /** It can run tasks, and has none. */
  get idle(): boolean {
    return this.joined && !this.draining && !this.suspended && this.inFlight.size === 0
  }

  // --- the scheduler's side --------------------------------------------------

  wake(): void {
    this.pull()
  }

  private readonly pull = (): void => {
    let used = this.inFlight.usedCredit
    while (this.joined && !this.suspended && used < this.credit) {
      const chunk = this.scheduler.take(this, MAX_CHUNK)
      if (chunk === undefined) return
      if (this.inFlight.size === 0) this.lastProgress = this.scheduler.now()
      const added = this.inFlight.add(chunk)
      chunk.note = added
      used += usedCredit(added)
      this.buffer.run(added)
    }
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    const inFlight = this.inFlight.get(chunk.id)
    if (inFlight !== undefined) this.buffer.cancel(inFlight, at)
  }

  // --- the worker's side -----------------------------------------------------

  /** Throws for a message that no worker of this version sends. */
  onMessage(events: typeof Events.Type): void {
    if (!this.commands.receive(events, bytesOfEvents(events))) return
    const { claims, credit, outcomes, returned } = events
    if (outcomes.length > 0) this.lastProgress = this.scheduler.now()
    for (const ofChunk of outcomes) this.onOutcomes(ofChunk)
    this.onReturned(returned)
    for (const { at, chunk } of claims) this.onClaim(this.inFlight.get(chunk), at)
    if (credit !== undefined) this.onCredit(credit)
    this.pull()
    this.leaveIfDrained()
  }

  private leaveIfDrained(): void {
    if (this.draining && this.inFlight.size === 0) this.options.onLeft()
  }

  private onCredit(credit: number): void {
    if (!Number.isSafeInteger(credit) || credit < 0) throw new RangeError("a malformed credit")
    this.credit = credit
    this.draining ||= credit === 0
    if (this.joined || credit === 0) return
    this.joined = true
    this.options.onJoined()
    this.scheduler.join(this)
  }

  private onOutcomes({ chunk: id, failures, micros, succeeded, values }: typeof ChunkOutcomes.Type): void {
    const inFlight = this.inFlight.get(id)
    if (inFlight === undefined) return
    const { chunk, nameIndexes, names } = inFlight
    // Everything is checked before anything is reported: a message that cannot be read has no effect.
    const isKnown = areBelow16(succeeded, chunk.size) && failures.every(({ at }) => isPosition(inFlight, at))
    if (!isKnown || !(micros >= 0 && micros <= MAX_MICROS)) throw unknownTask()
    const { catalog } = this.options
    const positions = fromNumbers16(succeeded)
    const hasOneName = names.length === 1
    const decoded = hasOneName
      ? [decodeValues(catalog.values(names[0])?.success, values[0], positions.length)]
      : decodeAll(
        values,
        positions.map((at) => nameIndexes[at]),
        names.map((name) => catalog.values(name)?.success)
      )
    const { items } = chunk
    this.scheduler.recordBusy(positions.length === items.length ? items : positions.map((at) => items[at]), micros)
    const taken = names.map(() => 0)
    for (let i = 0; i < positions.length; i++) {
      const at = positions[i]
      const nameIndex = hasOneName ? 0 : nameIndexes[at]
      const ofName = decoded[nameIndex]
      if (typeof ofName === "string") {
        this.fail(chunk, at, { _tag: "Undecodable", part: "success", message: ofName })
      } else {
        this.scheduler.succeed(chunk, at, ofName[taken[nameIndex]++])
        this.inFlight.close(inFlight, at)
      }
    }
    for (const { at, attempt, failure, worker } of failures) {
      const own = decodeFailure(failure, catalog.values(names[nameIndexes[at]]))
      this.fail(chunk, at, own, { attempt, worker: sanitizeForLog(worker) })
    }
  }

  private fail(
    chunk: Executor.Chunk,
    at: number,
    failure: Executor.WireFailure,
    attempt?: Executor.AttemptInfo
  ): void {
    this.scheduler.fail(chunk, at, failure, attempt)
    const inFlight = this.inFlight.get(chunk.id)
    if (inFlight !== undefined) this.inFlight.close(inFlight, at)
  }

  /** Adjacent items are returned together, so that they start together elsewhere. */
  private onReturned(positions: ReadonlyArray<ItemPosition>): void {
    const sorted = positions.toSorted((a, b) => a.chunk - b.chunk || a.at - b.at)
    for (let i = 0; i < sorted.length;) {
      const { at, chunk } = sorted[i]
      let length = 1
      while (sorted[i + length]?.chunk === chunk && sorted[i + length].at === at + length) length++
      i += length
      const inFlight = this.inFlight.get(chunk)
      if (inFlight === undefined) continue
      if (!isPosition(inFlight, at) || !isPosition(inFlight, at + length - 1)) throw unknownTask()
      for (let item = at; item < at + length; item++) this.inFlight.close(inFlight, item)
      this.scheduler.requeue(inFlight.chunk, at, at + length)
    }
  }

  private onClaim(inFlight: InFlightChunk | undefined, at: number): void {
    if (inFlight !== undefined && !isPosition(inFlight, at)) throw unknownTask()
    // A cancelled item is not confirmed: the worker returns it.
    if (inFlight === undefined || inFlight.closed[at] === 1) return
    inFlight.confirmed.add(at)
    this.buffer.confirm({ chunk: inFlight.chunk.id, at })
  }

  // --- between workers -------------------------------------------------------

  /** Another worker is idle: asks this one to return its unstarted tasks, if it has shown no progress for a while. */
  requestSteal(now: number): void {
    if (this.suspended || this.buffer.isStealing || now - this.lastProgress < STEAL_DELAY) return
    if (this.inFlight.open <= this.concurrency) return
    this.lastProgress = now
    this.buffer.requestSteal()
  }

  /** The connection is lost: takes nothing more until the session goes on. */
  suspend(): void {
    this.suspended = true
  }

  /** The session goes on over another connection: the worker has received the commands up to this number. */
  resume(received: number): void {
    this.suspended = false
    this.commands.resume(received)
    this.pull()
  }

  /** The session has ended. */
  lost(): void {
    this.commands.close()
    if (!this.joined) return
    this.joined = false
    const sent = this.inFlight.clear().filter(({ sent }) => sent > 0)
    this.buffer.dropUnsent()
    this.scheduler.leave(this, {
      outOfMemory: false,
      attribution: this.draining ? "nobody" : undefined,
      chunks: sent.map(({ chunk, confirmed, sent }) => ({
        chunk,
        started: (at) => at < sent && (confirmed.has(at) || !(chunk.quarantined || !chunk.items[at].idempotent))
      }))
    })
  }
}

const isPosition = ({ chunk }: InFlightChunk, at: number): boolean =>
  Number.isInteger(at) && at >= 0 && at < chunk.items.length

const unknownTask = (): RangeError => new RangeError("a report about a task that the chunk does not have")
