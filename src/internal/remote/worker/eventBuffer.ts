/**
 * The events that wait to be sent to a client, and their encoding.
 *
 * Must stay true: a message contains at most about 1 MiB of results and failures, or a single one, so that the client
 * accepts it. A result or an error that is too large, or cannot be encoded, fails only its own task, with a message.
 */
import { Deque } from "../../deque.ts"
import type { TaskStats } from "../../scheduler/chunkSizing.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { ChunkOutcomes, Events, WireFailure } from "../protocol/messages.ts"
import { type After, type Collected, type Numbered, SessionOutbox } from "../protocol/outbox.ts"
import { encodeFrames, FRAME_BYTES, type IndexedValue, range16, toNumbers16 } from "../protocol/payloads.ts"
import { bytesOf, encodeFailure } from "./failures.ts"
import type { SessionChunk, SessionEntry } from "./sessionEntry.ts"

/** The largest number of claims, and of returned tasks, in one message. */
const MAX_POSITIONS = 16_384

/** The content of a message, without its numbers. */
type EventsContent = Omit<typeof Events.Type, keyof Numbered>

export interface EventBufferOptions {
  readonly catalog: TaskCatalog
  /** The largest result that is sent, in bytes. */
  readonly maxTaskBytes: number
  /** The name of this worker. */
  readonly worker: string
  readonly after: After
}

interface SizedOutcomes {
  readonly outcomes: typeof ChunkOutcomes.Type
  /** The bytes of its results and failures. */
  readonly bytes: number
}

type ItemFailure = typeof ChunkOutcomes.Type["failures"][number]

export class EventBuffer {
  readonly outbox: SessionOutbox<EventsContent>
  private readonly options: EventBufferOptions
  private readonly settled = new Map<SessionChunk, Array<SessionEntry>>()
  /** The outcomes of the chunk that is being sent. */
  private encoding: Iterator<SizedOutcomes> | undefined
  /** The next outcomes, which did not fit into the last message. */
  private next: SizedOutcomes | undefined
  /** Outcomes of blocks. */
  private readonly blocks = new Deque<SizedOutcomes>()
  private returned: Array<SessionEntry> = []
  private claims: Array<SessionEntry> = []
  private credit: number | undefined

  constructor(options: EventBufferOptions) {
    this.options = options
    const empty = { outcomes: [], returned: [], claims: [] }
    this.outbox = new SessionOutbox(() => this.collect(), empty, options.after)
  }

  /** The task has its outcome. */
  settle(entry: SessionEntry): void {
    const ofChunk = this.settled.get(entry.chunk)
    if (ofChunk === undefined) this.settled.set(entry.chunk, [entry])
    else ofChunk.push(entry)
    this.outbox.added()
  }

  /** The tasks of a chunk from `from` up to, not including, `to` have succeeded, and took so many microseconds each. */
  settleBlock(chunk: SessionChunk, from: number, to: number, results: Uint8Array, micros: number): void {
    const succeeded = range16(from, to)
    this.blocks.push({
      outcomes: { chunk: chunk.id, succeeded, values: [results], failures: [], micros: micros * (to - from) },
      bytes: results.length + succeeded.length
    })
    this.outbox.added()
  }

  /** The task did not start, and will not start here. */
  returnEntry(entry: SessionEntry): void {
    this.returned.push(entry)
    this.outbox.added()
  }

  /** The task starts as soon as the claim is confirmed. */
  claim(entry: SessionEntry): void {
    this.claims.push(entry)
    this.outbox.added()
  }

  grant(credit: number): void {
    this.credit = credit
    this.outbox.added()
  }

  private collect(): Collected<EventsContent> | undefined {
    const { bytes, outcomes } = this.takeOutcomes()
    const returned = this.returned.splice(0, MAX_POSITIONS)
    const claims = this.claims.splice(0, MAX_POSITIONS)
    const { credit } = this
    this.credit = undefined
    if (outcomes.length === 0 && claims.length === 0 && returned.length === 0 && credit === undefined) return undefined
    const content = {
      outcomes,
      returned: returned.map(positionOf),
      claims: claims.map(positionOf),
      ...(credit === undefined ? {} : { credit })
    }
    return { content, bytes }
  }

  private takeOutcomes(): { readonly outcomes: EventsContent["outcomes"]; readonly bytes: number } {
    const taken: Array<typeof ChunkOutcomes.Type> = []
    let bytes = 0
    for (let next = this.nextOutcomes(); next !== undefined; next = this.nextOutcomes()) {
      if (taken.length > 0 && bytes + next.bytes > FRAME_BYTES) {
        this.next = next
        break
      }
      taken.push(next.outcomes)
      bytes += next.bytes
    }
    return { outcomes: taken, bytes }
  }

  private nextOutcomes(): SizedOutcomes | undefined {
    const { next } = this
    this.next = undefined
    if (next !== undefined) return next
    const ofBlock = this.blocks.shift()
    if (ofBlock !== undefined) return ofBlock
    while (true) {
      const result = this.encoding?.next()
      if (result?.done === false) return result.value
      this.encoding = undefined
      for (const [chunk, entries] of this.settled) {
        this.settled.delete(chunk)
        this.encoding = this.encode(chunk, entries)
        break
      }
      if (this.encoding === undefined) return undefined
    }
  }

  private *encode(chunk: SessionChunk, entries: ReadonlyArray<SessionEntry>): Generator<SizedOutcomes> {
    const { catalog, maxTaskBytes } = this.options
    const succeeded = entries.filter((entry) => entry.failure === undefined && entry.refusal === undefined)
    let micros = 0
    for (const { type } of entries) micros += (type as TaskStats | undefined)?.micros ?? 0
    const refused: Array<ItemFailure> = []
    const frames = encodeFrames(
      succeeded.map(({ nameIndex, value }): IndexedValue => ({ nameIndex, value })),
      chunk.names.map((name) => catalog.values(name)?.success),
      maxTaskBytes,
      (at, message) =>
        refused.push(this.failureOf(succeeded[at], { _tag: "Undecodable", part: "success", message }, undefined))
    )
    for (const { bytes, from, to, values } of frames) {
      const some = succeeded.slice(from, to)
      for (const entry of some) entry.delivered()
      yield {
        outcomes: {
          chunk: chunk.id,
          succeeded: toNumbers16(some.map(({ at }) => at)),
          values,
          failures: [],
          micros: (micros * some.length) / entries.length
        },
        bytes
      }
    }
    yield* messages(chunk, refused)
    yield* messages(chunk, this.failuresOf(chunk, entries))
  }

  private *failuresOf(chunk: SessionChunk, entries: ReadonlyArray<SessionEntry>): Generator<ItemFailure> {
    const { catalog, maxTaskBytes } = this.options
    for (const entry of entries) {
      const { failure, refusal } = entry
      entry.delivered()
      if (refusal !== undefined) yield this.failureOf(entry, refusal, undefined)
      if (failure === undefined) continue
      const wire = encodeFailure(failure, catalog.values(chunk.names[entry.nameIndex]), maxTaskBytes)
      yield this.failureOf(entry, wire, failure.worker)
    }
  }

  private failureOf(
    { at, attempt }: SessionEntry,
    failure: typeof WireFailure.Type,
    thread: string | undefined
  ): ItemFailure {
    const { worker } = this.options
    return { at, attempt, worker: thread === undefined ? worker : `${worker}/${thread}`, failure }
  }
}

const positionOf = ({ at, chunk }: SessionEntry) => ({ chunk: chunk.id, at })

/** Splits the failures of a chunk into parts of about 1 MiB. */
const messages = function*(chunk: SessionChunk, all: Iterable<ItemFailure>): Generator<SizedOutcomes> {
  let failures: Array<ItemFailure> = []
  let bytes = 0
  const take = (): SizedOutcomes => {
    const taken = {
      outcomes: { chunk: chunk.id, succeeded: new Uint8Array(), values: [], failures, micros: 0 },
      bytes
    }
    failures = []
    bytes = 0
    return taken
  }
  for (const failure of all) {
    const size = sizeOf(failure)
    if (failures.length > 0 && bytes + size > FRAME_BYTES) yield take()
    failures.push(failure)
    bytes += size
  }
  if (failures.length > 0) yield take()
}

/** The approximate size of a failure with its trace and its message, in bytes. */
const sizeOf = ({ failure }: ItemFailure): number =>
  256 + bytesOf(failure) +
  ("trace" in failure ? failure.trace.length : "message" in failure ? failure.message.length : 0)
