/**
 * The buffers of a payload or result that are transferred to the other side: those that the task gives up, and
 * copies of large ones. A buffer that the owner keeps is never transferred, only a copy of it.
 */
import { isMarkedAsUntransferable } from "node:worker_threads"

/** Every buffer in a value that can be transferred. Buffers that Node shares between its own views are left, and copied. */
export const buffersOf = (value: unknown): Set<ArrayBuffer> => {
  const buffers = new Set<ArrayBuffer>()
  const seen = new Set<object>()
  const stack: Array<unknown> = [value]
  while (stack.length > 0) {
    const part = stack.pop()
    if (typeof part !== "object" || part === null || seen.has(part)) continue
    seen.add(part)
    const buffer = ArrayBuffer.isView(part) ? part.buffer : part
    if (buffer instanceof ArrayBuffer) {
      if (!buffer.detached && !isMarkedAsUntransferable(buffer)) buffers.add(buffer)
    } else if (!ArrayBuffer.isView(part)) {
      for (const inner of part instanceof Map ? [...part.keys(), ...part.values()] : Object.values(part)) {
        stack.push(inner)
      }
    }
  }
  return buffers
}

/** The smallest buffer, in bytes, for which transferring a copy costs less than cloning. */
const LARGE = 16 * 1024

/**
 * A copy, to be transferred, of bytes in a large buffer; other bytes are returned as they are, to be cloned. The copy
 * is the only one, of just the bytes in the view; structured clone would copy the whole buffer into the message and
 * out of it again.
 */
export const copyLarge = (bytes: Uint8Array, transferred: Array<ArrayBuffer>): Uint8Array => {
  const { buffer, byteLength, byteOffset } = bytes
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < LARGE) return bytes
  try {
    const copy = buffer.slice(byteOffset, byteOffset + byteLength)
    transferred.push(copy)
    return new Uint8Array(copy)
  } catch {
    // Out of memory. Cloning the bytes then fails as well, and fails this item alone.
    return bytes
  }
}
