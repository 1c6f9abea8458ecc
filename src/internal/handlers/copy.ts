/**
 * How encoded data is copied from one side of the boundary to the other. In this process a copy must be made here,
 * so that both sides never share an object; in a worker thread `postMessage` makes it.
 */
import { CodecError, toCodecError } from "../encoding/codec.ts"

/** Copies encoded data; returns a `CodecError` for data that cannot be cloned, and passes a `CodecError` through. */
export type Copy = (value: unknown) => unknown

/** Copies by structured clone, as a thread does. */
export const structuredCopy: Copy = (value) => {
  if ((typeof value !== "object" && typeof value !== "function") || value instanceof CodecError) return value
  try {
    return structuredClone(value)
  } catch (error) {
    return toCodecError(error)
  }
}

/** Returns the value itself, which is copied when it is sent. */
export const noCopy: Copy = (value) => value
