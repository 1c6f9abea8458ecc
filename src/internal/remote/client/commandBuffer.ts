/**
 * The commands that wait to be sent to a worker, and their encoding.
 *
 * Must stay true: a message holds about 1 MiB of payloads, so that other commands are not delayed behind many large
 * chunks. A payload that is too large fails alone.
 */
import type * as Executor from "../../../Executor.ts"
import type { WireSpan } from "../../encoding/span.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { Commands, RunCommand } from "../protocol/messages.ts"
import { ConnectionOutbox } from "../protocol/outbox.ts"
import { encodeFrames, toNumbers16 } from "../protocol/payloads.ts"
import type { InFlightChunk } from "./inFlight.ts"

/** Payloads in one message, in bytes, beyond which no further chunk is added. */
const MAX_MESSAGE_BYTES = 1024 * 1024

export type ItemPosition = typeof Commands.Type["cancels"][number]

export interface CommandBufferOptions {
  readonly catalog: TaskCatalog
  readonly maxTaskBytes: number
  /** A payload cannot be sent. */
  readonly onUnsendable: (chunk: Executor.Chunk, at: number, message: string) => void
}

export class CommandBuffer {
  readonly outbox: ConnectionOutbox<typeof Commands.Type>
  private readonly options: CommandBufferOptions
  private unsent: Array<InFlightChunk> = []
  private confirmed: Array<ItemPosition> = []
  private cancels: Array<ItemPosition> = []
  private steal = false

  constructor(options: CommandBufferOptions) {
    this.options = options
    this.outbox = new ConnectionOutbox(() => this.collect())
  }

  run(inFlight: InFlightChunk): void {
    this.unsent.push(inFlight)
    this.outbox.added()
  }

  confirm(position: ItemPosition): void {
    this.confirmed.push(position)
    this.outbox.added()
  }

  cancel(position: ItemPosition): void {
    this.cancels.push(position)
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

  /** Forgets the chunks that were not sent. */
  dropUnsent(): void {
    this.unsent = []
  }

  private collect(): typeof Commands.Type | undefined {
    const runs: Array<typeof RunCommand.Type> = []
    let bytes = 0
    while (bytes < MAX_MESSAGE_BYTES) {
      const inFlight = this.unsent.shift()
      if (inFlight === undefined) break
      inFlight.sent = true
      for (const run of this.encode(inFlight)) {
        runs.push(run)
        bytes += run.payloads.length
      }
    }
    const { cancels, confirmed, steal } = this
    if (runs.length === 0 && cancels.length === 0 && confirmed.length === 0 && !steal) return undefined
    this.cancels = []
    this.confirmed = []
    this.steal = false
    return { runs, confirmed, cancels, steal }
  }

  private encode({ chunk, nameIndexes, names }: InFlightChunk): ReadonlyArray<typeof RunCommand.Type> {
    const { items } = chunk
    const { catalog, maxTaskBytes, onUnsendable } = this.options
    const frames = encodeFrames(
      items.map(({ payload }, at) => ({ nameIndex: nameIndexes[at], value: payload })),
      names.map((name) => catalog.shapes(name).payload),
      maxTaskBytes,
      (at, message) => onUnsendable(chunk, at, message)
    )
    return frames.map(({ bytes, from, to }): typeof RunCommand.Type => {
      const some = items.slice(from, to)
      return {
        chunk: chunk.id,
        first: from,
        names,
        nameIndexes: toNumbers16(nameIndexes.slice(from, to)),
        payloads: bytes,
        confirmStart: chunk.quarantined,
        ...(some.some(({ attempt }) => attempt > 1) ? { attempts: some.map(({ attempt }) => attempt) } : {}),
        ...(some.some(({ taskTimeout }) => taskTimeout !== undefined)
          ? { timeouts: some.map(({ taskTimeout }) => taskTimeout ?? -1) }
          : {}),
        ...(some.some(({ span }) => span !== undefined) ? { spans: some.map(spanOf) } : {})
      }
    })
  }
}

const spanOf = ({ span }: Executor.Item): WireSpan | null =>
  span === undefined ? null : { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }
