/**
 * The events that wait to be sent to a client, and their encoding.
 *
 * Must stay true: a result or an error that is too large, or cannot be cloned, fails alone, and the message says so.
 * Outcomes are sent in messages of about 1 MiB.
 */
import * as Duration from "effect/Duration"
import type * as Executor from "../../../Executor.ts"
import type { TaskFailure } from "../../../TaskFailure.ts"
import type { TaskStats } from "../../scheduler/chunkSizing.ts"
import type * as Task from "../../task.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { ChunkOutcomes, Events } from "../protocol/messages.ts"
import { ConnectionOutbox } from "../protocol/outbox.ts"
import { encodeFrames, type IndexedValue, toNumbers16, tooLarge } from "../protocol/payloads.ts"
import * as Serialization from "../protocol/serialization.ts"
import type { SessionChunk, SessionEntry } from "./startQueue.ts"

/** Results in one message, in bytes, beyond which no further chunk is added. */
const MAX_MESSAGE_BYTES = 1024 * 1024

export interface EventBufferOptions {
  readonly catalog: TaskCatalog
  /** The largest result that is sent, in bytes. */
  readonly maxTaskBytes: number
  /** The name of this worker. */
  readonly worker: string
}

export class EventBuffer {
  readonly outbox: ConnectionOutbox<typeof Events.Type>
  private readonly options: EventBufferOptions
  private readonly settled = new Map<SessionChunk, Array<SessionEntry>>()
  private returned: Array<SessionEntry> = []
  private claims: Array<SessionEntry> = []
  private credit: number | undefined

  constructor(options: EventBufferOptions) {
    this.options = options
    this.outbox = new ConnectionOutbox(() => this.collect())
  }

  /** The task has its outcome. */
  settle(entry: SessionEntry): void {
    const ofChunk = this.settled.get(entry.chunk)
    if (ofChunk === undefined) this.settled.set(entry.chunk, [entry])
    else ofChunk.push(entry)
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

  private collect(): typeof Events.Type | undefined {
    const { claims, credit, returned } = this
    if (this.settled.size === 0 && claims.length === 0 && returned.length === 0 && credit === undefined) {
      return undefined
    }
    this.claims = []
    this.returned = []
    this.credit = undefined
    const outcomes: Array<typeof ChunkOutcomes.Type> = []
    let bytes = 0
    for (const [chunk, entries] of this.settled) {
      if (bytes > MAX_MESSAGE_BYTES) break
      this.settled.delete(chunk)
      for (const ofChunk of this.encode(chunk, entries)) {
        outcomes.push(ofChunk)
        bytes += ofChunk.values.length
      }
      for (const entry of entries) entry.delivered()
    }
    return {
      outcomes,
      returned: returned.map(positionOf),
      claims: claims.map(positionOf),
      ...(credit === undefined ? {} : { credit })
    }
  }

  private encode(chunk: SessionChunk, entries: ReadonlyArray<SessionEntry>): ReadonlyArray<typeof ChunkOutcomes.Type> {
    const succeeded = entries.filter((entry) => entry.failure === undefined)
    const failures = entries.flatMap((entry) =>
      entry.failure === undefined
        ? []
        : [this.encodeFailure(entry, toWireFailure(entry.failure), entry.failure.worker)]
    )
    let micros = 0
    for (const { type } of entries) micros += (type as TaskStats | undefined)?.micros ?? 0
    const frames = encodeFrames(
      succeeded.map(({ nameIndex, value }): IndexedValue => ({ nameIndex, value })),
      chunk.names.map((name) => this.options.catalog.shapes(name).success),
      this.options.maxTaskBytes,
      (at, message) => {
        const failure: Executor.WireFailure = { _tag: "Undecodable", part: "success", message }
        failures.push(this.encodeFailure(succeeded[at], failure, undefined))
      }
    )
    const outcomes = frames.map(({ bytes, from, to }): typeof ChunkOutcomes.Type => ({
      chunk: chunk.id,
      succeeded: toNumbers16(succeeded.slice(from, to).map(({ at }) => at)),
      values: bytes,
      failures: [],
      micros: (micros * (to - from)) / entries.length
    }))
    return failures.length === 0
      ? outcomes
      : [...outcomes, { chunk: chunk.id, succeeded: NO_BYTES, values: NO_BYTES, failures, micros: 0 }]
  }

  private encodeFailure(
    { at, attempt }: SessionEntry,
    failure: Executor.WireFailure,
    thread: string | undefined
  ): typeof ChunkOutcomes.Type["failures"][number] {
    const { maxTaskBytes, worker } = this.options
    return {
      at,
      attempt,
      worker: thread === undefined ? worker : `${worker}/${thread}`,
      failure: toBytes(failure, maxTaskBytes)
    }
  }
}

const NO_BYTES = new Uint8Array()

const positionOf = ({ at, chunk }: SessionEntry) => ({ chunk: chunk.id, at })

/** A failure whose error is too large, or cannot be cloned, is replaced by one that says so. */
const toBytes = (failure: Executor.WireFailure, limit: number): Uint8Array => {
  let why: string
  try {
    const bytes = Serialization.encode(failure)
    if (bytes.length <= limit) return bytes
    why = tooLarge(bytes.length, limit)
  } catch (error) {
    why = String(error)
  }
  const part = failure._tag === "Failed" ? "error" : "defect"
  return Serialization.encode({ _tag: "Undecodable", part, message: why } satisfies Executor.WireFailure)
}

/** A failure of the worker's own scheduler, whose error is still encoded, in the form that crosses the wire. */
const toWireFailure = ({ reason, trace }: TaskFailure<Task.Any>): Executor.WireFailure => {
  switch (reason._tag) {
    case "Failed":
      return { _tag: "Failed", error: reason.error, trace }
    case "Defect":
      return { _tag: "Defect", defect: reason.defect, trace }
    case "Interrupted":
      return { _tag: "Interrupted", trace }
    case "TimedOut":
      return { _tag: "TimedOut", millis: Duration.toMillis(reason.duration) }
    case "UnknownTask":
      return { _tag: "UnknownTask" }
    case "Undecodable":
      return { _tag: "Undecodable", part: reason.part, message: reason.message }
    case "WorkerLost": {
      const { exitCode, outOfMemory, signal } = reason
      return { _tag: "WorkerLost", exitCode, outOfMemory, signal }
    }
    case "NoWorker":
      return { _tag: "NoWorker", millis: 0, cause: reason.message }
  }
}
