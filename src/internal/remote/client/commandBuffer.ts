/**
 * The commands that wait to be sent to a worker, and their encoding.
 *
 * Must stay true: a message has about 1 MiB, or one payload, so that the worker takes it and other
 * commands are not delayed behind many large chunks. A payload that is too large fails alone.
 */
import type * as Executor from "../../../Executor.ts"
import type { WireSpan } from "../../encoding/span.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { Commands, RunCommand } from "../protocol/messages.ts"
import { type After, type Collected, type Numbered, SessionOutbox } from "../protocol/outbox.ts"
import { encodeFrames, FRAME_BYTES, toNumbers16 } from "../protocol/payloads.ts"
import type { InFlightChunk } from "./inFlight.ts"

/** Confirmations or cancellations in one message. */
const MAX_POSITIONS = 16_384

export type ItemPosition = typeof Commands.Type["cancels"][number]

/** Commands without their numbers. */
export type CommandsContent = Omit<typeof Commands.Type, keyof Numbered>

export interface CommandBufferOptions {
  readonly catalog: TaskCatalog
  readonly maxTaskBytes: number
  readonly after: After
  /** A payload cannot be sent. */
  readonly onUnsendable: (chunk: Executor.Chunk, at: number, message: string) => void
}

export class CommandBuffer {
  readonly outbox: SessionOutbox<CommandsContent>
  private readonly options: CommandBufferOptions
  private unsent: Array<InFlightChunk> = []
  /** The runs of the chunk that is being sent. */
  private runs: Iterator<SizedRun> | undefined
  /** The next run, which did not fit into the last message. */
  private next: SizedRun | undefined
  private confirmed: Array<ItemPosition> = []
  private cancels: Array<{ readonly inFlight: InFlightChunk; readonly at: number }> = []
  private steal = false

  constructor(options: CommandBufferOptions) {
    this.options = options
    const empty = { runs: [], confirmed: [], cancels: [], steal: false }
    this.outbox = new SessionOutbox(() => this.collect(), empty, options.after)
  }

  run(inFlight: InFlightChunk): void {
    this.unsent.push(inFlight)
    this.outbox.added()
  }

  confirm(position: ItemPosition): void {
    this.confirmed.push(position)
    this.outbox.added()
  }

  cancel(inFlight: InFlightChunk, at: number): void {
    this.cancels.push({ inFlight, at })
    this.outbox.added()
  }

  requestSteal(): void {
    this.steal = true
    this.outbox.added()
  }

  /** A request to return tasks waits to be sent. */
  get isStealing(): boolean {
    return this.steal
  }

  /** Forgets the payloads that were not sent. */
  dropUnsent(): void {
    this.unsent = []
    this.runs = undefined
    this.next = undefined
  }

  private collect(): Collected<CommandsContent> | undefined {
    const { bytes, runs } = this.takeRuns()
    const { steal } = this
    this.steal = false
    const confirmed = this.confirmed.splice(0, MAX_POSITIONS)
    const cancels = this.takeCancels()
    if (runs.length === 0 && cancels.length === 0 && confirmed.length === 0 && !steal) return undefined
    return { content: { runs, confirmed, cancels, steal }, bytes }
  }

  private takeRuns(): { readonly runs: CommandsContent["runs"]; readonly bytes: number } {
    const taken: Array<typeof RunCommand.Type> = []
    let bytes = 0
    for (let next = this.nextRun(); next !== undefined; next = this.nextRun()) {
      if (taken.length > 0 && bytes + next.bytes > FRAME_BYTES) {
        this.next = next
        break
      }
      taken.push(next.run)
      bytes += next.bytes
      next.inFlight.sent = next.to
    }
    return { runs: taken, bytes }
  }

  /** The worker must not get a cancellation before its task. */
  private takeCancels(): ReadonlyArray<ItemPosition> {
    if (this.cancels.length === 0) return []
    const taken: Array<ItemPosition> = []
    this.cancels = this.cancels.filter(({ at, inFlight }) => {
      if (inFlight.closed[at] === 1) return false
      if (at >= inFlight.sent || taken.length === MAX_POSITIONS) return true
      taken.push({ chunk: inFlight.chunk.id, at })
      return false
    })
    return taken
  }

  private nextRun(): SizedRun | undefined {
    const { next } = this
    this.next = undefined
    if (next !== undefined) return next
    while (true) {
      const result = this.runs?.next()
      if (result?.done === false) return result.value
      const inFlight = this.unsent.shift()
      this.runs = inFlight === undefined ? undefined : this.encode(inFlight)
      if (inFlight === undefined) return undefined
    }
  }

  private *encode(inFlight: InFlightChunk): Generator<SizedRun> {
    const { chunk, nameIndexes, names } = inFlight
    const { items } = chunk
    const { catalog, maxTaskBytes, onUnsendable } = this.options
    const frames = encodeFrames(
      items.map(({ payload }, at) => ({ nameIndex: nameIndexes[at], value: payload })),
      names.map((name) => catalog.values(name)?.payload),
      maxTaskBytes,
      (at, message) => onUnsendable(chunk, at, message)
    )
    for (const { bytes, from, to, values } of frames) {
      const isWhole = from === 0 && to === items.length
      const run: typeof RunCommand.Type = {
        chunk: chunk.id,
        first: from,
        names,
        nameIndexes: names.length === 1
          ? new Uint8Array(2 * (to - from))
          : toNumbers16(isWhole ? nameIndexes : nameIndexes.slice(from, to)),
        payloads: values,
        confirmStart: chunk.quarantined,
        ...extrasOf(isWhole ? items : items.slice(from, to))
      }
      yield { inFlight, run, bytes: bytes + bytesBesidePayloads(run), to }
    }
  }
}

interface SizedRun {
  readonly inFlight: InFlightChunk
  readonly run: typeof RunCommand.Type
  /** About the bytes that it takes. */
  readonly bytes: number
  /** The position after its last task. */
  readonly to: number
}

/** About as many bytes as a number takes, and a span beside its ids. */
const NUMBER_BYTES = 9
const SPAN_BYTES = 8

/** Of many tiny tasks, the payloads take a small part of the message. */
const bytesBesidePayloads = ({ attempts, nameIndexes, names, spans, timeouts }: typeof RunCommand.Type): number => {
  let bytes = nameIndexes.length + NUMBER_BYTES * ((attempts?.length ?? 0) + (timeouts?.length ?? 0))
  for (const name of names) bytes += name.length
  for (const span of spans ?? []) bytes += span === null ? 1 : SPAN_BYTES + span.traceId.length + span.spanId.length
  return bytes
}

/** The properties that few tasks have. */
const extrasOf = (
  items: ReadonlyArray<Executor.Item>
): Pick<typeof RunCommand.Type, "attempts" | "spans" | "timeouts"> => {
  let hasAttempts = false
  let hasTimeouts = false
  let hasSpans = false
  for (const { attempt, span, taskTimeout } of items) {
    if (attempt > 1) hasAttempts = true
    if (taskTimeout !== undefined) hasTimeouts = true
    if (span !== undefined) hasSpans = true
  }
  return {
    ...(hasAttempts ? { attempts: items.map(({ attempt }) => attempt) } : {}),
    ...(hasTimeouts ? { timeouts: items.map(({ taskTimeout }) => taskTimeout ?? -1) } : {}),
    ...(hasSpans ? { spans: items.map(spanOf) } : {})
  }
}

const spanOf = ({ span }: Executor.Item): WireSpan | null =>
  span === undefined ? null : { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }
