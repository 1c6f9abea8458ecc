/** The codecs of one task for its encoded payloads, results and errors as bytes. */
import type * as Task from "../../task.ts"
import * as Codec from "../codec.ts"
import { type ValueCodec, valueCodec } from "./valueCodec.ts"

export interface TaskCodecs {
  readonly payload: ValueCodec
  readonly success: ValueCodec
  readonly error: ValueCodec
}

/** Each codec is made when it is first used. */
export const make = (task: Task.AnyClass): TaskCodecs => {
  const { error, payload, success } = Codec.make(task)
  return { payload: valueCodec(payload), success: valueCodec(success), error: valueCodec(error) }
}
