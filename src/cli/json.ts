/** The JSON of a task's payload, result and error: what the lines of `papyros run` carry. */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Task from "../Task.ts"

/** Encodes or decodes one value: the outcome, or why it does not fit. */
type Coder = (value: unknown) => Exit.Exit<unknown, Schema.SchemaError>

/** The JSON codecs of one task. */
export interface TaskJson {
  readonly decodePayload: Coder
  readonly encodeSuccess: Coder
  readonly encodeError: Coder
}

type AnyCodec = Schema.Codec<unknown, unknown>

/** Derives the JSON codecs of a task class. */
export const make = (task: Task.AnyClass): TaskJson => {
  const { error, success } = task.prototype["~papyros/Task"]
  return {
    decodePayload: Schema.decodeUnknownExit(Schema.toCodecJson(task as AnyCodec)),
    encodeSuccess: Schema.encodeUnknownExit(Schema.toCodecJson(success as AnyCodec)),
    encodeError: Schema.encodeUnknownExit(Schema.toCodecJson(error as AnyCodec))
  }
}

const MAX_MESSAGE = 2000

/** Why a value does not fit, for people. */
export const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : String(error)
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
}
