/**
 * The codecs of a task: its payload, results and errors as data that structured clone carries.
 * A schema that is its own encoding is only checked (`plainCodec.ts`); a struct or class is encoded
 * field by field (`fieldsCodec.ts`), a list of them element by element (`listCodec.ts`), and a JSON tree
 * as text (`jsonValueCodec.ts`); every other schema is encoded as JSON with bytes and dates in it
 * (`jsonCodec.ts`).
 */
import * as Schema from "effect/Schema"
import { describe } from "../describe.ts"
import type * as Task from "../task.ts"
import { toCodecError } from "./codecError.ts"
import type { AnyCodec, Codec, Convert } from "./codecModel.ts"
import { byFields, hasFields } from "./fieldsCodec.ts"
import { viaJson } from "./jsonCodec.ts"
import { isJsonValue, jsonValue } from "./jsonValueCodec.ts"
import { byElements, isListOfObjects } from "./listCodec.ts"
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
      encodeAccepted: refuse,
      decode: refuse,
      encoded: () => Schema.Never.ast,
      shape: undefined,
      withBytes: undefined,
      snapshot: undefined
    }
    return { payload: codec, success: codec, error: codec }
  }
}

const wholeOf = (schema: AnyCodec): WholeCodec => ({ ...codecOf(schema), snapshot: snapshotOf(schema) })

const codecOf = (schema: AnyCodec): Codec => {
  if (isJsonValue(schema.ast)) return jsonValue(viaJson)
  // A plain struct is encoded by its fields all the same: undeclared fields of a value must be left out.
  if (isPlain(schema.ast) && !hasFields(schema)) return plain(schema)
  if (
    hasFields(schema) &&
    Object.values(schema.fields).some((field) =>
      hasCloneable(field.ast) || isPlain(field.ast) || isListOfObjects(field) || isJsonValue(field.ast)
    )
  ) {
    return byFields(schema, codecOf)
  }
  if (isListOfObjects(schema) && !isPlain(schema.ast)) return byElements(schema, codecOf)
  return viaJson(schema)
}

const jsonDefect = viaJson(Schema.Defect({ includeStack: true }))

/**
 * A defect as plain data: name, message, stack and cause of an Error, else its JSON. A value that JSON would
 * turn into `null` is itself (`undefined`) or its description (a function, a symbol).
 */
export const defect: Codec = {
  ...jsonDefect,
  encode: (value) => {
    if (value === undefined) return undefined
    return jsonDefect.encode(typeof value === "function" || typeof value === "symbol" ? describe(value) : value)
  },
  decode: (value) => value === undefined ? undefined : jsonDefect.decode(value)
}
