/**
 * A request in the thread: its items, and the outcomes that have not been sent. Outcomes are grouped by the shape of
 * their results, so that results are encoded as columns.
 *
 * Payloads are made of columns when the first item starts: the time counts as that of the items, and the payloads of
 * requests that wait are few objects. A payload is not kept once its item has started.
 */
import * as Tracer from "effect/Tracer"
import type { WireFailure } from "../../../Executor.ts"
import { CodecError } from "../../encoding/codec.ts"
import {
  countOf,
  type EncodedColumns,
  fromColumns,
  type ListShape,
  type Shape,
  toColumns
} from "../../encoding/columns.ts"
import type { Handler, Start } from "../../handlers/handler.ts"
import type { Handlers } from "../../handlers/handlers.ts"
import type { Done, EncodedPayloads, EncodedResults, Extras, Results, RunRequest } from "../protocol/messages.ts"
import type { EncodedTasks } from "./encodedTasks.ts"

/** The start of most items. */
const FIRST: Start = { attempt: 1, span: undefined }

/** Results of one shape. */
interface ShapeGroup {
  readonly shape: Shape | ListShape | undefined
  readonly at: Array<number>
  readonly values: Array<unknown>
  /** Each item follows the one before it. */
  contiguous: boolean
}

export class ThreadRequest {
  readonly id: number
  readonly requestSlot: number
  readonly extras: Extras | undefined
  readonly size: number
  private encoded: ReadonlyArray<EncodedColumns> | EncodedPayloads | undefined
  /** The name of its tasks, if their results go back encoded. */
  private readonly encodedName: string | undefined
  private readonly encodedTasks: EncodedTasks | undefined
  private payloads: Array<unknown> = []
  /** Why no payload can be decoded. */
  private unreadable: CodecError | undefined
  private readonly nameIndices: ReadonlyArray<number> | undefined
  private readonly handlers: ReadonlyArray<Handler | undefined>
  /** Items that have suspended and not ended. */
  running = 0
  /** No item is left to claim. Once the main thread knows, it may open the slot for another request. */
  exhausted = false
  /** Items were revoked before the thread came to claim them. */
  revoked = false
  /** The main thread has been told that no outcome follows. */
  closed = false
  private results: Array<ShapeGroup> = []
  private failures: Array<readonly [at: number, failure: WireFailure]> = []
  /** Buffers of the results, to be transferred with them. */
  transferred: Array<ArrayBuffer> = []

  constructor(message: RunRequest, handlers: Handlers, encodedTasks?: EncodedTasks) {
    const [, id, requestSlot, names, nameIndices, encoded, extras] = message
    this.id = id
    this.requestSlot = requestSlot
    this.extras = extras
    this.nameIndices = nameIndices
    this.handlers = names.map((name) => handlers.get(name))
    this.encoded = encoded
    this.encodedTasks = encodedTasks
    if ("bytes" in encoded) {
      this.encodedName = names[0]
      this.size = encoded.count
    } else {
      this.size = nameIndices === undefined ? countOf(encoded[0]) : nameIndices.length
    }
  }

  /** Its payloads and results are encoded as in another process. */
  get isEncoded(): boolean {
    return this.encodedName !== undefined
  }

  private decodePayloads(encoded: ReadonlyArray<EncodedColumns> | EncodedPayloads): void {
    this.encoded = undefined
    if ("bytes" in encoded) {
      const decoded = this.encodedTasks!.decode(this.encodedName!, encoded)
      if (decoded instanceof CodecError) this.unreadable = decoded
      else this.payloads = decoded as Array<unknown>
    } else {
      this.decodeColumns(encoded)
    }
  }

  private decodeColumns(encoded: ReadonlyArray<EncodedColumns>): void {
    const payloads = encoded.map(fromColumns)
    if (this.nameIndices === undefined) {
      // The list belongs to the message, and so to this request.
      this.payloads = payloads[0] as Array<unknown>
    } else {
      const taken = encoded.map(() => 0)
      this.payloads = this.nameIndices.map((index) => payloads[index][taken[index]++])
    }
  }

  /** The payload of an item, or the `CodecError` of all. To be called once, since the request then drops it. */
  takePayload(at: number): unknown {
    if (this.encoded !== undefined) this.decodePayloads(this.encoded)
    if (this.unreadable !== undefined) return this.unreadable
    const payload = this.payloads[at]
    this.payloads[at] = undefined
    return payload
  }

  handlerOf(at: number): Handler | undefined {
    return this.handlers[this.nameIndices === undefined ? 0 : this.nameIndices[at]]
  }

  /** No item is left to claim, after so many. */
  exhaust(claimed: number): void {
    this.exhausted = true
    this.revoked = claimed < this.size
  }

  /** The start of an item as its handler sees it. */
  startOf(at: number): Start {
    const { extras } = this
    if (extras === undefined) return FIRST
    const span = extras.spans?.[at]
    return {
      attempt: extras.attempts?.[at] ?? 1,
      span: span === undefined ? undefined : Tracer.externalSpan(span)
    }
  }

  /** Outcomes wait to be sent. */
  get hasOutcomes(): boolean {
    return this.results.length > 0 || this.failures.length > 0
  }

  /** There is something to report: outcomes, or that none will follow. */
  get reportable(): boolean {
    return this.hasOutcomes || (this.done && !this.closed)
  }

  /** Every claimed item has ended, and no item will be claimed. */
  get done(): boolean {
    return this.exhausted && this.running === 0
  }

  succeed(at: number, value: unknown, shape: Shape | ListShape | undefined): void {
    let i = 0
    while (i < this.results.length && this.results[i].shape !== shape) i++
    if (i === this.results.length) {
      this.results.push({ shape, at: [at], contiguous: true, values: [value] })
      return
    }
    const group = this.results[i]
    if (group.at[group.at.length - 1] + 1 !== at) group.contiguous = false
    group.at.push(at)
    group.values.push(value)
  }

  fail(at: number, failure: WireFailure): void {
    this.failures.push([at, failure])
  }

  /** Takes the outcomes that wait. */
  take(): readonly [results: Done[2], failures: Done[3]] {
    const encoded = this.failures.length === 0 && this.results.length === 1 ? this.encode(this.results[0]) : undefined
    if (encoded !== undefined) {
      this.results = []
      this.transferred = []
      return [encoded, []]
    }
    const results = this.results.map(({ at, contiguous, shape, values }): Results => ({
      at: contiguous ? at[0] : at,
      values: encode(shape, values)
    }))
    const { failures } = this
    this.results = []
    this.failures = []
    return [results, failures]
  }

  private encode({ at, contiguous, values }: ShapeGroup): EncodedResults | undefined {
    if (this.encodedName === undefined || !contiguous) return undefined
    const bytes = this.encodedTasks!.encode(this.encodedName, values)
    return bytes === undefined ? undefined : { from: at[0], to: at[0] + at.length, bytes }
  }
}

/** A value without the shape that it had when it was checked is sent as it is, for the main thread to refuse it alone. */
const encode = (shape: Shape | ListShape | undefined, values: ReadonlyArray<unknown>): EncodedColumns => {
  try {
    return toColumns(shape, values)
  } catch {
    return toColumns(undefined, values)
  }
}
