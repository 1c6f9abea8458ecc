/**
 * The tasks of one client at a worker process: a producer of the worker's own scheduler, whose payloads come encoded
 * over the connection, and whose outcomes go back encoded.
 *
 * Must stay true: every task that the client sent is answered once, by an outcome or by its return, unless the session
 * ends first. See docs/internals/remote-protocol.md.
 */
import * as Tracer from "effect/Tracer"
import type { Producer, TaskEntry } from "../../scheduler/producer.ts"
import type { ProducerSubscription } from "../../scheduler/subscription.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { Commands, Events, RunCommand } from "../protocol/messages.ts"
import type { ConnectionOutbox } from "../protocol/outbox.ts"
import { decodeAll, fromNumbers16 } from "../protocol/payloads.ts"
import { EventBuffer } from "./eventBuffer.ts"
import { type SessionChunk, SessionEntry, StartQueue } from "./startQueue.ts"

export interface ClientSessionOptions {
  readonly catalog: TaskCatalog
  readonly maxTaskBytes: number
  /** The name of this worker. */
  readonly worker: string
  /** Tasks that it runs at once. */
  readonly slots: number
}

export class ClientSession implements Producer {
  readonly pushed = true
  readonly callers = 1
  readonly chunkSize = undefined
  readonly parent = undefined
  /** The events to send. */
  readonly events: ConnectionOutbox<typeof Events.Type>
  private readonly options: ClientSessionOptions
  private readonly buffer: EventBuffer
  private readonly queue: StartQueue
  private readonly chunks = new Map<number, SessionChunk>()
  private subscription: ProducerSubscription | undefined
  private count = 0
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

  // --- the client's commands -------------------------------------------------

  /** Throws for commands that no client of this version sends. */
  onCommands({ cancels, confirmed, runs, steal }: typeof Commands.Type): void {
    for (const run of runs) this.run(run)
    for (const { at, chunk } of confirmed) {
      const entry = this.chunks.get(chunk)?.entries[at]
      if (entry !== undefined) this.queue.confirm(entry)
    }
    if (cancels.length > 0) this.cancel(cancels.map(({ at, chunk }) => this.chunks.get(chunk)?.entries[at]))
    if (steal) this.returnUnstarted()
    this.subscription!.ready()
  }

  private run(run: typeof RunCommand.Type): void {
    const { catalog } = this.options
    const { attempts, first, names, spans, timeouts } = run
    const nameIndexes = fromNumbers16(run.nameIndexes)
    const payloads = decodeAll(run.payloads, nameIndexes, names.map((name) => catalog.shapes(name).payload))
    let chunk = this.chunks.get(run.chunk)
    if (chunk === undefined) this.chunks.set(run.chunk, chunk = { id: run.chunk, names, entries: [], open: 0 })
    chunk.open += payloads.length
    payloads.forEach((payload, i) => {
      const timeout = timeouts?.[i] ?? -1
      const span = spans?.[i]
      const entry = new SessionEntry(
        catalog.task(names[nameIndexes[i]]),
        this.count++,
        timeout < 0 ? undefined : timeout,
        chunk,
        first + i,
        nameIndexes[i],
        span === undefined || span === null ? undefined : Tracer.externalSpan(span),
        run.confirmStart
      )
      entry.payload = payload
      // The scheduler counts the next start itself.
      entry.attempt = (attempts?.[i] ?? 1) - 1
      chunk.entries[entry.at] = entry
      // The client may have sent the run before it learned that this worker drains.
      if (this.draining) this.returnEntry(entry)
      else this.queue.add(entry)
    })
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
    this.subscription!.end(stopped)
  }

  // --- the scheduler's side --------------------------------------------------

  next(): TaskEntry | undefined {
    return this.queue.next()
  }

  settled(entry: TaskEntry): void {
    this.buffer.settle(entry as SessionEntry)
    this.close(entry as SessionEntry)
  }

  dropped(entry: TaskEntry): void {
    this.returnEntry(entry as SessionEntry)
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
    if (--chunk.open === 0) this.chunks.delete(chunk.id)
  }
}
