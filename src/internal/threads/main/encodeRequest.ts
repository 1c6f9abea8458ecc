/**
 * Encodes a request as a message. Payloads are encoded as columns, by type. If a payload cannot be cloned, it alone
 * fails, and the other items of its request are sent.
 */
import type * as Executor from "../../../Executor.ts"
import type * as TaskGroup from "../../../TaskGroup.ts"
import * as Codec from "../../encoding/codec.ts"
import { toColumns } from "../../encoding/columns.ts"
import { wireSpan } from "../../encoding/span.ts"
import type { Extras, RunRequest } from "../protocol/messages.ts"
import { buffersOf, copyLarge } from "../protocol/transfer.ts"
import type { Request } from "./request.ts"

/** The codecs of the payloads of a group, each made once. */
export class PayloadCodecs {
  private readonly group: TaskGroup.Any
  private readonly codecs = new Map<string, Codec.Codec>()

  constructor(group: TaskGroup.Any) {
    this.group = group
  }

  of(name: string): Codec.Codec {
    let codec = this.codecs.get(name)
    if (codec === undefined) this.codecs.set(name, codec = Codec.make(this.group.tasks.get(name)!).payload)
    return codec
  }
}

/** The message of a request. Adds the buffers that it transfers to `transferred`: moved ones, or copies of large ones. */
export const encodeRequest = (
  request: Request,
  codecs: PayloadCodecs,
  transferred: Array<ArrayBuffer>
): RunRequest => {
  const { encoded: encodedTasks, id, moved, requestSlot } = request
  if (encodedTasks !== undefined) {
    const { name, payloads, size } = encodedTasks
    return ["run", id, requestSlot, [name], undefined, { count: size, bytes: payloads }, undefined]
  }
  const { items } = request
  if (moved) { for (const buffer of buffersOf(items[0].payload)) transferred.push(buffer) }
  const copy = copyLarge(transferred)
  const names = [items[0].name]
  const nameIndices: Array<number> = []
  const payloads: Array<Array<unknown>> = [[]]
  for (const { name, payload } of items) {
    let index = names.indexOf(name)
    if (index === -1) {
      index = names.push(name) - 1
      payloads.push([])
    }
    nameIndices.push(index)
    payloads[index].push(payload)
  }
  const encoded = payloads.map((ofName, index) => {
    const { shape, withBytes } = codecs.of(names[index])
    try {
      return toColumns(
        shape,
        moved || withBytes === undefined ? ofName : ofName.map((payload) => withBytes(payload, copy))
      )
    } catch {
      // Another process encoded a payload that does not have the shape of its schema: the thread refuses that one alone.
      return toColumns(undefined, ofName)
    }
  })
  return ["run", id, requestSlot, names, names.length === 1 ? undefined : nameIndices, encoded, extrasOf(items)]
}

/** The message without any payload, after all of its items have failed: each can be cloned, but not all together. */
export const withoutPayloads = (
  [tag, id, requestSlot, names, nameIndices, , extras]: RunRequest,
  request: Request,
  fail: (request: Request, at: number, failure: Executor.WireFailure) => void
): RunRequest => {
  const message = "it cannot be sent together with the other payloads of its chunk"
  request.items.forEach((_, at) => fail(request, at, { _tag: "Undecodable", part: "payload", message }))
  const payloads = names.map((_, index) =>
    toColumns(undefined, request.items.flatMap((_, at) => (nameIndices?.[at] ?? 0) === index ? [undefined] : []))
  )
  return [tag, id, requestSlot, names, nameIndices, payloads, extras]
}

/** The message without the payloads that cannot be cloned, after their items have failed. */
export const withoutUnclonable = (
  message: RunRequest,
  request: Request,
  fail: (request: Request, at: number, failure: Executor.WireFailure) => void
): RunRequest => {
  const [tag, id, requestSlot, names, nameIndices, , extras] = message
  const payloads: ReadonlyArray<Array<unknown>> = names.map(() => [])
  request.items.forEach(({ payload }, at) => {
    const ofName = payloads[nameIndices === undefined ? 0 : nameIndices[at]]
    try {
      structuredClone(payload)
      ofName.push(payload)
    } catch (error) {
      // The scheduler drops the second outcome, which the thread makes of the payload `undefined`.
      fail(request, at, { _tag: "Undecodable", part: "payload", message: String(error) })
      ofName.push(undefined)
    }
  })
  return [tag, id, requestSlot, names, nameIndices, payloads.map((ofName) => toColumns(undefined, ofName)), extras]
}

/** The extras of items; `undefined` if no item has any. */
const extrasOf = (items: ReadonlyArray<Executor.Item>): Extras | undefined => {
  const attempts = items.some((item) => item.attempt > 1) ? items.map((item) => item.attempt) : undefined
  const timeouts = items.some((item) => item.taskTimeout !== undefined)
    ? items.map((item) => item.taskTimeout)
    : undefined
  const spans = items.some((item) => item.span !== undefined)
    ? items.map(({ span }) => span === undefined ? undefined : wireSpan(span))
    : undefined
  const once = items.some((item) => !item.idempotent)
  return attempts === undefined && timeouts === undefined && spans === undefined && !once
    ? undefined
    : { attempts, timeouts, once, spans }
}
