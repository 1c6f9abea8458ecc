/**
 * The codecs of a task: its payload, results and errors as data that structured clone carries.
 * A schema that is its own encoding is only checked (`plainCodec.ts`); a struct or class is encoded
 * field by field (`fieldsCodec.ts`); every other schema goes through `Schema.toCodecJson`.
 */
import * as Schema from "effect/Schema"
import type * as Task from "../task.ts"
import { toCodecError } from "./codecError.ts"
import { type AnyCodec, type Codec, type Convert, fromExit } from "./codecModel.ts"
import { byFields, hasFields } from "./fieldsCodec.ts"
import { hasCloneable, isPlain, plain } from "./plainCodec.ts"
import { type Snapshot, snapshotOf } from "./snapshot.ts"

export { CodecError, toCodecError } from "./codecError.ts"
export type { Codec } from "./codecModel.ts"

/** The codec of a payload, a result or an error. */
export interface WholeCodec extends Codec {
  /** Copies the parts of an encoded value that its owner may still change; absent if there are none. */
  readonly snapshot: Snapshot | undefined
}

/** The codecs of one task. */
export interface TaskCodec {
  readonly payload: WholeCodec
  readonly success: WholeCodec
  readonly error: WholeCodec
}

/**
 * Derives the codecs of a task class; called once per class and dispatcher. If one of its schemas has no codec,
 * every value of the task is refused with the reason.
 */
export const make = (task: Task.AnyClass): TaskCodec => {
  const { error, success } = task.prototype["~papyros/Task"]
  try {
    return {
      payload: wholeOf(task as AnyCodec),
      success: wholeOf(success as AnyCodec),
      error: wholeOf(error as AnyCodec)
    }
  } catch (cause) {
    const refuse: Convert = () => toCodecError(cause)
    const codec: WholeCodec = {
      encode: refuse,
      decode: refuse,
      shape: undefined,
      withBytes: undefined,
      snapshot: undefined
    }
    return { payload: codec, success: codec, error: codec }
  }
}

const wholeOf = (schema: AnyCodec): WholeCodec => ({ ...codecOf(schema), snapshot: snapshotOf(schema) })

const codecOf = (schema: AnyCodec): Codec => {
  // A plain struct is encoded by its fields all the same: undeclared fields of a value must be left out.
  if (isPlain(schema.ast) && !hasFields(schema)) return plain(schema)
  if (
    hasFields(schema) && Object.values(schema.fields).some((field) => hasCloneable(field.ast) || isPlain(field.ast))
  ) {
    return byFields(schema, codecOf)
  }
  return viaJson(Schema.toCodecJson(schema))
}

const viaJson = (schema: AnyCodec): Codec => ({
  encode: fromExit(Schema.encodeUnknownExit(schema)),
  decode: fromExit(Schema.decodeUnknownExit(schema)),
  shape: undefined,
  withBytes: undefined
})

/** A defect as plain data: name, message, stack and cause of an Error, else its JSON. */
export const defect: Codec = viaJson(Schema.Defect({ includeStack: true }))
