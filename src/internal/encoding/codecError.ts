/**
 * The result of a codec for a value that does not fit its schema. A plain value that codecs return
 * and never throw: it is made for every such task, so it captures no stack.
 */
import { describe } from "../describe.ts"

/** Why a value does not fit its schema, as a message for people. */
export class CodecError {
  readonly message: string

  constructor(message: string) {
    this.message = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
  }
}

const MAX_MESSAGE = 2000

/** The `CodecError` of a thrown or failed value. */
export const toCodecError = (error: unknown): CodecError => new CodecError(describe(error))
