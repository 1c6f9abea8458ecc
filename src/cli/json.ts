/**
 * The JSON of a task's payload, result and error, in which the lines of `papyros run` are written.
 *
 * Must stay true: JSON is made by the schemas of the task, so that dates and classes survive.
 */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Task from "../Task.ts"

/** Encodes or decodes one value. */
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

/** The message of an error, cut at `MAX_MESSAGE` characters. */
export const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : String(error)
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
}
