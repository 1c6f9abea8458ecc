import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Task from "../Task.ts"

/** Encodes or decodes one value: the outcome, or why it does not fit. */
export type Coder = (value: unknown) => Exit.Exit<unknown, Schema.SchemaError>

/** The codecs of one task: plain data that JSON and structured clone both carry. */
export interface TaskCodec {
  readonly encodePayload: Coder
  readonly decodePayload: Coder
  readonly encodeSuccess: Coder
  readonly decodeSuccess: Coder
  readonly encodeError: Coder
  readonly decodeError: Coder
}

type AnyCodec = Schema.Codec<unknown, unknown>

/** Derives the codecs of a task class; once per class and dispatcher. */
export const make = (task: Task.AnyClass): TaskCodec => {
  const { error, success } = task.prototype["~papyros/Task"]
  const payload = Schema.toCodecJson(task as unknown as AnyCodec)
  const successCodec = Schema.toCodecJson(success as AnyCodec)
  const errorCodec = Schema.toCodecJson(error as AnyCodec)
  return {
    encodePayload: Schema.encodeUnknownExit(payload),
    decodePayload: Schema.decodeUnknownExit(payload),
    encodeSuccess: Schema.encodeUnknownExit(successCodec),
    decodeSuccess: Schema.decodeUnknownExit(successCodec),
    encodeError: Schema.encodeUnknownExit(errorCodec),
    decodeError: Schema.decodeUnknownExit(errorCodec)
  }
}

const MAX_MESSAGE = 2000

/** Why a value does not fit, for people. */
export const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : String(error)
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
}

const defect = Schema.Defect({ includeStack: true })

/** A defect as plain data: name, message, stack and cause of an Error, else what JSON can carry. */
export const encodeDefect = Schema.encodeUnknownExit(defect)

/** The Error, or the data, that was encoded. */
export const decodeDefect = Schema.decodeUnknownExit(defect)
